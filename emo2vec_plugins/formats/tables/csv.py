"""The flat table of turns as CSV, for R, pandas and spreadsheets.

CSV has numbers in the shortest form that is exact, flags and channels separated by spaces, and the
model's tokens as a JSON list. A missing value is an empty cell, an empty string ``""``. Names stand
there as they are: a spreadsheet takes one that begins with ``=`` for a formula, so have it import
the columns as text where names come from strangers.

Spreadsheets write CSV with semicolons or tabs where the comma is the decimal sign; such files are
read, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from emo2vec_plugins.core import Dialogue, Format
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats.fidelity import FIELDS
from emo2vec_plugins.formats.tables.csv_text import (
    read_number,
    read_table,
    records,
    table,
    write_number,
    write_words,
)
from emo2vec_plugins.formats.tables.flat import (
    NEEDED,
    Found,
    Kind,
    columns,
    dialogues,
    kind_of,
    rows,
)

SEPARATORS = (",", ";", "\t")


def dumps(given: Sequence[Dialogue]) -> str:
    """Return a CSV table with a line of column names.

    Raises:
        FormatError: If two recordings have one name, a number is NaN or infinite, a flag has
            spaces, or a name the character NUL.
    """
    return table(columns(given), map(_cells, rows(given)))


def loads(text: str) -> list[Dialogue]:
    """Return the dialogues of a CSV table.

    Raises:
        FormatError: If it is something else; names the line.
    """
    text = text.removeprefix("\ufeff")
    separator = _separator(text)
    names, found = read_table(text, separator=separator)
    return dialogues(
        (Found(where=where, row=_parsed(where, row, separator)) for where, row in found), names
    )


def _cells(row: Mapping[str, Any]) -> dict[str, str | None]:
    kinds = {name: kind_of(name) for name, value in row.items() if value is not None}
    return {name: _written(row[name], kind, name) for name, kind in kinds.items() if kind}


def _written(value: Any, kind: Kind, name: str) -> str:
    match kind:
        case "number":
            return write_number(value, name)
        case "words":
            return write_words(value, name)
        case "counts":
            return " ".join(map(str, value))
        case "texts":
            return json.dumps(list(value), ensure_ascii=False)
    return str(value)


def _separator(text: str) -> str:
    """Return what stands between the names of columns."""
    # Judged by names that must be there, not by counting: a name may hold every separator.
    for each in SEPARATORS:
        with suppress(FormatError):  # quotation marks are closed before another separator
            _, header = next(records(text, separator=each), (1, list[str | None]()))
            if set(NEEDED) <= set(header):
                return each
    return ","


def _parsed(where: str, row: Mapping[str, str | None], separator: str) -> dict[str, Any]:
    return {
        name: _read(cell, kind, f"{where}: {name}", decimal_comma=separator != ",")
        for name, cell in row.items()
        if cell is not None and (kind := kind_of(name)) is not None
    }


def _read(cell: str, kind: Kind, where: str, *, decimal_comma: bool) -> Any:
    if kind == "text":
        return cell
    if kind == "words":
        return cell.split()
    # Where the comma separates cells it cannot be in a number.
    spelt = cell.replace(",", ".") if decimal_comma and kind == "number" else cell
    parse, expected = _PARSERS[kind]
    try:
        return parse(spelt)
    except ValueError as error:
        raise FormatError(f"{where}: expected {expected}, found {cell[:100]!r}") from error


def _count(text: str) -> int:
    # pandas writes whole numbers with a point where some are missing.
    value = int(text.removesuffix(".0"))
    if value < 0:
        raise ValueError(text)
    return value


def _counts(text: str) -> list[int]:
    return [_count(each) for each in text.split()]


def _texts(text: str) -> list[str]:
    found = json.loads(text)
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise ValueError(text)
    return found


_PARSERS: dict[Kind, tuple[Callable[[str], Any], str]] = {
    "number": (read_number, "a finite number"),
    "count": (_count, "a whole number from 0"),
    "counts": (_counts, "whole numbers from 0, separated by spaces"),
    "texts": (_texts, "a JSON list of strings"),
}


TABLE_CSV = Format(
    name="table.csv",
    suffixes=(".emotions.csv",),
    description="one turn a row, a column for every class; only arrays are lost",
    dumps=dumps,
    loads=loads,
    holds=frozenset(FIELDS),
)
