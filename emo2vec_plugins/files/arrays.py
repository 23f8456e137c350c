"""A folder of arrays: each complete or absent, under names that are checked."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from emo2vec_plugins.core import FloatArray
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.files.atomic import replacing, results_folder


class ArrayFolder:
    """A folder of ``KEY.npy`` files, each complete or absent, as the reference writes them.

    Args:
        folder: Made if it is missing.
        keys: Of all arrays that may be written; repeated keys are allowed.

    Raises:
        OptionsError: If a key would leave the folder, two keys are one file, or the folder is one.
        OSError: If the folder cannot be made or written to.
    """

    def __init__(self, folder: str | os.PathLike[str], keys: Iterable[str]) -> None:
        self._root = results_folder(os.fspath(folder))
        owner: dict[str, str] = {}
        for key in keys:
            path = os.path.normpath(self._path(key))
            is_inside = Path(path).is_relative_to(os.path.normpath(self._root))
            if not is_inside or key == "" or "\0" in path:
                raise OptionsError(f"key {key!r} is no name of a file within {folder}")
            if owner.setdefault(path, key) != key:
                raise OptionsError(f"keys {owner[path]!r} and {key!r} are both {path}")

    def write(self, key: str, array: FloatArray | None) -> None:
        """Write one array; None, of what could not be scored, writes nothing."""
        if array is None:
            return
        # Imported here: commands that write text need no numpy.
        from emo2vec_plugins.files.spill import save_npy

        with replacing(self._path(key)) as stream:
            save_npy(stream, array)

    def _path(self, key: str) -> Path:
        return self._root / f"{key}.npy"
