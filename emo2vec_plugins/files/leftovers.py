"""Names of temporary files, and removal of those that killed processes left behind.

A process holds a shared lock on the folder as long as it has temporary files there. Therefore who
gets an exclusive lock knows that every temporary file in the folder is a leftover. The system ends
the locks of a killed process. Without such locks (Windows, some network disks) nothing is removed.
On other network disks, locks hold on one machine only. So names have a mark of their machine, and
files of another machine are removed only a day after their last change.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import secrets
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

import emo2vec_plugins.files.disk as disk
from emo2vec_plugins.files.system_locks import lock, unlock

_NAMES = re.compile(r"\.emo2vec-([0-9a-f]{8})[0-9a-f]{8}\.part(\.\w+)?")
_DAY = 86_400.0
_PATIENCE = 1.0
"""Seconds; another process holds the exclusive lock only while it lists the folder."""

_swept: set[tuple[int, int]] = set()


def name(suffix: str) -> str:
    """Return a new temporary name. It is short: file systems limit the length of names."""
    return f".emo2vec-{_machine()}{secrets.token_hex(4)}{suffix}"


def is_temporary(name: str) -> bool:
    """Return whether *name* is one that `name` may have returned, on any machine."""
    return bool(_NAMES.fullmatch(name))


def claim(folder: Path) -> Callable[[], None]:
    """Lock a folder for temporary files; the first call in a process removes leftovers.

    Returns:
        A function that ends the lock; it may be called again.
    """
    if sys.platform == "win32":
        return lambda: None
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:  # a folder that may be written, but not listed
        return lambda: None
    handles = [handle]

    def end() -> None:
        while handles:
            unlock(handles[0])
            os.close(handles.pop())

    found = os.fstat(handle)
    identity = (found.st_dev, found.st_ino)
    try:
        if identity not in _swept and lock(handle):
            _sweep(folder)
            _swept.add(identity)
    except OSError:  # another process has temporary files here
        pass
    with suppress(BlockingIOError):
        lock(handle, shared=True, seconds=_PATIENCE)
    return end


def _sweep(folder: Path) -> None:
    for path in folder.iterdir():
        if found := _NAMES.fullmatch(path.name):
            with suppress(OSError):
                if found[1] == _machine() or time.time() - path.lstat().st_mtime > _DAY:
                    remove_any(path)


@cache
def _machine() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def remove_any(path: Path) -> None:
    """Remove a file, a link, or a folder with everything in it.

    Raises:
        OSError: If it does not exist or cannot be removed.
    """
    if path.is_dir() and not path.is_symlink():
        disk.remove_tree(path)
    else:
        disk.unlink(path)
