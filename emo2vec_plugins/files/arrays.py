"""A folder of arrays with a file for each key."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from emo2vec_plugins.core import FloatArray
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.files import outputs
from emo2vec_plugins.files.atomic import replacing
from emo2vec_plugins.files.folders import make_folder, remove_empty, results_folder
from emo2vec_plugins.files.journal import digest_in
from emo2vec_plugins.files.locks import Lock

Name = str | os.PathLike[str]

LOCK = ".emo2vec.lock"
"""The lock's file of a folder, in the folder: the one above it may belong to somebody else."""


class ArrayFolder:
    """A folder of ``KEY.npy`` files, written atomically, with the same layout as the reference's.

    Args:
        folder: Created with the first array.
        keys: Keys of all arrays that may be written; repeated keys are allowed.
        beside: Other files that will be written, inside the folder or not.

    Raises:
        OptionsError: If a key would leave the folder, also through a link, two keys have the same
            file or would have on another disk, a key has the file of *beside*, or the folder is a
            file.
        OverwriteError: If a file must not be replaced.
        OSError: If the folder cannot be created or written to.
    """

    def __init__(self, folder: Name, keys: Iterable[str], *, beside: Iterable[Name] = ()) -> None:
        self._root = results_folder(os.fspath(folder))
        self._new: list[str] = []
        self._paths: set[str] = set()
        keys = list(dict.fromkeys(keys))
        root = os.path.realpath(folder)
        owner = {_any_case(os.path.realpath(path)): f"output '{path}'" for path in beside}
        for key in keys:
            path = os.path.normpath(Path(root, f"{key}.npy"))
            if not Path(path).is_relative_to(root) or key == "" or "\0" in path:
                raise OptionsError(f"key {key!r} is not a valid file name within {folder}")
            if other := owner.get(_any_case(path)):
                raise OptionsError(f"{other} and {key!r} have the same file name {path}")
            owner[_any_case(path)] = f"key {key!r}"
            self._paths.add(_any_case(path))
        for name, key in owner.items():
            if holder := next((owner[n] for n in map(str, Path(name).parents) if n in owner), None):
                raise OptionsError(f"{key} needs a folder where {holder} has its file")
        outputs.check_overwrite(*map(self._checked, keys))

    def __contains__(self, path: Name) -> bool:
        """Return whether a path is that of an array."""
        return _any_case(os.path.realpath(path)) in self._paths

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder against other processes until the block ends.

        Raises:
            ResumeError: If another process has locked it.
        """
        made = make_folder(self._root)
        try:
            with Lock(self._root, path=self._root / LOCK):
                yield
        finally:
            remove_empty(made)

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
        self._new.append(f"{key}.npy")

    def commit(self) -> dict[str, Any]:
        """Return what `holds` checks later of the arrays since the last call, as JSON values."""
        new, self._new = self._new, []
        return {name: digest_in(self._root / name) for name in new}

    def holds(self, digests: Mapping[str, Any]) -> bool:
        """Return whether all arrays of a `commit` are whole."""
        return all(digest_in(self._root / name) == each for name, each in digests.items())

    def _checked(self, key: str) -> Path:
        path = self._root / f"{key}.npy"
        if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(self._root)):
            raise OptionsError(f"{path}: a link leads out of the folder {self._root}")
        return path


def _any_case(path: str) -> str:
    """Return one name for those that are the same file on disks that ignore case or accents."""
    return unicodedata.normalize("NFC", path).casefold()
