"""Reading whose cost is bounded by the size of the file, with errors that name the file.

A document is read into memory as a whole, so its size is limited; of a file of lines, the size of
each line is. Both limits are `read_limit`, which `set_read_limit`, the option ``--read-limit`` and
the environment variable ``EMO2VEC_READ_LIMIT`` change.
"""

from __future__ import annotations

import errno
import os
import re
from io import BufferedReader
from pathlib import Path

from emo2vec_plugins.errors import FormatError, OptionsError

READ_LIMIT = 16 << 20
"""Default of `read_limit`, in bytes."""

VARIABLE = "EMO2VEC_READ_LIMIT"
"""Environment variable with the limit, such as ``2GB``."""

_LEAST_PART = 64 << 10
"""Bytes that a document with only a part of the limit may always have; our own models need them."""

MOST_DEPTH = 100
"""Most levels of brackets in JSON, and of elements in XML."""

MOST_DIGITS = 308
"""Most digits of a whole number; all of them fit a float."""

_SIZE = re.compile(r"([0-9]{1,15})\s*(?:([KMGT])(I?)B?|B)?", re.IGNORECASE)
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}

_limit: int | None = None


def read_limit() -> int:
    """Return the most bytes of one document or one line, after decompression.

    Raises:
        OptionsError: If ``EMO2VEC_READ_LIMIT`` is not a size.
    """
    if _limit is not None:
        return _limit
    given = os.environ.get(VARIABLE)
    return parse_size(given, VARIABLE) if given else READ_LIMIT


def limit_of(part: int) -> int:
    """Return the limit of a document that has only a part of `read_limit`.

    Args:
        part: The denominator; 1 for the whole limit.
    """
    return read_limit() if part == 1 else max(read_limit() // part, _LEAST_PART)


def set_read_limit(size: int | None) -> None:
    """Set `read_limit`, in bytes; None returns to that of the environment."""
    global _limit  # noqa: PLW0603
    _limit = size


def parse_size(text: str, where: str) -> int:
    """Return the bytes that a text such as ``2GB``, ``64MiB`` or ``1000`` denotes.

    Raises:
        OptionsError: If it is not a size; begins with *where*.
    """
    found = _SIZE.fullmatch(text.strip())
    size = 0
    if found:
        size = int(found[1]) * (1024 if found[3] else 1000) ** _POWERS[(found[2] or "").upper()]
    if not size:
        raise OptionsError(f"{where}: expected a size such as 2GB or 64MiB, got {text[:50]!r}")
    return size


def beyond_limit(where: str, *, part: int = 1) -> FormatError:
    """Return the error for something that is larger than the limit, or than a part of it.

    Args:
        where: What is too large: a file, or a file and a line.
        part: The denominator.
    """
    return FormatError(
        f"{where}: larger than {shown_size(limit_of(part))}, the most that is read at once; "
        f"raise the limit with --read-limit {shown_size(2 * part * limit_of(part))} or {VARIABLE}"
    )


def shown_size(size: int) -> str:
    """Return a number of bytes as an option takes it: ``16MiB``."""
    for unit in ("B", "KiB", "MiB"):
        if size < 1024 or size % 1024:
            return f"{size}{unit}"
        size //= 1024
    return f"{size}GiB"


def opened(path: Path) -> BufferedReader:
    """Open a file for reading.

    Raises:
        OSError: If it cannot be opened, or no file can have this name.
    """
    try:
        return path.open("rb")
    except ValueError as error:  # a null byte, or characters that no file name has
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from error


def read_bytes(path: Path, *, part: int = 1) -> bytes:
    """Return the content of a document.

    Args:
        path: The file.
        part: Denominator of the share of `read_limit` that the document may have.

    Raises:
        FormatError: If it is larger than the limit.
        OSError: If the file cannot be read.
    """
    limit = limit_of(part)
    with opened(path) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise beyond_limit(str(path), part=part)
    return data
