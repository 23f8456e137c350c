"""Reading of publishers' folders, tables and codes, with errors that say what was expected."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar

from emo2vec_plugins.core import did_you_mean, shown
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files import read_text

T = TypeVar("T")

SEXES = {"Female": "female", "Male": "male", "female": "female", "male": "male", "Unknown": None}
"""Sexes as tables write them."""

_LISTED = 8


def existing(folder: Path, *names: str) -> Path:
    """Return the first of several paths in a folder that exists.

    Raises:
        FormatError: If none does; says what the folder has instead.
    """
    for name in names:
        if (folder / name).exists():
            return folder / name
    raise FormatError(_unexpected(folder, " or ".join(names)))


def files(folder: Path, pattern: str) -> list[Path]:
    """Return the files in a folder that match a pattern, sorted; hidden ones are left out.

    Raises:
        FormatError: If there are none; says what the folder has instead.
    """
    found = sorted(path for path in folder.glob(pattern) if not path.name.startswith("."))
    if not found:
        raise FormatError(_unexpected(folder, pattern))
    return found


def _unexpected(folder: Path, expected: str) -> str:
    if not folder.is_dir():
        return f"{folder}: expected a folder with {expected}, there is no such folder"
    names = sorted(path.name for path in islice(folder.iterdir(), _LISTED))
    found = ", ".join(map(shown, names)) or "nothing"
    advice = "pass the folder that the publisher's files were unpacked to"
    return f"{folder}: expected {expected}, found {found}; {advice}"


def is_file(path: Path) -> bool:
    """Return whether a path is a file; false for a name that is too long to be one."""
    try:
        return path.is_file()
    except OSError:
        return False


def text_of(path: Path, *, by_line: bool = False) -> str:
    """Return the text of a file in UTF-8; a pipe or a device is not waited for.

    Args:
        path: The file.
        by_line: Whether the limit of what is read holds for each line instead of the file.

    Raises:
        FormatError: If it is no text file; names the file and the line.
        OSError: If the file cannot be read.
    """
    if not path.is_file():
        raise FormatError(f"{path}: expected a file, found a folder, a pipe or a device")
    return read_text(path, by_line=by_line)


def rows(
    path: Path, *columns: str, delimiter: str = ",", header: bool = True
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the place of each row of a table, for messages, and its cells by column.

    Args:
        path: A file in UTF-8.
        columns: Columns that must exist and have a cell in every row. Without *header*, they name
            the first columns.
        delimiter: What separates cells.
        header: Whether the first row has the names of the columns.

    Raises:
        FormatError: If the file is no such table; names the file and the line.
        OSError: If the file cannot be read.
    """
    text = io.StringIO(text_of(path, by_line=True), newline="")
    table = csv.DictReader(text, None if header else columns, delimiter=delimiter, strict=True)
    try:
        missing = [name for name in columns if name not in (table.fieldnames or ())]
        if missing:
            found = ", ".join(map(shown, table.fieldnames or ())) or "an empty file"
            raise FormatError(f"{path}: expected the columns {', '.join(missing)}, found {found}")
        for row in table:
            where = f"{path}: line {table.line_num}"
            if short := [name for name in columns if row[name] is None]:
                raise FormatError(f"{where}: expected a cell for {short[0]}, the row is too short")
            yield where, {name: cell.strip() for name, cell in row.items() if isinstance(cell, str)}
    except csv.Error as error:
        raise FormatError(f"{path}: line {table.reader.line_num}: {error}") from error


def decoded(codes: Mapping[str, T], code: str, where: object) -> T:
    """Return what a code means.

    Raises:
        FormatError: If the code is unknown; begins with *where*.
    """
    if code not in codes:
        known = ", ".join(codes)
        raise FormatError(
            f"{where}: expected one of {known}, got {shown(code)}{did_you_mean(code, codes)}"
        )
    return codes[code]


def parts(pattern: str, path: Path, *, example: str) -> Sequence[str]:
    """Return the groups of a pattern that the name of a file, without its suffix, must match.

    Raises:
        FormatError: If it does not.
    """
    found = re.fullmatch(pattern, path.stem)
    if not found:
        raise FormatError(f"{path}: expected a name such as {example}")
    return found.groups()
