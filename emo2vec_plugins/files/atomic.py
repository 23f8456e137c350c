"""Files that have their name only once they are complete."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import ENOTDIR
from pathlib import Path
from typing import IO


def make_folder(path: Path) -> None:
    """Make a folder and those above it, unless they are there.

    Raises:
        NotADirectoryError: If one of them is a file.
        OSError: If one cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        file = next(each for each in (path, *path.parents) if each.exists())
        raise NotADirectoryError(ENOTDIR, "is a file, expected a folder", str(file)) from error


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes *path*'s place when the block ends well and is gone if it fails.

    What is no regular file, such as ``/dev/stdout``, is written to as it stands. A link stays one:
    the file that it leads to is replaced. Folders that are missing are made.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as stream:
            yield stream
        return
    path = Path(os.path.realpath(path))
    make_folder(path.parent)
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with _opened(part, path) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    finally:
        with suppress(OSError):  # gone if renamed; its folder may be gone, too
            part.unlink(missing_ok=True)


def _opened(part: Path, path: Path) -> IO[bytes]:
    try:
        return part.open("xb")
    except OSError as error:  # of what was asked for: nobody has heard of the temporary name
        raise OSError(error.errno, error.strerror, str(path)) from error
