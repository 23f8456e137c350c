"""The flat table of turns as CSV, for R, pandas and spreadsheets.

Numbers have the shortest exact form. Flags and channels are separated by spaces, and the model's
tokens are a JSON list. A missing value is an empty cell, and an empty string is ``""``, as in
PostgreSQL, DuckDB and Arrow. The `csv` module does not distinguish the two. A text that a spreadsheet
would take for a formula, such as ``=1+1``, is written with an apostrophe in front, which the reader
removes.

Where the comma is the decimal sign, spreadsheets separate cells with semicolons or tabs. The reader
accepts such files.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

from emo2vec_plugins.core import Dialogue, Format, counted, shown
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files import from_json
from emo2vec_plugins.formats.fidelity import FIELDS
from emo2vec_plugins.formats.json_values import MOST_COUNT
from emo2vec_plugins.formats.spelling import LINE_END
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

_FORMULA = re.compile(r"'*[=+@\t\r-]")
_NEEDS_QUOTES = re.compile(r'[",;\t\r\n]|^\s|\s$|^$')


def without_formula(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula; different for different texts.

    >>> without_formula("=1+1"), without_formula("'=1+1"), without_formula("Ann")
    ("'=1+1", "''=1+1", 'Ann')
    """
    return f"'{text}" if _FORMULA.match(text) else text


def with_formula(text: str) -> str:
    """Return the text that `without_formula` turns into *text*; another tool's text is unchanged."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def line(cells: Iterable[Cell]) -> str:
    r"""Return a comma-separated record with its line end; None is a missing value.

    >>> line(["a", None, "", 'say "so" again'])
    'a,,"","say ""so"" again"\n'
    """
    return ",".join("" if cell is None else _quoted(cell) for cell in cells) + "\n"


def records(text: str, *, separator: str = ",") -> Iterator[tuple[int, list[Cell]]]:
    """Yield the non-blank records, each with the number of its first line.

    Raises:
        FormatError: If a quotation mark is not closed, or a closing one is not followed by a
            separator; names the line.
    """
    pattern = _pattern(separator)
    position, number = 0, 1
    while position < len(text):
        begin, cells, end = position, list[Cell](), separator
        while end == separator:
            found = pattern.match(text, position)
            if found is None:
                line = number + len(LINE_END.findall(text, begin, position))
                expected = "a closing quotation mark followed by a separator"
                after = text[position : position + 100]
                raise FormatError(f"line {line}: expected {expected}, found {shown(after)}")
            quoted, plain, end = found.groups()
            cells.append(quoted.replace('""', '"') if quoted is not None else plain or None)
            position = found.end()
        if any(cell is not None for cell in cells):
            yield number, cells
        number += len(LINE_END.findall(text, begin, position))


def table(names: Sequence[str], rows: Iterable[Mapping[str, Cell]]) -> str:
    """Return rows below a line of column names.

    Raises:
        FormatError: If a cell contains the character NUL.
    """
    text = "".join([line(names), *(line(map(row.get, names)) for row in rows)])
    if "\0" in text:
        raise FormatError("CSV cannot store the character NUL, found in a name")
    return text


def read_table(
    text: str, *, separator: str = ","
) -> tuple[list[str], Iterator[tuple[str, dict[str, Cell]]]]:
    """Return the names of the columns, and the rows with their places.

    Raises:
        FormatError: If a row has a different number of cells than the first, or for the reasons of
            `records`; names the line.
    """
    found = records(text, separator=separator)
    _, header = next(found, (1, list[Cell]()))
    names = [name or "" for name in header]

    def rows() -> Iterator[tuple[str, dict[str, Cell]]]:
        for number, cells in found:
            if len(cells) != len(names):
                raise FormatError(
                    f"line {number}: expected {counted(len(names), 'cell')}, found {len(cells)}"
                )
            yield f"line {number}", dict(zip(names, cells, strict=True))

    return names, rows()


def write_number(value: float, name: str) -> str:
    """Return the shortest text that represents a number exactly.

    Raises:
        FormatError: If the number is NaN or infinite, which tools read as missing; has *name*.
    """
    if not math.isfinite(value):
        raise FormatError(f"expected a finite number as {name}, got {value}")
    return repr(float(value))


def read_number(cell: str) -> float:
    """Return the number in a cell.

    Raises:
        ValueError: If it is not a finite number.
    """
    if not math.isfinite(value := float(cell)):
        raise ValueError(cell)
    return value


def write_words(values: Iterable[str], name: str) -> str:
    """Return words joined by spaces.

    Raises:
        FormatError: If a word is empty or contains spaces; has *name*.
    """
    words = list(values)
    if any(word.split() != [word] for word in words):
        raise FormatError(f"expected words without spaces as {name}, got {shown(words)}")
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
        FormatError: If two recordings have the same name, a number is NaN or infinite, a flag
            contains spaces, or a name contains the character NUL.
    """
    return table(columns(given), map(_cells, rows(given)))


def loads(text: str) -> list[Dialogue]:
    """Return the dialogues of a CSV table.

    Raises:
        FormatError: If the text is not such a table; names the line.
    """
    separator = _separator(text)
    names, found = read_table(text, separator=separator)
    return dialogues(
        (Found(where=where, row=_parsed(where, row, separator)) for where, row in found), names
    )


def _cells(row: Mapping[str, Any]) -> dict[str, str | None]:
    kinds = {name: kind_of(name) for name, value in row.items() if value is not None}
    return {name: _WRITERS[kind](row[name], name) for name, kind in kinds.items() if kind}


_WRITERS: dict[Kind, Callable[[Any, str], str]] = {
    "text": lambda value, _: without_formula(str(value)),
    "number": write_number,
    "count": lambda value, _: str(value),
    "words": lambda value, name: without_formula(write_words(value, name)),
    "counts": lambda value, _: " ".join(map(str, value)),
    "texts": lambda value, _: json.dumps(list(value), ensure_ascii=False),
}


def _separator(text: str) -> str:
    """Return the separator of a table's cells."""
    # Look for the required names instead of counting: a name may contain any separator.
    for each in SEPARATORS:
        with suppress(FormatError):  # with the wrong separator, quotation marks may not match
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
    # If commas separate cells, they cannot be decimal signs.
    spelt = cell.replace(",", ".") if decimal_comma and kind == "number" else cell
    parse, expected = _PARSERS[kind]
    try:
        return parse(spelt)
    except ValueError as error:
        raise FormatError(f"{where}: expected {expected}, found {shown(cell)}") from error


def _count(text: str) -> int:
    # pandas writes whole numbers as floats if some are missing.
    value = int(text.removesuffix(".0"))
    if not 0 <= value <= MOST_COUNT:
        raise ValueError(text)
    return value


def _texts(text: str) -> list[str]:
    found = from_json(text)
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise ValueError(text)
    return found


_PARSERS: dict[Kind, tuple[Callable[[str], Any], str]] = {
    "text": (with_formula, "a text"),
    "words": (lambda text: with_formula(text).split(), "words"),
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
    description="CSV with one row per turn and columns for every class; only arrays are lost",
    dumps=dumps,
    loads=loads,
    by_line=True,
    holds=frozenset(FIELDS),
)
