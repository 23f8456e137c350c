"""The guard of existing files: only a file that we wrote, and that is unchanged, is replaced.

The folder of each output has a file ``.emo2vec.sha256`` with a line ``DIGEST  NAME`` for each file
written, in the format of ``sha256sum``. A line is appended before the file gets its name, so a name
may have several digests, and a run that is killed in between does not stop the next one.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import emo2vec_plugins.files.disk as disk
from emo2vec_plugins.errors import OverwriteError

RECORD = ".emo2vec.sha256"
"""Name of the file with the digests of our files in a folder."""

ADVICE = "choose another name, or replace it with --overwrite (files.overwriting())"

_LISTED = 10
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)

Name = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class _Scope:
    overwrite: bool = False
    read: dict[tuple[int, int], str] = field(default_factory=dict)


_scope = ContextVar("scope", default=_Scope())  # noqa: B039 - the outermost scope is shared


@contextmanager
def overwriting(allowed: bool = True) -> Iterator[None]:
    """Let this thread replace files of others, and changed files, within the block.

    Args:
        allowed: False changes nothing.
    """
    scope = _scope.get()
    token = _scope.set(replace(scope, overwrite=allowed or scope.overwrite))
    try:
        yield
    finally:
        _scope.reset(token)


@contextmanager
def protecting(*paths: Name) -> Iterator[None]:
    """Refuse to write the files at *paths*, under any name, within the block; see `protect`."""
    scope = _scope.get()
    token = _scope.set(replace(scope, read=dict(scope.read)))
    try:
        protect(*paths)
        yield
    finally:
        _scope.reset(token)


def protect(*paths: Name) -> None:
    """Refuse to write the files at *paths*, under any name, also with `overwriting`.

    This ends with the block of `protecting`, which every command has, or else with the process.
    Paths that are not regular files are ignored.
    """
    read = _scope.get().read
    for path in paths:
        found = _status(path)
        if found is not None and stat.S_ISREG(found.st_mode):
            read.setdefault((found.st_dev, found.st_ino), os.fspath(path))


def check_overwrite(*paths: Name, advice: str = ADVICE) -> None:
    """Check that each path is new, or one of our files and unchanged.

    Anything but a regular file passes: it is written directly, such as ``/dev/stdout``, or is
    refused by other checks.

    Args:
        paths: Files to be written or removed.
        advice: What the error advises.

    Raises:
        OverwriteError: If one is protected, was written by another program, or has changed since
            it was written, and `overwriting` is not in force; protected files are refused always.
        OSError: If an existing file cannot be read.
    """
    found: dict[str, list[str]] = {}
    for path in paths:
        if reason := _obstacle(path):
            found.setdefault(reason, []).append(os.fspath(path))
    if found:
        what = "; ".join(f"{_listed(names)} {reason}" for reason, names in found.items())
        only_protected = found.keys() == {_PROTECTED}
        raise OverwriteError(f"{what}: {'choose another name' if only_protected else advice}")


def check_protected(*paths: Name) -> None:
    """Check that no path is a protected file.

    Raises:
        OverwriteError: If one is.
    """
    for path in paths:
        if _is_protected(path):
            raise OverwriteError(f"{path} {_PROTECTED}: choose another name")


def claim(renames: Iterable[tuple[Path, Path]]) -> None:
    """Record files that are about to be renamed to their final names, which are checked once more.

    Args:
        renames: The present and the final path of each file.

    Raises:
        OverwriteError: As `check_overwrite`.
        OSError: If a record cannot be written.
    """
    folders: dict[str, dict[str, str]] = {}
    for content, target in renames:
        check_overwrite(target)
        folders.setdefault(str(target.parent), {})[target.name] = _digest(content)
    for folder, digests in folders.items():
        _record_of(folder).add(digests)


def remove(path: Path) -> None:
    """Remove a file if it exists and is one of ours and unchanged.

    Raises:
        OverwriteError: As `check_overwrite`.
        OSError: If it cannot be removed.
    """
    if path.is_symlink() or path.exists():
        check_overwrite(path)
        disk.unlink(path)


_PROTECTED = "is an input of this command"
_FOREIGN = "exists and was not written by emo2vec"
_CHANGED = "has been changed since emo2vec wrote it"


def _obstacle(path: Name) -> str | None:
    """Return why a path must not be written, or None."""
    found = _status(path)
    if found is None or not stat.S_ISREG(found.st_mode):
        return None
    if _is_protected(path):
        return _PROTECTED
    if _scope.get().overwrite:
        return None
    target = Path(os.path.realpath(path))
    digests = _record_of(str(target.parent)).digests(target.name)
    if not digests:
        return _FOREIGN
    return None if _digest(target) in digests else _CHANGED


def _is_protected(path: Name) -> bool:
    read = _scope.get().read
    found = _status(path) if read else None
    return found is not None and (found.st_dev, found.st_ino) in read


def _status(path: Name) -> os.stat_result | None:
    try:
        return Path(path).stat()
    except (OSError, ValueError):  # missing, unreachable, or not a possible name
        return None


def _digest(path: Path) -> str:
    found = path.stat()
    signature = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return _digest_of(path, signature)


@lru_cache(maxsize=256)
def _digest_of(path: Path, _: tuple[int, ...]) -> str:
    """Return the SHA-256 of a file; the second argument changes with the file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


