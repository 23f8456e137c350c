"""Dialogues as data frames of audformat, audEERING's way to keep annotations, and the other way round.

A row is a segment: the index says ``file``, ``start`` and ``end``, times to the nanosecond. Beside it
stand ``recording``, ``speaker``, ``emotion``, ``emotion_score``, one ``emotion_score_angry`` for each
class, and what else is known of the emotion. The file is the recording's sound; where that is
unknown, its name, and ``recording`` is empty. Channels, logits and arrays have no place.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.core import Dialogue, Emotion, ScoredTurn, Turn
from emo2vec_plugins.errors import FormatError, InvalidTurnError, MissingExtraError, warn

if TYPE_CHECKING:
    import pandas as pd

NANOSECONDS = 1_000_000_000
LATEST = 2**63 - 1_000_000
"""Nanoseconds that a Timedelta holds, less some for segments that are there more than once."""

INDEX = ("file", "start", "end")

Values = dict[str, Any]


def import_audformat() -> Any:
    """Return the library.

    Raises:
        MissingExtraError: If it is not installed.
    """
    try:
        import audformat
    except ImportError as error:
        raise MissingExtraError(
            "this needs audformat: pip install 'emo2vec-plugins[audformat]'"
        ) from error
    return audformat


def to_frame(
    dialogues: Iterable[Dialogue],
    *,
    field: str = "emotion",
    root: str | os.PathLike[str] | None = None,
) -> pd.DataFrame:
    """Return a row for each turn, in order, under a segmented index without duplicates.

    Two turns of one file with the same bounds are two rows all the same: the later one ends a
    nanosecond later, because an index of audformat cannot have a segment twice.

    Args:
        dialogues: Held in memory together.
        field: Name of the column with the label, and what those beside it begin with.
        root: Folder of the database; files below it are named from there.

    Raises:
        FormatError: If two recordings have one name, or a turn begins before its file does.
    """
    import pandas as pd

    audformat = import_audformat()
    given = list(dialogues)
    _check(given)
    segments = _Segments()
    rows: list[Values] = []
    for dialogue in given:
        file, name = _file(dialogue, root)
        for scored in dialogue.turns:
            segments.add(file, scored.turn)
            heard = emotion_values(scored.emotion, field=field)
            rows.append({"recording": name, "speaker": scored.turn.speaker} | heard)
    index = audformat.segmented_index(
        segments.files,
        pd.to_timedelta(segments.starts, unit="ns"),
        pd.to_timedelta(segments.ends, unit="ns"),
    )
    names = columns((scored.emotion for each in given for scored in each.turns), field=field)
    return pd.DataFrame(
        {
            name: pd.Series([row.get(name) for row in rows], index=index, dtype=dtype)
            for name, dtype in ({"recording": "string", "speaker": "string"} | names).items()
        },
        index=index,
    )


def from_frame(frame: pd.DataFrame, *, field: str = "emotion") -> list[Dialogue]:
    """Return the dialogues in a frame with a segmented index, in order of first mention.

    Args:
        frame: Without missing ends. Columns may be missing, and others are not looked at; where
            there is no ``recording``, a file is a recording of its own.
        field: Name of the column with the label.

    Raises:
        FormatError: If the index is not segmented, an end is missing, or a row is no turn; names
            the row.
    """
    if not import_audformat().is_segmented_index(frame.index):
        raise FormatError(
            f"expected an index of {', '.join(INDEX)}, found {', '.join(map(str, frame.index.names))}"
        )
    columns_ = {str(name): cells(frame[name]) for name in frame.columns}
    recordings: dict[tuple[str, str | None], list[ScoredTurn]] = {}
    for place, bounds in enumerate(frame.index):
        row = {name: cells[place] for name, cells in columns_.items()}
        head = _recording(str(bounds[0]), row)
        recordings.setdefault(head, []).append(_scored(bounds, row, field))
    return [
        Dialogue(recording=name, turns=tuple(turns), audio=audio)
        for (name, audio), turns in recordings.items()
    ]


def columns(emotions: Iterable[Emotion], *, field: str) -> dict[str, str]:
    """Return the columns for some emotions, each with its pandas type."""
    scores = dict.fromkeys(f"{field}_score_{name}" for each in emotions for name in each.scores)
    return {
        field: "string",
        f"{field}_score": "float64",
        **dict.fromkeys(scores, "float64"),
        f"{field}_flags": "string",
        f"{field}_reason": "string",
        f"{field}_duration": "float64",
        f"{field}_overlap_ratio": "float64",
    }


def emotion_values(emotion: Emotion, *, field: str) -> Values:
    """Return what the columns of one row hold."""
    return {
        field: emotion.label,
        f"{field}_score": emotion.score,
        **{f"{field}_score_{name}": value for name, value in emotion.scores.items()},
        f"{field}_flags": " ".join(emotion.flags) or None,
        f"{field}_reason": emotion.reason,
        f"{field}_duration": emotion.duration,
        f"{field}_overlap_ratio": emotion.overlap_ratio,
    }


def seconds(time: Any) -> float:
    """Return a Timedelta in seconds, exactly as near as a float can be."""
    return int(time.value) / NANOSECONDS


class _Segments:
    """Collects the levels of an index, in which no segment is there twice."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        self._taken: set[tuple[str, int, int]] = set()

    def add(self, file: str, turn: Turn) -> None:
        start, end = round(turn.start * NANOSECONDS), round(turn.end * NANOSECONDS)
        if not 0 <= start <= end < LATEST:
            raise FormatError(
                f"{file}: a segment of audformat lies between 0 and 292 years, "
                f"found {turn.start} to {turn.end} s"
            )
        while (file, start, end) in self._taken:
            end += 1
        self._taken.add((file, start, end))
        self.files.append(file)
        self.starts.append(start)
        self.ends.append(end)


