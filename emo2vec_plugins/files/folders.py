"""Files of results: complete or absent, in folders that are made, under names that are checked."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from emo2vec_plugins.core import FloatArray
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.files.atomic import replacing


def results_folder(path: str) -> Path:
    """Return the folder that results go to, made if it is missing.

    Raises:
        OptionsError: If it, or a folder above it, is a file.
        OSError: If it cannot be made or written to.
    """
    folder = Path(path)
    for each in (folder, *folder.parents):
        if each.exists() and not each.is_dir():
            raise OptionsError(f"{each}: is a file, expected a folder")
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
    return folder


class ArrayFolder:
    """A folder of ``KEY.npy`` files, each complete or absent, as the reference writes them.

    Args:
        folder: Made if it is missing.
        keys: Of all the arrays that are to come; one may be there more than once.

    Raises:
        OptionsError: If a key would leave the folder, two keys are one file, or the folder is one.
        OSError: If the folder cannot be made or written to.
    """

    def __init__(self, folder: str | os.PathLike[str], keys: Iterable[str]) -> None:
        self._root = results_folder(os.fspath(folder))
        owner: dict[str, str] = {}
        for key in keys:
            path = os.path.normpath(self._path(key))
            if not self._holds(path) or key == "" or "\0" in path:
                raise OptionsError(f"key {key!r} is no name of a file within {folder}")
            if owner.setdefault(path, key) != key:
                raise OptionsError(f"keys {owner[path]!r} and {key!r} are both {path}")

    def write(self, key: str, array: FloatArray | None) -> None:
        """Write one array; None, of what could not be scored, writes nothing."""
        if array is None:
            return
        from emo2vec_plugins.files.spill import (
            save_npy,  # only here: whoever writes text loads no numpy
        )

        with replacing(self._path(key)) as stream:
            save_npy(stream, array)

    def _holds(self, path: str) -> bool:
        return Path(path).is_relative_to(os.path.normpath(self._root))

    def _path(self, key: str) -> Path:
        return self._root / f"{key}.npy"
