"""Digests of our files, by which they are recognised: a file ``.emo2vec.sha256`` in each folder.

It has a line ``DIGEST  NAME`` for each file written, in the format of ``sha256sum``. A line is
appended before the file gets its name, so a name may have several digests, and a run that is killed
in between does not stop the next one.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import threading
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import IO
from weakref import WeakValueDictionary

import emo2vec_plugins.files.disk as disk
from emo2vec_plugins.errors import OverwriteError
from emo2vec_plugins.files.own_files import open_own
from emo2vec_plugins.files.system_locks import locked_file

RECORD = ".emo2vec.sha256"
"""Name of the file with the digests of our files in a folder."""

PATIENCE = 60.0
"""Seconds to wait for another process, which locks a folder only while it renames files."""

_LONGEST = 1 << 16  # bytes of a line, many times the longest name of a file
_DIGEST = re.compile(rb"[0-9a-f]{64}")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, from memory if the file has not changed since the last call."""
    found = path.stat()
    signature = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return _sha256_of(path, signature)


@lru_cache(maxsize=256)
def _sha256_of(path: Path, _: tuple[int, ...]) -> str:
    """Return the SHA-256 of a file; the second argument changes with the file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


class Record:
    """The digests of our files in one folder."""

    def __init__(self, folder: str) -> None:
        self._path = Path(folder) / RECORD
        self._known: dict[str, set[bytes]] = {}
        self._file: tuple[int, int] | None = None
        self._length = 0
        self._lock = threading.RLock()
        self._open: IO[bytes] | None = None

    def has(self, name: str, digest: str | None = None) -> bool:
        """Return whether a file of this name was written, with this digest if one is given."""
        with self._lock:
            self._refresh()
            known = self._known.get(_key(name), set())
        if digest is None:
            return bool(known)
        return bytes.fromhex(digest) in known

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let no other process write our files in the folder until the block ends; wait for it.

        Raises:
            OverwriteError: If the record is not a regular file.
            ResumeError: If another process does not end its block in time.
            OSError: If the record cannot be written.
        """
        with self._lock:
            if self._open is not None:
                yield
                return
            busy = (
                f"{self._path.parent} is being written by another process for {PATIENCE:.0f} s; "
                "wait until it has finished, or choose another folder"
            )
            with locked_file(self._path, busy=busy, seconds=PATIENCE) as file:
                self._open = file
                try:
                    yield
                finally:
                    self._open = None
                    if not os.fstat(file.fileno()).st_size:  # nothing was written
                        with suppress(OSError):
                            disk.unlink(self._path)

    def add(self, digests: Mapping[str, str]) -> None:
        """Append the digests of files, by name, that the record lacks."""
        with self.locked():
            new = [_line(name, each) for name, each in digests.items() if not self.has(name, each)]
            if not new or self._open is None:
                return
            if self._path.stat().st_size > self._length:  # a killed process did not finish a line
                new.insert(0, b"\n")
            self._open.write(b"".join(new))
            disk.sync(self._open)

    def _refresh(self) -> None:
        """Read the lines that were appended since the last call, also by other processes."""
        try:
            found = self._path.lstat()
        except OSError:
            self._known, self._file, self._length = {}, None, 0
            return
        identity = (found.st_dev, found.st_ino)
        if self._file != identity or found.st_size < self._length:
            self._known, self._file, self._length = {}, identity, 0
        if found.st_size == self._length or not stat.S_ISREG(found.st_mode):
            return
        with open_own(self._path) as file:
            file.seek(self._length)
            while (line := file.readline(_LONGEST)).endswith(b"\n"):
                self._length += len(line)
                if parsed := _parsed(line):
                    name, digest = parsed
                    self._known.setdefault(_key(name), set()).add(digest)
        if len(line) == _LONGEST:
            raise OverwriteError(
                f"{self._path} is damaged: expected lines of sha256sum, found one of more than "
                f"{_LONGEST} bytes; remove it"
            )


_alive: WeakValueDictionary[str, Record] = WeakValueDictionary()
_guard = threading.Lock()


def record_of(folder: str) -> Record:
    """Return the record of a folder, given by its path without links.

    A folder has one record in a process, as a second one would wait for the lock of the first.
    """
    with _guard:
        return _recent(folder)


@lru_cache(maxsize=16)
def _recent(folder: str) -> Record:
    """Return the record of a folder, from memory for some folders even if it is not in use."""
    record = _alive.get(folder) or Record(folder)
    _alive[folder] = record
    return record


def _forget() -> None:
    """Make records anew in a forked process: its parent's locks are not its own."""
    global _guard  # noqa: PLW0603
    _guard = threading.Lock()
    _alive.clear()
    _recent.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def _key(name: str) -> str:
    # On some disks, names that differ in case or in the form of accents are the same file.
    return unicodedata.normalize("NFC", name).casefold()


def _line(name: str, digest: str) -> bytes:
    """Return a line as sha256sum writes it, with escapes for unusual names."""
    plain = os.fsencode(name)
    shown = plain.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    return b"%s%s  %s\n" % (b"\\" if shown != plain else b"", digest.encode(), shown)


def _parsed(line: bytes) -> tuple[str, bytes] | None:
    """Return the name and the digest in a line, or None if it is damaged."""
    is_escaped = line.startswith(b"\\")
    digest, two, shown = line.removeprefix(b"\\").removesuffix(b"\n").partition(b"  ")
    if not _DIGEST.fullmatch(digest) or not two or not shown:
        return None
    if is_escaped:
        parts = shown.split(b"\\\\")
        shown = b"\\".join(p.replace(b"\\n", b"\n").replace(b"\\r", b"\r") for p in parts)
    return os.fsdecode(shown), bytes.fromhex(digest.decode())
