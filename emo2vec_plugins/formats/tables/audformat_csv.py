"""The CSV of an audformat table: what `audformat.utils.read_csv` and databases of audEERING read.

`emo2vec_plugins.formats.tables.audformat_columns` has the columns. Times are written as pandas writes
a Timedelta. Of tables that somebody else made, columns that are not ours are left out with a
warning. Segments must have an end: audformat has some that go to the end of a file, which is not
known here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from emo2vec_plugins.core import Dialogue, Format, ScoredTurn
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats.fidelity import distinct, grid
from emo2vec_plugins.formats.tables.audformat_columns import (
    AUDFORMAT_INDEX,
    NANOSECONDS,
    audformat_columns,
    audformat_dialogues,
    audformat_row,
    is_audformat_column,
)
from emo2vec_plugins.formats.tables.csv_text import (
    check_columns,
    read_number,
    read_table,
    table,
    write_number,
)

_TIMEDELTA = re.compile(r"(?:(-?\d+) days? ?)?\+?(?:(\d+):(\d\d):(\d\d)(?:\.(\d{1,9}))?)?")


def dumps(dialogues: Sequence[Dialogue]) -> str:
    """Return a CSV table with a line of column names.

    Raises:
        FormatError: If two recordings have one name, a score is NaN or infinite, a flag has
            spaces, or a name the character NUL.
    """
    distinct(dialogues, "an audformat table")
    columns = audformat_columns(each.emotion for one in dialogues for each in one.turns)
    names = [*AUDFORMAT_INDEX, "recording", "speaker", *columns]
    rows = (_cells(each, scored) for each in dialogues for scored in each.turns)
    return table(names, rows)


def loads(text: str) -> list[Dialogue]:
    """Return the dialogues of an audformat table, in order of first mention.

    Raises:
        FormatError: If it is something else; names the line.
    """
    names, found = read_table(text.removeprefix("\ufeff"))
    expected = "a segmented table of audformat, with the columns file, start and end"
    check_columns(names, AUDFORMAT_INDEX, expected=expected, is_ours=_is_ours)
    return audformat_dialogues((where, _timed(row, where)) for where, row in found)


def _cells(dialogue: Dialogue, scored: ScoredTurn) -> dict[str, str | None]:
    start, end = grid(scored.turn, rate=NANOSECONDS)
    row = audformat_row(dialogue, scored)
    written = {
        name: write_number(value, name)
        for name, value in row.items()
        if value is not None and not isinstance(value, str)
    }
    return row | written | {"start": _timedelta(start), "end": _timedelta(end)}


def _is_ours(name: str) -> bool:
    return name in (*AUDFORMAT_INDEX, "recording", "speaker") or is_audformat_column(name)


def _timed(row: Mapping[str, str | None], where: str) -> Mapping[str, Any]:
    return dict(row) | {name: _seconds(row[name], name, where) for name in ("start", "end")}


def _timedelta(nanoseconds: int) -> str:
    """Return a time as pandas writes it.

    >>> _timedelta(6_690_000_000), _timedelta(-500_000_000)
    ('0 days 00:00:06.690000', '-1 days +23:59:59.500000')
    """
    days, rest = divmod(nanoseconds, 86_400 * NANOSECONDS)
    seconds, fraction = divmod(rest, NANOSECONDS)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    decimals = f"{fraction:09}".removesuffix("000")
    sign = "+" if days < 0 else ""
    return f"{days} days {sign}{hours:02}:{minutes:02}:{seconds:02}.{decimals}"


def _seconds(cell: str | None, column: str, where: str) -> float:
    """Return a time: a Timedelta, or seconds."""
    cell = cell or ""
    found = _TIMEDELTA.fullmatch(cell.strip())
    if found is not None and cell.strip():
        days, hours, minutes, seconds, decimals = (part or "0" for part in found.groups())
        whole = int(days) * 86_400 + int(hours) * 3600 + int(minutes) * 60 + int(seconds)
        return (whole * NANOSECONDS + int(decimals.ljust(9, "0"))) / NANOSECONDS
    try:
        return read_number(cell)
    except ValueError as error:
        raise FormatError(
            f"{where}: expected a time as {column}, such as '0 days 00:00:06.690000', "
            f"found {cell!r}"
        ) from error


AUDFORMAT = Format(
    name="audformat",
    suffixes=(".audformat.csv",),
    description="a segmented table of an audformat database; loses channels, logits and the model",
    dumps=dumps,
    loads=loads,
    holds=frozenset(
        {
            *("several", "order", "recording", "audio", "speaker"),
            *("label", "score", "scores", "flags", "reason", "duration", "overlap_ratio"),
        }
    ),
    ticks=NANOSECONDS,
)
