"""The seam to the disk: every change that our own code makes to files goes through this module.

Tests replace its functions to simulate a full disk, errors, short writes and kills. So call them
as ``disk.rename(...)`` and never import them by name. Libraries that write files themselves are
given a temporary path by `emo2vec_plugins.files.staging`.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

OPERATIONS = (
    *("create", "write", "fsync", "truncate", "rename", "unlink"),
    *("make_folder", "remove_folder", "remove_tree", "link", "symlink"),
)
"""Names of the functions that change the disk, for tests that replace each in turn."""

_BUFFER = 1 << 17
_ONLY_FILES = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)

Name = str | os.PathLike[str]


def open_file(path: Name, mode: str = "xb") -> IO[bytes]:
    """Open a file for writing, with a buffer.

    A link is not followed, and a hard link not changed: in a folder of a stranger, they could lead
    to any file. Nor does this wait for the reader of a pipe.

    Args:
        path: The file.
        mode: ``xb`` for a new file, ``ab``, or ``r+b`` to change an existing file.

    Raises:
        OSError: If the file cannot be opened, is a link, or has other names (hard links).
    """
    raw = create(path, mode)
    return io.BufferedRandom(raw, _BUFFER) if "+" in mode else io.BufferedWriter(raw, _BUFFER)


def unnamed_file(folder: Name | None = None) -> IO[bytes]:
    """Open a temporary file without a name, for writing and reading.

    The system deletes it, even if the process is killed.

    Args:
        folder: By default, the system's folder for temporary files.

    Raises:
        OSError: If the file cannot be created.
    """
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        return io.BufferedRandom(_File(os.dup(file.fileno()), "r+b"), _BUFFER)


def open_device(path: Name) -> IO[bytes]:
    """Open a device, such as ``/dev/stdout``, or a pipe for writing, with a buffer.

    Raises:
        OSError: If it cannot be opened.
    """
    return io.BufferedWriter(_File(path, "wb"), _BUFFER)


def sync(file: IO[Any]) -> None:
    """Flush an open file to the disk."""
    with _named(file):
        file.flush()
        fsync(file.fileno())


def create(path: Name, mode: str) -> io.FileIO:
    """Open a file without a buffer; see `open_file`."""
    try:
        file = _File(path, mode, opener=_opener)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            error.strerror = "expected a regular file, found a link or a pipe; remove it"
        raise
    if os.fstat(file.fileno()).st_nlink > 1:
        file.close()
        message = "expected a file with one name, found a hard link; remove it"
        raise FileExistsError(errno.EEXIST, message, os.fspath(path))
    return file


def write(file: int, data: Any) -> int:
    """Write bytes to a file descriptor; return how many were written, which may be fewer."""
    return os.write(file, data)


def fsync(file: int) -> None:
    """Flush a file descriptor to the disk."""
    os.fsync(file)


def truncate(path: Name | int, length: int) -> None:
    """Cut a file, given by its path or descriptor, to *length* bytes."""
    os.truncate(path, length)


def rename(source: Name, target: Name) -> None:
    """Rename a file or folder; an existing file is replaced."""
    Path(source).replace(target)


def unlink(path: Name) -> None:
    """Remove a file."""
    Path(path).unlink()


def make_folder(path: Name) -> None:
    """Create one folder."""
    Path(path).mkdir()


def remove_folder(path: Name) -> None:
    """Remove an empty folder."""
    Path(path).rmdir()


def remove_tree(path: Name) -> None:
    """Remove a folder with everything in it, but not what links in it refer to."""
    shutil.rmtree(path)


def link(source: Name, target: Name) -> None:
    """Make *target* another name of the file *source*."""
    Path(target).hardlink_to(source)


def symlink(source: Name, target: Name) -> None:
    """Make *target* a symbolic link to *source*."""
    Path(target).symlink_to(source)


class _File(io.FileIO):
    """A file whose writes go through this module, so that a test sees them."""

    def write(self, data: Any) -> int:
        with _named(self):
            return write(self.fileno(), data)

    def truncate(self, size: int | None = None) -> int:
        length = self.tell() if size is None else size
        with _named(self):
            truncate(self.fileno(), length)
        return length


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | _ONLY_FILES, 0o666)


@contextmanager
def _named(file: IO[Any]) -> Iterator[None]:
    """Add the name of a file to errors, which a descriptor does not have."""
    try:
        yield
    except OSError as error:
        if error.filename is None and isinstance(file.name, str | os.PathLike):
            error.filename = os.fspath(file.name)
        raise
