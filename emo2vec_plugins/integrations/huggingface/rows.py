"""One row of a Hugging Face data set: its turns, and the columns that it gets.

Audio comes as ``{"bytes": ..., "path": ...}``, which is how the column is stored, and is decoded
here: the library's own decoder needs torchcodec with FFmpeg.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.core import Emotion, Options, Turn
from emo2vec_plugins.errors import AudioError, InvalidTurnError, OptionsError
from emo2vec_plugins.integrations import RecordingSession, embedding_field, label_fields, seconds_of

if TYPE_CHECKING:
    from emo2vec_plugins.core import Audio

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetOptions(Options):
    """Which columns of a data set to read and to write, beside the options of all sources.

    Attributes:
        column: Name of the column with the audio.
        start: Name of a column with seconds: where in the audio a row begins.
        end: Name of a column with seconds: where in the audio a row ends.
        turns: Name of a column with a list of ``{"start": ..., "end": ..., "speaker": ...}``, the
            turns in the row's audio; the new columns are lists then, too.
        classes: Names of the classes that ``emotion_scores`` has; those of the first turn that
            has any, if empty.
        folder: Where the new columns are written; a temporary folder, which is gone when the
            process ends, if None.

    Raises:
        OptionsError: If *turns* is given beside *start* or *end*, or frames are asked for.
    """

    column: str = "audio"
    start: str | None = None
    end: str | None = None
    turns: str | None = None
    classes: tuple[str, ...] = ()
    folder: Any = None

    def __post_init__(self) -> None:
        Options.__post_init__(self)
        if self.turns is not None and (self.start is not None or self.end is not None):
            raise OptionsError("a row has turns, or a start and an end: give one of them")
        if self.frames:
            raise OptionsError("data sets hold no frames: leave them out, or ask for embeddings")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that are read."""
        named = (self.column, self.start, self.end, self.turns)
        return tuple(name for name in named if name is not None)

    @property
    def new_columns(self) -> tuple[str, ...]:
        """Names of the columns that are written."""
        return tuple(emotion_values(Emotion(), self))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DatasetRow:
    """One row as a source, annotated to the values of its new columns.

    Attributes:
        values: By the names of columns; audio as it is stored.
        options: Say which columns those are.
    """

    values: Row
    options: DatasetOptions


class RowSession(RecordingSession):
    """The turns of one row, in their order; an invalid turn fails by itself."""

    def __init__(self, row: Row, options: DatasetOptions) -> None:
        self._columns = options
        audio = audio_of(row.get(options.column))
        super().__init__("", audio, list(_turns(row, audio, options)), options)

    def finish(self) -> dict[str, Any]:
        """Return the values of the new columns."""
        values = [emotion_values(each, self._columns) for each in self.emotions().values()]
        if self._columns.turns is None:
            return values[0]
        return {name: [each[name] for each in values] for name in self._columns.new_columns}


def emotion_values(emotion: Emotion, options: Options) -> dict[str, Any]:
    """Return the values of the new columns for one turn."""
    return label_fields(emotion, options) | embedding_field(emotion, options)


def features_of(options: DatasetOptions) -> Any:
    """Return the features of the new columns, with a score for each of the *classes*."""
    from datasets import Features, List, Value

    field = options.field
    others = {
        f"{field}_score": Value("float64"),
        f"{field}_scores": {name: Value("float64") for name in options.classes},
        f"{field}_flags": List(Value("string")),
        f"{field}_overlap_ratio": Value("float64"),
        f"{field}_embedding": List(Value(options.array_dtype)),
    }
    named = {name: others.get(name, Value("string")) for name in options.new_columns}
    if not options.classes:
        # Nothing was ever scored, and Arrow has no struct without fields.
        del named[f"{field}_scores"]
    if options.turns is not None:
        named = {name: List(feature) for name, feature in named.items()}
    return Features(named)


def audio_of(value: Any) -> Audio:
    """Return the sound in a cell, whatever it is stored as; nothing is decoded yet."""
    from emo2vec_plugins.audio import MissingAudio, open_audio

    # Stored audio has bytes or a path; decoded audio, an array; a column of paths, strings.
    if isinstance(value, Mapping) and value.get("bytes") is not None:
        value = value["bytes"]
    elif isinstance(value, Mapping) and "array" in value:
        value = (value["array"], value.get("sampling_rate"))
    elif isinstance(value, Mapping):
        value = value.get("path")
    if value is None:
        return MissingAudio("there is no audio in this row")
    if isinstance(value, str) and "://" in value:
        return MissingAudio(f"{value}: is not on this machine; download it, or keep it as bytes")
    try:
        return open_audio(BytesIO(value) if isinstance(value, bytes) else value)
    except AudioError as error:
        return MissingAudio(str(error))


def _turns(row: Row, audio: Audio, options: DatasetOptions) -> Iterator[Turn | str]:
    """Yield the turns of a row, or why one is invalid."""
    if options.turns is None:
        start = row.get(options.start) if options.start else None
        end = row.get(options.end) if options.end else None
        yield _turn(start, end, None, audio)
        return
    for each in _listed(row.get(options.turns)):
        yield _turn(each.get("start"), each.get("end"), each.get("speaker"), audio)


def _turn(start: Any, end: Any, speaker: Any, audio: Audio) -> Turn | str:
    begin = 0.0 if start is None else start
    try:
        stop = max(begin, seconds_of(audio) or begin) if end is None else end
        return Turn(start=begin, end=stop, speaker=None if speaker is None else str(speaker))
    except (InvalidTurnError, TypeError) as error:
        return str(error)


def _listed(turns: Any) -> list[Mapping[str, Any]]:
    """Return a list of turns, as the library gives a list of structs, or a struct of lists."""
    if turns is None:
        return []
    if isinstance(turns, Mapping):
        names = list(turns)
        return [dict(zip(names, each, strict=True)) for each in zip(*turns.values(), strict=True)]
    return list(turns)
