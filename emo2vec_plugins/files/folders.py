"""Folders for outputs: made when needed, and removed again if they stay empty."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import emo2vec_plugins.files.disk as disk
from emo2vec_plugins.errors import OptionsError


def make_folder(path: Path) -> list[Path]:
    """Create a folder and its parents if they are missing; return those created, inner first.

    Raises:
        NotADirectoryError: If the folder or a parent is a file.
        OSError: If a folder cannot be created.
    """
    made: list[Path] = []
    if path.is_dir():
        return made
    for each in reversed((path, *path.parents)):
        if each.is_dir():
            continue
        try:
            disk.make_folder(each)
            made.insert(0, each)
        except FileExistsError as error:  # by another process, just now
            if not each.is_dir():
                message = "expected a folder, got a file"
                raise NotADirectoryError(errno.ENOTDIR, message, str(each)) from error
    return made


def remove_empty(folders: Iterable[Path]) -> None:
    """Remove folders that `make_folder` made, if they are empty; never fails."""
    for folder in folders:
        with suppress(OSError):
            disk.remove_folder(folder)


def results_folder(path: str) -> Path:
    """Return a folder for results, which exists or can be created; nothing is created.

    Raises:
        OptionsError: If the folder or a parent is a file.
        OSError: If the folder cannot be created or written to.
    """
    folder = Path(path)
    found = next(each for each in (folder, *folder.absolute().parents) if os.path.lexists(each))
    if not found.is_dir():
        raise OptionsError(f"{found}: expected a folder, got a file")
    if not os.access(found, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
    return folder
