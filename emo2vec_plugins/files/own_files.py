"""Reading our own files beside an output: journals, records and locks.

They may be larger than the documents of others, so `read_limit` does not hold for them. But a
stranger may have put anything in their place: links, hard links and pipes are refused, and what is
read at once is bounded.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import IO

from emo2vec_plugins.errors import FormatError, OverwriteError

MOST_BYTES = 64 << 20
"""Most bytes of a record, in a file or a journal."""

_ONLY_FILES = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def check_regular(path: Path) -> None:
    """Check that a path is a regular file without other names, or does not exist.

    Raises:
        OverwriteError: If it is a link, a hard link, a pipe, a folder or a device.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISREG(found.st_mode):
        raise OverwriteError(f"{path} is not a regular file: remove it")
    if found.st_nlink > 1:
        raise OverwriteError(f"{path} is another name of a file (a hard link): remove it")


def open_own(path: Path) -> IO[bytes]:
    """Open one of our own files for reading.

    Raises:
        OverwriteError: If it is not a regular file.
        OSError: If it cannot be opened.
    """
    check_regular(path)
    return open(path, "rb", opener=_opener)


def read_own(path: Path, *, most: int = MOST_BYTES) -> bytes:
    """Return the content of one of our own files.

    Args:
        path: The file.
        most: Most bytes that it can have.

    Raises:
        FormatError: If it is larger.
        OverwriteError: If it is not a regular file.
        OSError: If it cannot be read.
    """
    with open_own(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise FormatError(f"{path} is damaged: expected at most {most} bytes; remove it")
    return content


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | _ONLY_FILES)
