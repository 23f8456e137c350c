"""Data files of a Shar directory: archives or JSON lines with one entry for each cut of a shard.

Lhotse reads all files of a shard together and stops at the first entry that is damaged or missing.
Here, entries are found by the ids of their cuts, so that only cuts without an entry lose its data.
"""

from __future__ import annotations

import os
import tarfile
import weakref
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from lhotse.serialization import deserialize_item, extension_contains
from lhotse.shar.utils import fill_shar_placeholder

from emo2vec_plugins.core import counted
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files import Unpacked, from_json, is_packed, lines_of, read_limit

_EMPTY = ".nometa"
_DESCRIPTION = (".json", _EMPTY)
"""Endings of members that describe the data: Lhotse's JSON, or nothing."""

_Pair = tuple[tarfile.TarInfo | None, tarfile.TarInfo | None]
"""The members of an archive with the data of a cut, and with its description."""


class DataFile:
    """The entries of one data file, opened when the first one is read.

    Args:
        path: A tar archive, or a file of JSON lines.
        field: Attribute of the cuts with the data: ``recording``.
    """

    def __init__(self, path: Path, field: str) -> None:
        self._path = path
        self._field = field
        self._is_tar = extension_contains(".tar", path)
        self._end: str | None = None  # what ended a damaged file

    def value(self, cut_id: str, index: int) -> Any:
        """Return the data of a cut as Lhotse's object, or None if its entry is empty.

        Args:
            cut_id: Its id.
            index: Its index in the shard: ids may repeat.

        Raises:
            FormatError: If the entry is missing or damaged.
        """
        places = self._places.get(cut_id)
        if not places:
            why = f"; {self._end}" if self._end else ""
            raise FormatError(f"{self._path}: no data of cut {cut_id!r:.100}{why}")
        entry = self._entries[places[min(bisect_left(places, index), len(places) - 1)]][1]
        try:
            return self._from_tar(entry) if self._is_tar else entry.get(self._field)
        # Lhotse raises errors of any kind for values that it does not expect.
        except Exception as error:
            kind = "" if isinstance(error, FormatError) else f"{type(error).__name__}: "
            why = f"{kind}{error}"[:200]
            raise FormatError(f"{self._path}: the data of cut {cut_id!r:.100}: {why}") from error

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        """Indices of the entries of each cut."""
        places: defaultdict[str, list[int]] = defaultdict(list)
        for index, (name, _) in enumerate(self._entries):
            places[name].append(index)
        return places

    @cached_property
    def _entries(self) -> list[tuple[str, Any]]:
        """Names of the cuts, and what their data is read from."""
        found: list[tuple[str, Any]] = []
        try:
            for entry in self._pairs() if self._is_tar else self._records():
                found.append(entry)  # noqa: PERF402 - those before an error are kept
        except FileNotFoundError:
            self._end = "there is no such file"
        # The library for archives raises errors of many kinds for damaged headers.
        except Exception as error:  # noqa: BLE001
            kind = "" if isinstance(error, FormatError) else f"{type(error).__name__}: "
            self._end = f"it is damaged after {counted(len(found), 'item')}: {kind}{error}"[:300]
        return found

    def _records(self) -> Iterator[tuple[str, Any]]:
        """Yield the entries of JSON lines."""
        for number, line in lines_of(self._path):
            record = from_json(line.decode(), where=f"line {number}")
            yield record["cut_id"], record

    def _pairs(self) -> Iterator[tuple[str, _Pair]]:
        """Yield the entries of an archive: the members with the data and with its description."""
        data: tarfile.TarInfo | None = None
        for member in self._members():
            if data is not None and _name(data) != _name(member):
                yield _name(data), (data, None)
                data = None
            if PurePosixPath(member.name).suffix in _DESCRIPTION:
                yield _name(member), (data, member)
                data = None
            else:
                data = member
        if data is not None:
            yield _name(data), (data, None)

    def _members(self) -> Iterator[tarfile.TarInfo]:
        self._source.seek(0)
        end = -1
        with tarfile.open(fileobj=self._source, mode="r:") as archive:  # type: ignore[call-overload]
            for member in archive:
                if member.offset <= end:  # a negative size would repeat members for ever
                    raise tarfile.ReadError("a member has an impossible size")
                end = member.offset
                yield member

    @cached_property
    def _source(self) -> _Source:
        return _Source(self._path)

    def _from_tar(self, pair: _Pair) -> Any:
        data, description = pair
        if description is None or data is None:
            missing = "description" if description is None else "data"
            raise FormatError(f"its {missing} is missing")
        if description.name.endswith(_EMPTY):
            return None
        # In the order of the archive: going back in a compressed one starts at its beginning.
        content = self._source.content(data)
        manifest = deserialize_item(from_json(self._source.content(description).decode()))
        fill_shar_placeholder(manifest, data=content, tarpath=data.name)
        return manifest


class _Source:
    """A file of which no read allocates more memory than its size or, compressed, the limit."""

    def __init__(self, path: Path) -> None:
        raw = path.open("rb")
        weakref.finalize(self, raw.close)
        self._most = os.fstat(raw.fileno()).st_size
        self._file: Any = raw
        if is_packed(path):
            self._most = max(self._most, read_limit())
            self._file = Unpacked(raw)
        self.seek, self.tell = self._file.seek, self._file.tell

    def read(self, size: int) -> bytes:
        """Return up to *size* bytes: a damaged header may declare any size."""
        data: bytes = self._file.read(max(0, min(size, self._most)))
        return data

    def content(self, member: tarfile.TarInfo) -> bytes:
        """Return the content of one member.

        Raises:
            FormatError: If the member is not a file, or is larger than the archive.
        """
        if not member.isreg() or member.issparse():
            raise FormatError(f"{member.name!r:.100} is not a regular file")
        self.seek(member.offset_data)
        data = self.read(member.size)
        if len(data) != member.size:
            raise FormatError(
                f"expected {member.size} bytes in {member.name!r:.100}, got {len(data)}"
            )
        return data


def _name(member: tarfile.TarInfo) -> str:
    """Return the id of the cut of a member, as Lhotse does."""
    path = PurePosixPath(member.name)
    return str(path.parent / path.stem)
