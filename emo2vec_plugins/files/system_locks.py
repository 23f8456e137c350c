"""Locks of the operating system on open files and folders; they end when the process is killed."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import IO

import emo2vec_plugins.files.disk as disk
from emo2vec_plugins.errors import OverwriteError

_PAUSE = 0.01


def lock(handle: int, *, shared: bool = False, seconds: float = 0.0) -> bool:
    """Lock a file or folder until its handle is closed.

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


def locked_file(path: Path, *, seconds: float = 0.0) -> IO[bytes]:
    """Open a file for appending, and lock it until it is closed; whoever has locked it may remove it.

    Args:
        path: Created if missing.
        seconds: How long to wait for another process.

    Raises:
        OverwriteError: If it is not a regular file.
        BlockingIOError: If another process still has a lock on it.
        OSError: If it cannot be opened.
    """
    # In a folder of a stranger, it could be a link to any file, or a pipe that nobody reads.
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise OverwriteError(f"{path} is not a regular file: remove it")
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
