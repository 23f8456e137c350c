"""Dialogues as data frames of audformat, audEERING's way to keep annotations, and back.

A row is a segment: the index has ``file``, ``start`` and ``end``, times to the nanosecond. The columns
are those of audformat's CSV; see `emo2vec_plugins.formats`. Channels, logits and arrays have no place.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.core import Dialogue, Turn
from emo2vec_plugins.errors import FormatError, warn
from emo2vec_plugins.formats import (
    AUDFORMAT_INDEX,
    NANOSECONDS,
    audformat_columns,
    audformat_dialogues,
    audformat_row,
)
from emo2vec_plugins.integrations import import_extra

if TYPE_CHECKING:
    import pandas as pd

LATEST = 2**63 - 1_000_000
"""Nanoseconds that a Timedelta holds, less some for segments that are there more than once."""

PANDAS = {"text": "string", "number": "float64"}
"""The pandas type of what a column holds."""


def import_audformat() -> Any:
    """Return the library.

    Raises:
        MissingExtraError: If it is not installed.
    """
    return import_extra("audformat", extra="audformat")


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
        FormatError: If two recordings have one name, a turn begins before its file does, or a
            flag has spaces.
    """
    audformat, pandas = import_audformat(), import_extra("pandas", extra="audformat")
    given = list(dialogues)
    _check(given)
    segments = _Segments()
    rows: list[dict[str, Any]] = []
    for dialogue in given:
        for scored in dialogue.turns:
            row = audformat_row(dialogue, scored, field=field)
            if dialogue.audio is not None and root is not None:
                row["file"] = _below(dialogue.audio, Path(root))
            segments.add(row["file"], scored.turn)
            rows.append(row)
    index = audformat.segmented_index(
        segments.files,
        pandas.to_timedelta(segments.starts, unit="ns"),
        pandas.to_timedelta(segments.ends, unit="ns"),
    )
    emotions = (scored.emotion for each in given for scored in each.turns)
    columns = {"recording": "text", "speaker": "text"} | audformat_columns(emotions, field=field)
    frame: pd.DataFrame = pandas.DataFrame(
        {
            name: pandas.Series([row.get(name) for row in rows], index=index, dtype=PANDAS[kind])
            for name, kind in columns.items()
        },
        index=index,
    )
    return frame


def from_frame(frame: pd.DataFrame, *, field: str = "emotion") -> list[Dialogue]:
    """Return the dialogues in a frame with a segmented index, in order of first mention.

    Args:
        frame: Without missing ends. Columns may be missing, and others are ignored; where there
            is no ``recording``, a file is a recording of its own.
        field: Name of the column with the label.

    Raises:
        FormatError: If the index is not segmented, an end is missing, two files are one
            recording, or a row is not a turn; names the row.
    """
    if not import_audformat().is_segmented_index(frame.index):
        names = ", ".join(map(str, frame.index.names))
        raise FormatError(f"expected an index of {', '.join(AUDFORMAT_INDEX)}, found {names}")
    return audformat_dialogues(_rows(frame), field=field)


def _rows(frame: pd.DataFrame) -> Iterator[tuple[str, Mapping[str, Any]]]:
    columns = {str(name): cells(frame[name]) for name in frame.columns}
    for place, (file, start, end) in enumerate(frame.index):
        where = f"{file}, {start} to {end}"
        if end != end or start != start:  # NaT is the only time that is not itself
            raise FormatError(f"{where}: the segment is open, and its end is not known here")
        row = {name: values[place] for name, values in columns.items()}
        yield where, row | {"file": str(file), "start": seconds(start), "end": seconds(end)}


def seconds(time: Any) -> float:
    """Return a Timedelta in seconds, exactly as near as a float can be."""
    return int(time.value) / NANOSECONDS


def cells(series: pd.Series[Any]) -> list[Any]:
    """Return a column's values, None where one is missing."""
    # NaN, NaT and pandas.NA all stand for a missing value, by the column's type.
    return [
        None if missing else value for value, missing in zip(series, series.isna(), strict=True)
    ]


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
            times = f"{turn.start} to {turn.end} s"
            raise FormatError(f"{file}: a segment lies between 0 and 292 years, found {times}")
        # Two speakers may have the same bounds. The end moves, so that starts stay as they are.
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
    empty = [each.recording for each in dialogues if not each.turns]
    if empty:
        warn(f"recordings without turns have no row: {', '.join(map(repr, empty[:10]))}")


def _below(audio: str, root: Path) -> str:
    """Return a file's name from *root*; one that lies elsewhere keeps its own."""
    try:
        return Path(audio).resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return audio
