"""CSV as RFC 4180 has it, read so that an empty string is not a missing value.

A missing value is nothing between two separators, an empty string is ``""``: so PostgreSQL, DuckDB
and Arrow have it. The `csv` module reads both as the same.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from emo2vec_plugins.errors import FormatError, warn

Cell = str | None

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
                raise FormatError(
                    f"line {number + len(_LINE_END.findall(text, begin, position))}: a quotation "
                    "mark is to be closed, and a separator to follow: "
                    f"{text[position : position + 100]!r}"
                )
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


def check_columns(
    names: Sequence[str],
    needed: Sequence[str],
    *,
    expected: str,
    is_ours: Callable[[str], bool],
) -> None:
    """Warn of columns that are left out, because they are not ours.

    Raises:
        FormatError: If one that is *needed* is missing, or one is there twice.
    """
    missing = [name for name in needed if name not in names]
    if missing:
        raise FormatError(
            f"expected {expected}, found no {', '.join(missing)} among "
            f"{', '.join(map(repr, names))[:200]}"
        )
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise FormatError(f"columns are there twice: {', '.join(twice)}")
    if others := [name for name in names if not is_ours(name)]:
        warn(f"columns that say nothing of turns are left out: {', '.join(map(repr, others))}")


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
