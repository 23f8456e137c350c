"""Tables in Markdown, of values that may be any text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from emo2vec_plugins.core import one_line, shortened

MOST = 60
"""Most characters of a cell."""


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[object]], *, texts: int = 1) -> str:
    """Return a table; the first columns are left-aligned, and all others right-aligned.

    Args:
        head: The headings.
        rows: The values of each row.
        texts: Number of columns that are left-aligned.

    >>> print(markdown_table(["corpus", "turns"], [["a|b", 12]]))
    | corpus | turns |
    |---|---:|
    | a\\|b | 12 |
    """
    line = "".join("---|" if index < texts else "---:|" for index in range(len(head)))
    return "\n".join([_row(head), f"|{line}", *map(_row, rows)])


def _row(values: Iterable[object]) -> str:
    return f"| {' | '.join(map(_cell, values))} |"


def _cell(value: object) -> str:
    return one_line(shortened(str(value), most=MOST)).replace("|", "\\|")