class _Record:
    """The digests of our files in one folder."""

    def __init__(self, folder: str) -> None:
        self._path = Path(folder) / RECORD
        self._known: dict[str, set[str]] = {}
        self._file: tuple[int, int] | None = None
        self._length = 0
        self._lock = threading.Lock()

    def digests(self, name: str) -> set[str]:
        """Return the digests with which a file was written, none if it is not ours."""
        with self._lock:
            self._refresh()
            return self._known.get(_key(name), set())

    def add(self, digests: Mapping[str, str]) -> None:
        """Append the digests of files, by name, that the record lacks."""
        new = [
            _line(name, each) for name, each in digests.items() if each not in self.digests(name)
        ]
        if not new:
            return
        self._refuse_links()
        with disk.open_file(self._path, "ab") as file:
            if file.tell() > self._length:  # a line that a killed process did not finish
                new.insert(0, b"\n")
            file.write(b"".join(new))
            disk.sync(file)

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
        with open(self._path, "rb", opener=_opener) as file:
            file.seek(self._length)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._length += len(line)
                if parsed := _parsed(line):
                    self._known.setdefault(_key(parsed[0]), set()).add(parsed[1])

    def _refuse_links(self) -> None:
        # In a folder of a stranger, the record could be a link to any file.
        if self._path.is_symlink() or (self._path.exists() and not self._path.is_file()):
            raise OverwriteError(f"{self._path} is not a regular file: remove it")


_record_of = lru_cache(maxsize=16)(_Record)


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | _NO_LINKS)


def _key(name: str) -> str:
    # On some disks, names that differ in case or in the form of accents are the same file.
    return unicodedata.normalize("NFC", name).casefold()


def _line(name: str, digest: str) -> bytes:
    """Return a line as sha256sum writes it, with escapes for unusual names."""
    plain = os.fsencode(name)
    shown = plain.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    return b"%s%s  %s\n" % (b"\\" if shown != plain else b"", digest.encode(), shown)


def _parsed(line: bytes) -> tuple[str, str] | None:
    """Return the name and the digest in a line, or None if it is damaged."""
    is_escaped = line.startswith(b"\\")
    digest, two, shown = line.removeprefix(b"\\").removesuffix(b"\n").partition(b"  ")
    if len(digest) != 64 or not two or not shown:
        return None
    if is_escaped:
        parts = shown.split(b"\\\\")
        shown = b"\\".join(p.replace(b"\\n", b"\n").replace(b"\\r", b"\r") for p in parts)
    return os.fsdecode(shown), digest.decode("ascii", "replace")
