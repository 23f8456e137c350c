"""Reading whose cost is bounded by the size of the file, with errors that name file and line.

A document is read into memory as a whole, so its size is limited; of a file of lines, the size of
each line is. Both limits are `read_limit`, which `set_read_limit`, the option ``--read-limit`` and
the environment variable ``EMO2VEC_READ_LIMIT`` change.
"""

from __future__ import annotations

import errno
import gzip
import math
import os
import re
import zlib
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO

from emo2vec_plugins.errors import FormatError, OptionsError

READ_LIMIT = 16 << 20
"""Default of `read_limit`, in bytes."""

VARIABLE = "EMO2VEC_READ_LIMIT"
"""Environment variable with the limit, such as ``2GB``."""

MOST_EXPANSION = 200
"""Largest size of a decompressed ``.gz`` above the limit, as a multiple of the file's size."""

MOST_DEPTH = 100
"""Most levels of brackets in JSON and YAML."""

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
    limit = read_limit()
    return FormatError(
        f"{where}: larger than {_shown(limit // part)}, the most that is read at once; "
        f"raise the limit with --read-limit {_shown(2 * limit)} or {VARIABLE}"
    )


def _shown(size: int) -> str:
    for unit in ("B", "KiB", "MiB"):
        if size < 1024 or size % 1024:
            return f"{size}{unit}"
        size //= 1024
    return f"{size}GiB"


def _opened(path: Path) -> BinaryIO:
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
    limit = read_limit() // part
    with _opened(path) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise beyond_limit(str(path), part=part)
    return data


def read_text(path: Path, *, part: int = 1, by_line: bool = False) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 with a byte order mark.

    Args:
        path: The file.
        part: Denominator of the share of `read_limit` that the document may have.
        by_line: Whether the limit holds for each line instead of the file.

    Raises:
        FormatError: If the file is too large, is binary or is in another encoding; names the file
            and the line.
        OSError: If the file cannot be read.
    """
    data = _joined(path) if by_line else read_bytes(path, part=part)
    # Praat writes UTF-16 by default if a label is not ASCII.
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        try:
            text = data.decode("utf-16")
        except UnicodeDecodeError as error:
            found = f"byte {error.start} is invalid UTF-16"
            raise FormatError(f"{path}: {found}; is the file truncated?") from error
        is_binary = "\0" in text
    else:
        text, is_binary = "", b"\0" in data
    # Text has no null bytes; audio has some in its header or, for SPHERE, in its samples.
    if is_binary:
        hint = "are annotation and audio swapped?"
        raise FormatError(f"{path}: expected text, got audio or other binary data; {hint}")
    try:
        return text or data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"line {line}: byte {data[error.start]:#04x} is not UTF-8"
        raise FormatError(f"{path}: {found}; convert it with 'iconv -f latin1 -t utf8'") from error


def _joined(path: Path) -> bytearray:
    data = bytearray()
    for _, line in lines_of(path):
        data += line
    return data


def lines_of(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (number from 1, line with its line feed) lazily, for each line of a file.

    A file whose name ends in ``.gz`` is decompressed.

    Raises:
        FormatError: If a line is too long, or the file is damaged or expands too much, after the
            lines before; names the file and the line.
        OSError: If the file cannot be read.
    """
    for number, line in lines_or_errors(path):
        if isinstance(line, FormatError):
            raise line
        yield number, line


def lines_or_errors(path: Path) -> Iterator[tuple[int, bytes | FormatError]]:
    """Yield the lines of a file as `lines_of` does, but errors instead of raising them.

    The lines after one that is too long are read. The error of a damaged file is the last item.

    Raises:
        OSError: If the file cannot be read.
    """
    with _opened(path) as raw:
        if path.suffix.casefold() != ".gz":
            yield from lines_in(raw, str(path))
            return
        most = max(read_limit(), MOST_EXPANSION * os.fstat(raw.fileno()).st_size)
        yield from lines_in(gzip.GzipFile(fileobj=raw, mode="rb"), str(path), most=most)


def lines_in(
    stream: IO[bytes] | gzip.GzipFile, name: str, *, most: float = math.inf
) -> Iterator[tuple[int, bytes | FormatError]]:
    """Yield the lines of an open file, such as stdin, as `lines_or_errors` does.

    Args:
        stream: The file.
        name: Its name in errors.
        most: Most bytes of all lines together.
    """
    limit, number, total, is_rest = read_limit(), 1, 0, False
    while True:
        where = f"{name}: line {number}"
        try:
            line = stream.readline(limit + 1)
        except (zlib.error, EOFError, gzip.BadGzipFile) as error:
            yield number, FormatError(f"{where}: damaged or incomplete gzip file: {error}")
            return
        total += len(line)
        if total > most:
            yield number, beyond_limit(where)
            return
        if not line:
            return
        if len(line) <= limit and not is_rest:
            yield number, line
        elif not is_rest:
            yield number, beyond_limit(where)
        # What does not end in a line feed is a part of a line that is too long, or the end.
        is_rest = not line.endswith(b"\n")
        number += not is_rest