def _check(dialogues: Sequence[Any]) -> None:
    names: set[str] = set()
    for each in dialogues:
        if not isinstance(each, Dialogue):
            raise FormatError(f"expected a Dialogue, got {type(each).__name__}")
        if each.recording in names:
            raise FormatError(f"two recordings are called {each.recording!r}")
        names.add(each.recording)
    silent = [each.recording for each in dialogues if not each.turns]
    if silent:
        warn(f"recordings without turns have no row: {', '.join(map(repr, silent[:10]))}")


def _file(dialogue: Dialogue, root: str | os.PathLike[str] | None) -> tuple[str, str | None]:
    """Return what the index says of a recording, and what the column does."""
    if dialogue.audio is None:
        return dialogue.recording, None
    if root is None:
        return dialogue.audio, dialogue.recording
    try:
        below = Path(dialogue.audio).resolve().relative_to(Path(root).resolve())
    except ValueError:
        return dialogue.audio, dialogue.recording
    return below.as_posix(), dialogue.recording


def cells(series: pd.Series[Any]) -> list[Any]:
    """Return a column's values, None where one is missing."""
    return [
        None if missing else value for value, missing in zip(series, series.isna(), strict=True)
    ]


def _recording(file: str, row: Mapping[str, Any]) -> tuple[str, str | None]:
    if "recording" not in row:
        return file, file
    return (file, None) if row["recording"] is None else (str(row["recording"]), file)


def _scored(bounds: tuple[Any, Any, Any], row: Mapping[str, Any], field: str) -> ScoredTurn:
    file, start, end = bounds
    where = f"{file}, {start} to {end}"
    if end != end or start != start:  # NaT is the only time that is not itself
        raise FormatError(
            f"{where}: the segment is open, and how long the file is is not known here"
        )
    prefix = f"{field}_score_"
    speaker, label, reason = (
        _text(row.get(name)) for name in ("speaker", field, f"{field}_reason")
    )
    try:
        turn = Turn(start=seconds(start), end=seconds(end), speaker=speaker)
        emotion = Emotion(
            label=label,
            score=_number(row.get(f"{field}_score")),
            scores={
                name.removeprefix(prefix): float(value)
                for name, value in row.items()
                if name.startswith(prefix) and value is not None
            },
            flags=tuple((_text(row.get(f"{field}_flags")) or "").split()),
            reason=reason,
            duration=_number(row.get(f"{field}_duration")) or 0.0,
            overlap_ratio=_number(row.get(f"{field}_overlap_ratio")),
        )
    except InvalidTurnError as error:
        raise FormatError(f"{where}: {error}") from error
    except (TypeError, ValueError) as error:
        raise FormatError(f"{where}: expected numbers as scores: {error}") from error
    return ScoredTurn(turn=turn, emotion=emotion)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
