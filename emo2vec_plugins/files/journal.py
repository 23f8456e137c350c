"""Journals: files of JSON records that are appended one by one, each with a checksum.

A process may be killed while it appends, and disks may flip bits. The records before the first
damaged one are valid; the others are lost, and are found to be.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import emo2vec_plugins.files.disk as disk
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files.atomic import replacing
from emo2vec_plugins.files.lines import lines_of

DIGITS = 32
"""Hexadecimal digits of a digest in a journal: 128 bits of SHA-256."""

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

    def places(self) -> Iterator[Place]:
        """Yield the head and the other valid records, lazily."""
        end = 0
        try:
            for expected, (number, line) in enumerate(lines_of(self.path), start=1):
                record = _record(line)
                if record is None or number != expected:  # after a blank line
                    return
                end += len(line)
                yield Place(record, end)
        except (FileNotFoundError, FormatError):  # FormatError: a line that cannot be a record
            return

    def records(self) -> Iterator[Place]:
        """Yield the valid records after the head, lazily."""
        places = self.places()
        next(places, None)
        yield from places

    def is_damaged(self, *, beyond: int) -> bool:
        """Return whether there is more than an incomplete record beyond a valid one."""
        if not self.path.exists():
            return False
        with self.path.open("rb") as file:
            file.seek(beyond)
            return b"\n" in file.read()

    def write(self, head: Mapping[str, Any], records: Iterable[Mapping[str, Any]] = ()) -> None:
        """Write the head and any number of records atomically; an existing journal is replaced."""
        with replacing(self.path, locked=True) as file:
            file.write(_line(head))
            file.writelines(map(_line, records))

    def append(self, record: Mapping[str, Any]) -> None:
        """Append a record, on disk before this returns."""
        with disk.open_file(self.path, "ab") as file:
            file.write(_line(record))
            disk.sync(file)

    def cut_back(self, end: int) -> None:
        """Remove all records beyond a valid one."""
        if self.path.stat().st_size > end:
            disk.truncate(self.path, end)


def checksum_of(data: bytes) -> str:
    """Return the checksum of data: the start of its digest."""
    return hashlib.sha256(data).hexdigest()[:DIGITS]


def digest_in(path: Path, start: int, end: int) -> str | None:
    """Return the digest of a part of a file; None if the file is shorter, or is missing."""
    digest, left = hashlib.sha256(), end - start
    try:
        with path.open("rb") as file:
            file.seek(start)
            while left and (block := file.read(min(left, 1 << 20))):
                digest.update(block)
                left -= len(block)
    except FileNotFoundError:
        return None
    return None if left else digest.hexdigest()[:DIGITS]


def _line(record: Mapping[str, Any]) -> bytes:
    text = json.dumps(record, separators=(",", ":")).encode()
    return b"%s %s\n" % (checksum_of(text).encode(), text)


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
