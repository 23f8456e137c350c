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
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from emo2vec_plugins.core import Dialogue, Format
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats.fidelity import FIELDS
from emo2vec_plugins.formats.tables.csv_text import (
    line,
    read_number,
    records,
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
    names = columns(given)
    text = "".join([line(names), *(line(_cells(row, names)) for row in rows(given))])
    if "\0" in text:
        raise FormatError("a name has the character NUL, which CSV cannot hold")
    return text


def loads(text: str) -> list[Dialogue]:
    """Return the dialogues of a CSV table.

    Raises:
        FormatError: If it is something else; names the line.
    """
    text = text.removeprefix("\ufeff")
    separator = _separator(text)
    found = records(text, separator=separator)
    _, header = next(found, (1, list[str | None]()))
    names = [name or "" for name in header]
    return dialogues(_parsed(found, names, decimal_comma=separator != ","), names)


def _cells(row: dict[str, Any], names: Iterable[str]) -> Iterator[str | None]:
    for name in names:
        value, kind = row.get(name), kind_of(name)
        yield None if value is None or kind is None else _written(value, kind, name)


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
    for each in SEPARATORS:
        with suppress(FormatError):  # quotation marks are closed before another separator
            _, header = next(records(text, separator=each), (1, list[str | None]()))
            if set(NEEDED) <= set(header):
                return each
    return ","


def _parsed(
    found: Iterable[tuple[int, list[str | None]]], names: Sequence[str], *, decimal_comma: bool
) -> Iterator[Found]:
    kinds = [kind_of(name) for name in names]
    for number, cells in found:
        where = f"line {number}"
        if len(cells) != len(names):
            raise FormatError(f"{where}: expected {len(names)} cells, found {len(cells)}")
        yield Found(
            where=where,
            row={
                name: _read(cell, kind, f"{where}: {name}", decimal_comma)
                for name, cell, kind in zip(names, cells, kinds, strict=True)
                if cell is not None and kind is not None
            },
        )


def _read(cell: str, kind: Kind, where: str, decimal_comma: bool) -> Any:
    if kind == "text":
        return cell
    if kind == "words":
        return cell.split()
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
