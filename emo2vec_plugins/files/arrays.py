"""A folder of arrays with a file for each key."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from emo2vec_plugins.core import FloatArray
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.files import outputs
from emo2vec_plugins.files.atomic import replacing
from emo2vec_plugins.files.folders import results_folder


class ArrayFolder:
    """A folder of ``KEY.npy`` files, written atomically, with the same layout as the reference's.

    Args:
        folder: Created with the first array.
        keys: Keys of all arrays that may be written; repeated keys are allowed.

    Raises:
        OptionsError: If a key would leave the folder, also through a link, two keys have the same
            file or would have on another disk, or the folder is a file.
        OverwriteError: If a file must not be replaced.
        OSError: If the folder cannot be created or written to.
    """

    def __init__(self, folder: str | os.PathLike[str], keys: Iterable[str]) -> None:
        self._root = results_folder(os.fspath(folder))
        owner: dict[str, str] = {}
        for key in keys:
            path = os.path.normpath(self._path(key))
            is_inside = Path(path).is_relative_to(os.path.normpath(self._root))
            if not is_inside or key == "" or "\0" in path:
                raise OptionsError(f"key {key!r} is not a valid file name within {folder}")
            # On some disks, names that differ in case or in the form of accents are the same file.
            other = owner.setdefault(unicodedata.normalize("NFC", path).casefold(), key)
            if other != key:
                raise OptionsError(f"keys {other!r} and {key!r} have the same file name {path}")
        for name, key in owner.items():
            if holder := next((owner[n] for n in map(str, Path(name).parents) if n in owner), None):
                raise OptionsError(f"key {key!r} needs a folder where key {holder!r} has its file")
        outputs.check_overwrite(*(self._checked(key) for key in owner.values()))

    def write(self, key: str, array: FloatArray | None) -> None:
        """Write one array; None, for a turn that was not scored, writes nothing.

        Raises:
            OptionsError: If a link has appeared that leads out of the folder.
            OSError: If the file cannot be written.
        """
        if array is None:
            return
        # Imported here, because commands that write text do not need NumPy.
        from emo2vec_plugins.files.spill import save_npy

        with replacing(self._checked(key)) as stream:
            save_npy(stream, array)

    def _path(self, key: str) -> Path:
        return self._root / f"{key}.npy"

    def _checked(self, key: str) -> Path:
        path = self._path(key)
        if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(self._root)):
            raise OptionsError(f"{path}: a link leads out of the folder {self._root}")
        return path
