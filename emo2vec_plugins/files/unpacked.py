"""Compressed files, of which no more is decompressed than their size allows."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files.bounded import VARIABLE, read_limit, shown_size

MOST_EXPANSION = 200
"""Largest size of a decompressed ``.gz`` above the limit, as a multiple of the file's size."""


def is_packed(path: Path) -> bool:
    """Return whether the content of a file is compressed, by its name."""
    return path.suffix.casefold() == ".gz"


class Unpacked:
    """The content of a ``.gz``. Errors do not name the file, because readers know the line, too.

    Args:
        raw: The file, opened.
    """

    def __init__(self, raw: BufferedReader) -> None:
        self._is_empty = not raw.peek(1)
        self._most = max(read_limit(), MOST_EXPANSION * os.fstat(raw.fileno()).st_size)
        self._file = gzip.GzipFile(fileobj=raw, mode="rb")

    def tell(self) -> int:
        """Return the position in the content."""
        return self._file.tell()

    def seek(self, position: int) -> int:
        """Go to a position in the content.

        Raises:
            FormatError: If the file is damaged, or the position is beyond what is decompressed.
        """
        self._check(position)
        with _damage():
            return self._file.seek(position)

    def read(self, size: int) -> bytes:
        """Return the next bytes; fewer only at the end.

        Raises:
            FormatError: If the file is damaged or expands too much.
        """
        with _damage():
            return self._checked(self._file.read(size))

    def read1(self, size: int) -> bytes:
        """Return at least one of the next bytes, and none only at the end; see `read`."""
        with _damage():
            return self._checked(self._file.read1(size))

    def _checked(self, data: bytes) -> bytes:
        if self._is_empty:
            raise FormatError(
                "expected a gzip file, found an empty file, which is left out; is the copy complete?"
            )
        self._check(self._file.tell())
        return data

    def _check(self, position: int) -> None:
        if position > self._most:
            enough = shown_size(1 << (2 * self._most).bit_length())
            raise FormatError(
                f"the gzip file expands to more than {MOST_EXPANSION} times its size, and to more than "
                f"the limit; the rest of the file is left out; if you trust its author, raise the "
                f"limit with --read-limit {enough} or {VARIABLE}"
            )


@contextmanager
def _damage() -> Iterator[None]:
    try:
        yield
    except (zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise FormatError(
            f"damaged or incomplete gzip file: {error}; what is before may be wrong, and the rest of "
            "the file is left out; get a new copy"
        ) from error
