"""Rows of a Hugging Face dataset: their turns, and a separate file with the new columns.

Audio is read in its stored form, ``{"bytes": ..., "path": ...}``, and decoded by this package: the
decoder of the library needs torchcodec with FFmpeg.
"""

from __future__ import annotations

import atexit
import tempfile
import weakref
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO
from itertools import zip_longest
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.core import Emotion, Options, Turn, shown
from emo2vec_plugins.errors import Emo2vecError, InvalidTurnError, OptionsError
from emo2vec_plugins.files import Part
from emo2vec_plugins.integrations import (
    RecordingSession,
    embedding_field,
    is_a,
    label_fields,
    seconds_of,
)

if TYPE_CHECKING:
    from emo2vec_plugins.core import Audio, Permissions

Row = Mapping[str, Any]

WRITTEN_ROWS = 512
"""Rows that are kept in memory before they are written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetOptions(Options):
    """Columns of a dataset to read and write, in addition to the options of all sources.

    Attributes:
        column: Name of the column with the audio.
        start: Name of a column with the start of each row in its audio, in seconds.
        end: Name of a column with the end of each row in its audio, in seconds.
        turns: Name of a column with the turns of each row, a list of
            ``{"start": ..., "end": ..., "speaker": ...}``. The new columns are then lists, too.
        classes: Classes in ``emotion_scores``. If empty, those of the first turn with scores.
        folder: Folder for the new columns. If None, a temporary folder, which is removed when the
            process ends.

    Raises:
        OptionsError: If both *turns* and *start* or *end* are given, or frames are requested.
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
            raise OptionsError("expected either turns or start and end, got both")
        if self.frames:
            raise OptionsError("a dataset cannot store frames: omit frames=True or use embeddings")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns to read."""
        named = (self.column, self.start, self.end, self.turns)
        return tuple(name for name in named if name is not None)

    @property
    def new_columns(self) -> tuple[str, ...]:
        """Names of the columns to write."""
        return tuple(emotion_values(Emotion(), self))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DatasetRow:
    """One row: a source. The result is a dictionary of values for the new columns.

    Attributes:
        values: Values by column name, with audio in its stored form.
        options: The columns to read and write.
    """

    values: Row
    options: DatasetOptions


class RowSession(RecordingSession):
    """The turns of one row, in order. An invalid turn does not affect the others."""

    def __init__(self, row: Row, options: DatasetOptions) -> None:
        self._columns = options
        audio = audio_of(row.get(options.column), options.permissions)
        super().__init__("", audio, list(_turns(row, audio, options)), options)

    def finish(self) -> dict[str, Any]:
        """Return the values of the new columns."""
        values = [emotion_values(each, self._columns) for each in self.emotions().values()]
        if self._columns.turns is None:
            return values[0]
        return {name: [each[name] for each in values] for name in self._columns.new_columns}


def emotion_values(emotion: Emotion, options: Options) -> dict[str, Any]:
    """Return the values of the new columns for one turn."""
    if emotion.reason is not None:
        # Names of files may have half characters, which Arrow cannot store.
        reason = emotion.reason.encode("utf-8", "backslashreplace").decode()
        emotion = replace(emotion, reason=reason)
    return label_fields(emotion, options) | embedding_field(emotion, options)


def features_of(options: DatasetOptions) -> Any:
    """Return the features of the new columns, with a score for each class in *options*."""
    from datasets import Features, List, Value

    field = options.field
    others = {
        f"{field}_score": Value("float64"),
        f"{field}_scores": {name: Value("float64") for name in options.classes},
        f"{field}_flags": List(Value("string")),
        f"{field}_overlap_ratio": Value("float64"),
        f"{field}_doubt": Value("float64"),
        f"{field}_embedding": List(Value(options.array_dtype)),
    }
    named = {name: others.get(name, Value("string")) for name in options.new_columns}
    if not options.classes:
        # Nothing was scored, and Arrow does not support a struct without fields.
        del named[f"{field}_scores"]
    if options.turns is not None:
        named = {name: List(feature) for name, feature in named.items()}
    return Features(named)


def audio_of(value: Any, permissions: Permissions) -> Audio:
    """Return the audio of a cell in any stored form. Nothing is decoded yet, URLs are not opened."""
    from emo2vec_plugins.audio import MissingAudio, open_audio

    # Stored audio has bytes or a path; decoded audio, an array; a column of paths, strings.
    if isinstance(value, Mapping):
        decoded = (value["array"], value.get("sampling_rate")) if "array" in value else None
        stored = value.get("bytes")
        value = stored if stored is not None else decoded or value.get("path")
    if value is None:
        return MissingAudio("the row has no audio")
    source = BytesIO(value) if isinstance(value, bytes) else value
    try:
        return open_audio(source, permissions=permissions)
    except (Emo2vecError, OSError, TypeError, ValueError) as error:
        return MissingAudio(str(error))


def _turns(row: Row, audio: Audio, options: DatasetOptions) -> Iterator[Turn | str]:
    """Yield each turn of a row, or the reason why it is invalid."""
    if options.turns is None:
        start = row.get(options.start) if options.start else None
        end = row.get(options.end) if options.end else None
        yield _turn(start, end, None, audio)
        return
    turns = row.get(options.turns)
    # The library returns a list of structs or a struct of lists.
    if isinstance(turns, Mapping) and all(isinstance(each, list) for each in turns.values()):
        turns = [dict(zip(turns, each, strict=True)) for each in zip_longest(*turns.values())]
    if turns is not None and not _is_list(turns):
        yield f"expected a list of turns in column {options.turns!r}, got {shown(turns)}"
        return
    for each in () if turns is None else turns:
        if isinstance(each, Mapping):
            yield _turn(each.get("start"), each.get("end"), each.get("speaker"), audio)
        else:
            yield f"expected a turn with start and end, got {shown(each)}"


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple) or is_a(value, "numpy", "ndarray")


def _turn(start: Any, end: Any, speaker: Any, audio: Audio) -> Turn | str:
    begin = 0.0 if start is None else start
    try:
        stop = max(begin, seconds_of(audio) or begin) if end is None else end
        return Turn(start=begin, end=stop, speaker=None if speaker is None else str(speaker))
    except (InvalidTurnError, TypeError) as error:
        return str(error)


class Columns:
    """Writes rows of new columns to a file, which the library then maps into memory.

    Raises:
        OSError: If the folder cannot be written.
    """

    def __init__(self, options: DatasetOptions) -> None:
        self._options = options
        self._rows: list[Row] = []
        self._writer: Any = None
        folder = _temporary() if options.folder is None else Path(options.folder)
        self._path = folder / f"emotions-{token_hex(8)}.arrow"
        self._part = Part(self._path)
        weakref.finalize(self, self._part.discard)

    def add(self, values: Row) -> None:
        """Add a row.

        Raises:
            OptionsError: If it has a score for an unknown class.
        """
        self._rows.append(values)
        # The schema needs the classes, so rows are kept until one of them has scores.
        if not self._options.classes:
            found = tuple(scores_in(values, self._options))
            self._options = replace(self._options, classes=found)
        if len(self._rows) >= WRITTEN_ROWS and self._options.classes:
            self._write()

    def close(self) -> Any:
        """Return the rows as a ``Dataset``."""
        from datasets import Dataset

        self._write()
        self._writer.close()
        self._part.seal()
        return Dataset.from_file(str(self._path))

    def _write(self) -> None:
        import pyarrow as pa

        table = table_of(self._rows, self._options)
        if self._writer is None:
            self._writer = pa.ipc.new_stream(str(self._part.path), table.schema)
        self._writer.write_table(table)
        self._rows = []


def table_of(rows: Sequence[Row], options: DatasetOptions) -> Any:
    """Return new rows as a ``pyarrow.Table``, with the metadata of the library.

    Raises:
        OptionsError: If a row has a class that is not in *options*.
    """
    import pyarrow as pa

    for row in rows:
        unknown = [name for name in scores_in(row, options) if name not in options.classes]
        if unknown:
            raise OptionsError(
                f"expected scores for {', '.join(options.classes)}, got one for {unknown[0]!r}; "
                "pass all classes with DatasetOptions(classes=...)"
            )
    return pa.Table.from_pylist(list(rows), schema=features_of(options).arrow_schema)


def scores_in(values: Row, options: DatasetOptions) -> Iterable[str]:
    """Return the classes for which a row has scores."""
    given = values[f"{options.field}_scores"]
    several = given if isinstance(given, list) else [given]
    return dict.fromkeys(name for scores in several for name in scores or {})


def check_columns(names: Collection[str], options: DatasetOptions) -> None:
    """Check that the columns to read exist, and that new columns may be written.

    Raises:
        OptionsError: If a column is missing, or a new column exists without *overwrite*.
    """
    missing = [name for name in options.columns if name not in names]
    if missing:
        listed = ", ".join(map(repr, missing))
        raise OptionsError(f"the dataset has no column {listed}; it has {', '.join(names)}")
    taken = [name for name in options.new_columns if name in names]
    if taken and not options.overwrite:
        ways = "use Options(field=...) or Options(overwrite=True)"
        raise OptionsError(f"the dataset already has {', '.join(taken)}; {ways}")


@cache
def _temporary() -> Path:
    # Removed with the process, not with a dataset: derived datasets map the same file.
    folder = tempfile.TemporaryDirectory(prefix="emo2vec-", ignore_cleanup_errors=True)
    atexit.register(folder.cleanup)
    return Path(folder.name)
