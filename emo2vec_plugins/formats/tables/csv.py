"""The flat table of turns as CSV, for R, pandas and spreadsheets.

CSV has numbers in the shortest form that is exact, flags and channels separated by spaces, and the
model's tokens as a JSON list. A missing value is nothing between two separators, an empty string is
``""``: so PostgreSQL, DuckDB and Arrow have it. The `csv` module reads both as the same. Names stand
there as they are: a spreadsheet takes one that begins with ``=`` for a formula, so have it import
the columns as text where names come from strangers.

Spreadsheets write CSV with semicolons or tabs where the comma is the decimal sign; such files are
read, too.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

from emo2vec_plugins.core import Dialogue, Format
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats.fidelity import FIELDS
from emo2vec_plugins.formats.tables.flat import (
    NEEDED,
    Found,
    Kind,
    columns,
    dialogues,
    kind_of,
    rows,
)

Cell = str | None
SEPARATORS = (",", ";", "\t")

_NEEDS_QUOTES = re.compile(r'[",;\t\r\n]|^\s|\s$|^$')
_LINE_END = re.compile(r"\r\n|\r|\n")


def line(cells: Iterable[Cell]) -> str:
    r"""Return a record with commas, its end included; None is missing.

    >>> line(["a", None, "", 'say "so" again'])
    'a,,"","say ""so"" again"\n'
    """
    return ",".join("" if cell is None else _quoted(cell) for cell in cells) + "\n"


def records(text: str, *, separator: str = ",") -> Iterator[tuple[int, list[Cell]]]:
    """Yield the records that are not blank, each with the number of its first line.

    Raises:
        FormatError: If a quotation mark is never closed, or followed by more than a separator;
            names the line.
    """
    pattern = _pattern(separator)
    position, number = 0, 1
    while position < len(text):
        begin, cells, end = position, list[Cell](), separator
        while end == separator:
            found = pattern.match(text, position)
            if found is None:
                line = number + len(_LINE_END.findall(text, begin, position))
                expected = "a closing quotation mark and then a separator"
                after = text[position : position + 100]
                raise FormatError(f"line {line}: expected {expected}: {after!r}")
            quoted, plain, end = found.groups()
            cells.append(quoted.replace('""', '"') if quoted is not None else plain or None)
            position = found.end()
        if any(cell is not None for cell in cells):
            yield number, cells
        number += len(_LINE_END.findall(text, begin, position))


def table(names: Sequence[str], rows: Iterable[Mapping[str, Cell]]) -> str:
    """Return rows under a line of column names.

    Raises:
        FormatError: If a cell has the character NUL.
    """
    text = "".join([line(names), *(line(map(row.get, names)) for row in rows)])
    if "\0" in text:
        raise FormatError("a name has the character NUL, which CSV cannot hold")
    return text


def read_table(
    text: str, *, separator: str = ","
) -> tuple[list[str], Iterator[tuple[str, dict[str, Cell]]]]:
    """Return the names of the columns, and the rows, each with its place.

    Raises:
        FormatError: If a row is longer or shorter than the first, or as `records`; names the line.
    """
    found = records(text, separator=separator)
    _, header = next(found, (1, list[Cell]()))
    names = [name or "" for name in header]

    def rows() -> Iterator[tuple[str, dict[str, Cell]]]:
        for number, cells in found:
            if len(cells) != len(names):
                raise FormatError(f"line {number}: expected {len(names)} cells, found {len(cells)}")
            yield f"line {number}", dict(zip(names, cells, strict=True))

    return names, rows()


def write_number(value: float, name: str) -> str:
    """Return the shortest text that is exactly this number.

    Raises:
        FormatError: If it is NaN or infinite, which tools take for missing; says *name*.
    """
    if not math.isfinite(value):
        raise FormatError(f"tables hold no NaN or infinity, and {name} is {value}")
    return repr(float(value))


def read_number(cell: str) -> float:
    """Return the number that a cell holds.

    Raises:
        ValueError: If it is none, or not finite.
    """
    if not math.isfinite(value := float(cell)):
        raise ValueError(cell)
    return value


def write_words(values: Iterable[str], name: str) -> str:
    """Return some words with spaces between them.

    Raises:
        FormatError: If one is empty or has spaces itself; says *name*.
    """
    words = list(values)
    if any(word.split() != [word] for word in words):
        raise FormatError(f"{name} are words, separated by spaces, got {words}")
    return " ".join(words)


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if _NEEDS_QUOTES.search(cell) else cell


@lru_cache
def _pattern(separator: str) -> re.Pattern[str]:
    sep = re.escape(separator)
    quoted = r'"([^"]*(?:""[^"]*)*)"'
    return re.compile(rf'(?:{quoted}|((?!")[^{sep}\r\n]*))({sep}|\r\n|\r|\n|\Z)')


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
    return {name: _WRITERS[kind](row[name], name) for name, kind in kinds.items() if kind}


_WRITERS: dict[Kind, Callable[[Any, str], str]] = {
    "text": lambda value, _: str(value),
    "number": write_number,
    "count": lambda value, _: str(value),
    "words": write_words,
    "counts": lambda value, _: " ".join(map(str, value)),
    "texts": lambda value, _: json.dumps(list(value), ensure_ascii=False),
}


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


def _texts(text: str) -> list[str]:
    found = json.loads(text)
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise ValueError(text)
    return found


_PARSERS: dict[Kind, tuple[Callable[[str], Any], str]] = {
    "text": (str, "a text"),
    "words": (str.split, "words"),
    "number": (read_number, "a finite number"),
    "count": (_count, "a whole number from 0"),
    "counts": (
        lambda text: [*map(_count, text.split())],
        "whole numbers from 0, separated by spaces",
    ),
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
