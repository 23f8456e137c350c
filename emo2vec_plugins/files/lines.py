"""Files of lines, compressed or not, whose cost is bounded by their size."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files.bounded import beyond_limit, opened, read_limit, shown_size
from emo2vec_plugins.files.unpacked import Unpacked, is_packed

_BLOCK = 1 << 16

_MOST_SKIPPED = 1 << 28
"""Bytes of a line beyond the limit after which its end is no longer looked for."""

_END = re.compile(rb"(\n(?:\s*\n)?)")
"""The end of a line, with the blank lines after it: a file may have millions of them."""


class Stream(Protocol):
    """What lines are read from: an open file, or stdin."""

    def read1(self, size: int, /) -> bytes:
        """Return some bytes, none only at the end."""


def lines_of(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (number from 1, line with its line feed) lazily, for each line that is not blank.

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

    The lines after one that is too long are read. The error of a file that is damaged, expands too
    much, or has a line without an end, is the last item: it says that the rest is left out.

    Raises:
        OSError: If the file cannot be read.
    """
    with opened(path) as raw:
        yield from lines_in(Unpacked(raw) if is_packed(path) else raw, str(path))


def lines_in(stream: Stream, name: str) -> Iterator[tuple[int, bytes | FormatError]]:
    """Yield the lines of an open file, such as stdin, as `lines_or_errors` does.

    Args:
        stream: The file.
        name: Its name in errors.
    """
    for number, line, end in _lines(stream, name):
        if isinstance(line, FormatError):
            yield number, line
        elif line and not line.isspace():
            yield number, line + end[:1]


def read_lines(path: Path) -> bytearray:
    """Return the content of a file of lines, also of blank ones.

    Raises:
        FormatError: As for `lines_of`.
        OSError: If the file cannot be read.
    """
    data = bytearray()
    with opened(path) as raw:
        for _, line, end in _lines(Unpacked(raw) if is_packed(path) else raw, str(path)):
            if isinstance(line, FormatError):
                raise line
            data += line + end
    return data


def _lines(stream: Stream, name: str) -> Iterator[tuple[int, bytes | FormatError, bytes]]:
    """Yield each line with its number and with what ends it: a line feed and blank lines."""
    limit, number, length = read_limit(), 1, 0
    parts: list[bytes] = []  # of a line, which may be longer than a block

    def error(reason: object) -> FormatError:
        return FormatError(f"{name}: line {number}: {reason}")

    for block in _blocks(stream):
        if isinstance(block, FormatError):
            yield number, error(block), b""
            return
        pieces = _END.split(block)
        for piece, end in zip(pieces[::2], [*pieces[1::2], b""], strict=True):
            is_new = length <= limit
            length += len(piece)
            if length <= limit:
                parts.append(piece)
            elif is_new:  # at once: the line may have no end
                yield number, beyond_limit(f"{name}: line {number}"), b""
            elif length > limit + _MOST_SKIPPED:
                found = f"no line feed in {shown_size(_MOST_SKIPPED)}"
                yield number, error(f"{found}; the rest of the file is left out"), b""
                return
            if end:
                if length <= limit:
                    yield number, b"".join(parts), end
                number, length, parts = number + end.count(b"\n"), 0, []
    if 0 < length <= limit:
        yield number, b"".join(parts), b""


def _blocks(stream: Stream) -> Iterator[bytes | FormatError]:
    """Yield the content; an error that ends it is the last item."""
    try:
        while block := stream.read1(_BLOCK):
            yield block
    except FormatError as error:
        yield error
