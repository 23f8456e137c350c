"""Locks of the operating system on open files and folders; they end when the process is killed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import emo2vec_plugins.files.disk as disk
from emo2vec_plugins.errors import ResumeError
from emo2vec_plugins.files.own_files import check_regular

_PAUSE = 0.01


def lock(handle: int, *, shared: bool = False, seconds: float = 0.0) -> bool:
    """Lock a file or folder until `unlock`, or until all copies of its handle are closed.

    Args:
        handle: A file descriptor.
        shared: Let others have shared locks, too.
        seconds: How long to wait for another process.

    Returns:
        Whether it is locked: Windows and some network disks have no such locks.

    Raises:
        BlockingIOError: If another process still has a lock on it.
    """
    if sys.platform == "win32":
        return False
    import fcntl

    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    end = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                raise
        except OSError:
            return False
        else:
            return True
        time.sleep(_PAUSE)


def unlock(handle: int) -> None:
    """End a lock. Closing is not enough: processes that were forked meanwhile have copies."""
    if sys.platform == "win32":
        return
    import fcntl

    with suppress(OSError):  # a disk without locks
        fcntl.flock(handle, fcntl.LOCK_UN)


@contextmanager
def locked_file(path: Path, *, busy: str, seconds: float = 0.0) -> Iterator[IO[bytes]]:
    """Open a file for appending, and lock it until the block ends; the block may remove the file.

    Args:
        path: Created if missing.
        busy: The error's message if another process has locked it.
        seconds: How long to wait for another process.

    Raises:
        OverwriteError: If it is not a regular file.
        ResumeError: If another process still has a lock on it.
        OSError: If it cannot be opened.
    """
    owner = os.getpid()
    try:
        file = _locked(path, seconds)
    except BlockingIOError as error:
        raise ResumeError(busy) from error
    with file:
        try:
            yield file
        finally:
            if os.getpid() == owner:  # not in a forked process, which has the same lock
                unlock(file.fileno())


def _locked(path: Path, seconds: float) -> IO[bytes]:
    check_regular(path)
    while True:
        file = disk.open_file(path, "ab")
        try:
            lock(file.fileno(), seconds=seconds)
            # The process that had locked the file may have removed it in the meantime.
            if _is_at(path, file):
                return file
        except BaseException:
            file.close()
            raise
        file.close()


def _is_at(path: Path, file: IO[bytes]) -> bool:
    try:
        found, own = path.stat(), os.fstat(file.fileno())
    except FileNotFoundError:
        return False
    return (found.st_dev, found.st_ino) == (own.st_dev, own.st_ino)
