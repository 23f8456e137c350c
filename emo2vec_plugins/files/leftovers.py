"""Names of temporary files, and removal of those that killed processes left behind.

A process holds a shared lock on the folder as long as it has temporary files there. Therefore who
gets an exclusive lock knows that every temporary file in the folder is a leftover. The system ends
the locks of a killed process. Without such locks (Windows, some network disks) nothing is removed.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import emo2vec_plugins.files.disk as disk

_NAMES = re.compile(r"\.emo2vec-[0-9a-f]{16}\.part(\.\w+)?")
_TRIES, _PAUSE = 50, 0.02
"""Another process holds the exclusive lock only while it lists the folder."""

_swept: set[tuple[int, int]] = set()


def name(suffix: str) -> str:
    """Return a new temporary name. It is short: file systems limit the length of names."""
    return f".emo2vec-{secrets.token_hex(8)}{suffix}"


def claim(folder: Path) -> Callable[[], None]:
    """Lock a folder for temporary files; the first call in a process removes leftovers.

    Returns:
        A function that ends the lock; it may be called again.
    """
    if sys.platform == "win32":
        return lambda: None
    import fcntl

    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:  # a folder that may be written, but not listed
        return lambda: None
    handles = [handle]

    def end() -> None:
        while handles:
            os.close(handles.pop())

    found = os.fstat(handle)
    identity = (found.st_dev, found.st_ino)
    try:
        if identity not in _swept:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _sweep(folder)
            _swept.add(identity)
    except OSError:  # another process has temporary files here, or there are no locks
        pass
    for _ in range(_TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            time.sleep(_PAUSE)
        except OSError:
            break
    return end


def _sweep(folder: Path) -> None:
    for path in folder.iterdir():
        if _NAMES.fullmatch(path.name):
            with suppress(OSError):
                remove_any(path)


def remove_any(path: Path) -> None:
    """Remove a file, a link, or a folder with everything in it.

    Raises:
        OSError: If it does not exist or cannot be removed.
    """
    if path.is_dir() and not path.is_symlink():
        disk.remove_tree(path)
    else:
        disk.unlink(path)
