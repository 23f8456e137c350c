"""Reading whose cost is bounded by the size of the file, with errors that name file and line.

A document is read into memory as a whole, so its size is limited; of a file of lines, the size of
each line is. Both limits are `read_limit`, which `set_read_limit`, the option ``--read-limit`` and
the environment variable ``EMO2VEC_READ_LIMIT`` change.
"""

from __future__ import annotations

import gzip
import json
import math
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emo2vec_plugins.errors import FormatError, OptionsError

READ_LIMIT = 64 << 20
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
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

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
    with path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise beyond_limit(str(path), part=part)
    return data


def lines_of(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the number, from 1, and the bytes of each line, with its line feed.

    A file whose name ends in ``.gz`` is decompressed.

    Raises:
        FormatError: If a line is too long, or the file is damaged or expands too much, after the
            lines before; names the file and the line.
        OSError: If the file cannot be read.
    """
    limit, number, total = read_limit(), 0, 0
    with path.open("rb") as raw:
        file: Any = raw
        most = math.inf
        if path.suffix.casefold() == ".gz":
            file = gzip.GzipFile(fileobj=raw, mode="rb")
            most = max(limit, MOST_EXPANSION * os.fstat(raw.fileno()).st_size)
        while True:
            where = f"{path}: line {number + 1}"
            try:
                line = file.readline(limit + 1)
            except (zlib.error, EOFError, gzip.BadGzipFile) as error:
                raise FormatError(f"{where}: damaged or incomplete gzip file: {error}") from error
            if not line:
                return
            total += len(line)
            if len(line) > limit or total > most:
                raise beyond_limit(where)
            number += 1
            yield number, line


def _whole(digits: str) -> int:
    if len(digits.lstrip("-")) > MOST_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits, expected at most {MOST_DIGITS}")
    return int(digits)


_JSON = json.JSONDecoder(parse_int=_whole)


def from_json(text: str, *, where: str = "", surrogates: bool = False) -> Any:
    """Return the value in a JSON text; a byte order mark is ignored.

    Args:
        text: The text.
        where: The beginning of an error's message, such as the file and line.
        surrogates: Whether strings may have lone surrogates, which UTF-8 cannot encode.

    Raises:
        FormatError: If it is not JSON, is nested too deeply, or has too large a number.
    """
    prefix = where and f"{where}: "
    try:
        value = _JSON.decode(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}: " if "\n" in text.rstrip() else ""
        found = f"{error.msg} at character {error.colno}"
        raise FormatError(f"{prefix}{line}not JSON: {found}") from error
    except ValueError as error:
        raise FormatError(f"{prefix}expected JSON, found {error}") from error
    except RecursionError:
        raise _too_deep(prefix) from None
    if text.count("[") + text.count("{") > MOST_DEPTH and _depth(value) > MOST_DEPTH:
        raise _too_deep(prefix)
    if not surrogates and _SURROGATE.search(text) and _is_broken(value):
        raise FormatError(f"{prefix}expected text, found half a character (a lone surrogate)")
    return value


def _too_deep(prefix: str) -> FormatError:
    return FormatError(
        f"{prefix}expected JSON of a known format, found more than {MOST_DEPTH} levels of brackets"
    )


def _depth(value: Any) -> int:
    """Return the number of levels of lists and dicts, without recursion."""
    depth, level = 0, [value]
    while level:
        inner = (each.values() if isinstance(each, dict) else each for each in level)
        level = [each for values in inner for each in values if isinstance(each, dict | list)]
        depth += 1
    return depth


def _is_broken(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False
