"""Journals: files of JSON records that are appended one by one, each with a checksum.

A process may be killed while it appends, and disks may flip bits. The records before the first
damaged one are valid; the others are lost, and are found to be.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import emo2vec_plugins.files.disk as disk
from emo2vec_plugins.errors import OverwriteError, ResumeError
from emo2vec_plugins.files.atomic import replacing
from emo2vec_plugins.files.own_files import MOST_BYTES, open_own

DIGITS = 32
"""Hexadecimal digits of a digest in a journal: 128 bits of SHA-256."""

_START = DIGITS + 2
_OURS = re.compile(rb"[0-9a-f]{0,%d}\Z|[0-9a-f]{%d}|.{%d} \{" % (3 * (DIGITS,)), re.DOTALL)
"""Matches the start of a journal: incomplete after a kill, or with one damaged byte."""

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """A record in a journal.

    Attributes:
        record: Its JSON values.
        end: Bytes from the start of the journal to the end of the record.
    """

    record: Record
    end: int


class Journal:
    """A journal. The caller must prevent other processes from writing it.

    The first record is the head, which says what the journal is about.

    Args:
        path: Path of the file, which may be missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def head(self) -> Record | None:
        """Return the first record; None if there is none, or it is damaged."""
        return next((place.record for place in self.places()), None)

    def check_ours(self) -> None:
        """Check that the file is missing, or a journal, whole or damaged.

        Raises:
            OverwriteError: If it is a file of another program.
        """
        try:
            with open_own(self.path) as file:
                start = file.read(_START)
        except FileNotFoundError:
            return
        if not _OURS.match(start):
            raise not_ours(self.path)

    def places(self) -> Iterator[Place]:
        """Yield the head and the other valid records, lazily.

        Raises:
            OverwriteError: If the journal is not a regular file.
        """
        try:
            file = open_own(self.path)
        except FileNotFoundError:
            return
        with file:
            while (record := _record(file.readline(MOST_BYTES))) is not None:
                yield Place(record, file.tell())

    def records(self) -> Iterator[Place]:
        """Yield the valid records after the head, lazily."""
        places = self.places()
        next(places, None)
        yield from places

    def is_damaged(self, *, beyond: int) -> bool:
        """Return whether there is more than an incomplete record beyond a valid one."""
        if not self.path.exists():
            return False
        with open_own(self.path) as file:
            file.seek(beyond)
            rest = file.readline(MOST_BYTES)
        return rest.endswith(b"\n") or len(rest) == MOST_BYTES

    def write(self, head: Mapping[str, Any], records: Iterable[Mapping[str, Any]] = ()) -> None:
        """Write the head and any number of records atomically; an existing journal is replaced.

        Raises:
            ResumeError: If a record is too long to be read back.
        """
        with replacing(self.path, locked=True) as file:
            file.write(self._line(head))
            file.writelines(map(self._line, records))

    def append(self, record: Mapping[str, Any]) -> None:
        """Append a record, on disk before this returns.

        Raises:
            ResumeError: If it is too long to be read back.
        """
        line = self._line(record)
        with disk.open_file(self.path, "ab") as file:
            file.write(line)
            disk.sync(file)

    def cut_back(self, end: int) -> None:
        """Remove all records beyond a valid one."""
        if self.path.stat().st_size > end:
            disk.truncate(self.path, end)

    def _line(self, record: Mapping[str, Any]) -> bytes:
        text = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
        data = text.encode("utf-8", "surrogatepass")
        line = b"%s %s\n" % (checksum_of(data).encode(), data)
        if len(line) > MOST_BYTES:
            raise ResumeError(
                f"{self.path}: expected a record of at most {MOST_BYTES} bytes, got {len(line)}; "
                "shorten the names of the items"
            )
        return line


def not_ours(path: Path) -> OverwriteError:
    """Return the error for a file that has the name of one of our own."""
    return OverwriteError(
        f"{path}: expected a file of an unfinished run, found one of another program; rename it or "
        "choose another output"
    )


def checksum_of(data: bytes) -> str:
    """Return the checksum of data: the start of its digest."""
    return hashlib.sha256(data).hexdigest()[:DIGITS]


def digest_in(path: Path, start: int = 0, end: int | None = None) -> str | None:
    """Return the digest of a file from *start* to *end*, None for its end.

    It is None if the file is shorter, or missing, or not a regular file.
    """
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return digest_of_part(file, start, path.stat().st_size if end is None else end)


def digest_of_part(file: IO[bytes], start: int, end: int) -> str | None:
    """Return the digest of a part of an open file; None if the file is shorter."""
    digest, left = hashlib.sha256(), end - start
    file.seek(start)
    while left > 0 and (block := file.read(min(left, 1 << 20))):
        digest.update(block)
        left -= len(block)
    return None if left else digest.hexdigest()[:DIGITS]


def _record(line: bytes) -> Record | None:
    digest, _, text = line.partition(b" ")
    # A process that was killed may leave an incomplete line.
    if not text.endswith(b"\n") or digest != checksum_of(text[:-1]).encode():
        return None
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
