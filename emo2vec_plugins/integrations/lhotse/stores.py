"""Resumable stores for arrays: three of Lhotse's writers, safe against a killed process.

Each store has a position. After `Store.commit`, all arrays up to the position are on disk. A store
that is opened at a position drops all later arrays and continues from there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from lhotse import LilcomChunkyWriter, NumpyFilesWriter, NumpyHdf5Writer
from lhotse.features.io import FeaturesWriter

from emo2vec_plugins.core import FloatArray
from emo2vec_plugins.errors import OptionsError, ResumeError
from emo2vec_plugins.files import mapped, pieces, save_npy, staging, sync
from emo2vec_plugins.integrations.lhotse.journal import cut_back


class Store:
    """Base class of the stores, and the store of runs without arrays.

    Attributes:
        suffix: Suffix of the path.
        writer: The writer for `ArraySink`.
    """

    suffix = ""
    writer: Any = None

    def commit(self) -> int:
        """Flush all arrays to disk and return the position."""
        return 0

    def seal(self) -> None:
        """Finish the store. It is safe to call this again after an interruption."""

    def close(self) -> None:
        """Close all files, finished or not."""


class LilcomStore(Store):
    """An archive of lilcom-compressed chunks, truncated to its position and then appended to."""

    suffix = ".lca"

    def __init__(self, path: Path, position: int) -> None:
        cut_back(path, position)
        # Lhotse's default mode truncates the archive.
        self.writer = LilcomChunkyWriter(path, mode="ab")

    def commit(self) -> int:
        """Flush the archive; the position is its length in bytes."""
        sync(self.writer.file)
        return int(self.writer.curr_offset)

    def close(self) -> None:
        """Close the archive."""
        self.writer.close()


class FilesStore(Store):
    """One ``.npy`` file for each array.

    It needs no position: a resumed run overwrites files with the same content.
    """

    def __init__(self, path: Path, position: int) -> None:  # noqa: ARG002 - as other stores
        path.mkdir(parents=True, exist_ok=True)
        self.writer = _FilesWriter(path)

    def commit(self) -> int:
        """Flush each new file to disk."""
        while self.writer.written:
            with self.writer.written.pop().open("rb") as file:
                os.fsync(file.fileno())
        return 0


class Hdf5Store(Store):
    """An HDF5 file that is written at the end, from a log beside it.

    If a process is killed while an HDF5 file is open, the file may be unreadable afterwards.
    """

    suffix = ".h5"

    def __init__(self, path: Path, position: int) -> None:
        self._path = path
        self._log = _log(path)
        if self._log.exists() or not path.exists():  # otherwise sealed before
            cut_back(self._log, position)
        self.writer = _LogWriter(path, self._log)

    def commit(self) -> int:
        """Flush the log; the position is its length in bytes."""
        sync(self.writer.file)
        return int(self.writer.file.tell())

    def seal(self) -> None:
        """Write the file atomically from the log, and remove the log."""
        length = self.commit()
        self.close()
        # An empty log and an existing file: the file was sealed before this store was opened.
        if length or not self._path.exists():
            with (
                staging(self._path, locked=True, suffix=".part.h5") as part,
                NumpyHdf5Writer(part, mode="w") as whole,
                self._log.open("rb") as log,
            ):
                while log.tell() < length:
                    key, array = str(np.load(log)), _next_array(log)
                    dataset = whole.hdf.create_dataset(key, array.shape, array.dtype)
                    start = 0
                    for piece in pieces(array):
                        dataset[start : start + len(piece)] = piece
                        start += len(piece)
        self._log.unlink()

    def close(self) -> None:
        """Close the log."""
        self.writer.file.close()


STORES: dict[str, type[LilcomStore | FilesStore | Hdf5Store]] = {
    "lilcom_chunky": LilcomStore,
    "numpy_hdf5": Hdf5Store,
    "numpy_files": FilesStore,
}
"""Stores by Lhotse's names of their writers."""

SUFFIXES = {store.suffix: name for name, store in STORES.items()}
"""Names in `STORES` by the suffix of a path."""


class StorePlace(NamedTuple):
    """Type, a key of `STORES`, and path of a store."""

    type: str
    path: Path


def store_place(
    path: str | os.PathLike[str], kind: str | None, *, outside: Iterable[Path]
) -> StorePlace:
    """Return the type of a store, and its path with the suffix that Lhotse adds.

    Args:
        path: An archive or a folder.
        kind: One of `STORES`; None to choose by the suffix of *path*.
        outside: Shar directories, which must not contain the store.

    Raises:
        OptionsError: If the type is unknown, the suffix does not determine it, or the store is
            inside one of the folders.
    """
    path = Path(path)
    found = kind or SUFFIXES.get(path.suffix)
    if found is None:
        raise OptionsError(
            f"expected a .lca file, an .h5 file or a folder without suffix as store, got {path}; "
            "for a folder with a suffix, use the store type numpy_files"
        )
    if found not in STORES:
        raise OptionsError(f"expected one of {', '.join(STORES)} as store_type, got {kind!r}")
    # Resolve links: one may lead into one of the folders.
    for folder in outside:
        if folder.resolve() in path.resolve().parents:
            raise OptionsError(
                f"expected a store outside of {folder}, where Lhotse reads every file as data, "
                f"got {path}"
            )
    suffix = STORES[found].suffix
    named = path if path.suffix == suffix else path.with_name(path.name + suffix)
    return StorePlace(found, named)


def open_store(place: StorePlace | None, position: int) -> Store:
    """Open a store at a position. Without a place, return the store of runs without arrays."""
    return Store() if place is None else STORES[place.type](place.path, position)


def occupied(path: Path) -> Path | None:
    """Return the path of an existing store, finished or unfinished, that blocks a new one."""
    return next((found for found in (path, _log(path)) if found.exists()), None)


def discard(path: Path) -> None:
    """Remove a store, finished or unfinished."""
    while found := occupied(path):
        if found.is_dir():
            shutil.rmtree(found)
        else:
            found.unlink()


class _FilesWriter(NumpyFilesWriter):  # type: ignore[misc]
    """Lhotse's writer with a list of its new files. Memory-mapped arrays are copied in pieces."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._folder = path
        self.written: list[Path] = []

    def write(self, key: str, value: FloatArray) -> str:
        name = str(super().write(key, value[:0]))  # an empty array, only for the file name
        with (self._folder / name).open("wb") as file:
            save_npy(file, value)
        self.written.append(self._folder / name)
        return name


class _LogWriter(FeaturesWriter):  # type: ignore[misc]
    """Appends keys and arrays to a log, from which the HDF5 file is written later."""

    name = "numpy_hdf5"

    def __init__(self, path: Path, log: Path) -> None:
        self._path = path
        self.file = log.open("ab")

    @property
    def storage_path(self) -> str:
        return str(self._path)

    def write(self, key: str, value: FloatArray) -> str:
        np.save(self.file, np.array(key), allow_pickle=False)
        save_npy(self.file, value)
        return key


def _next_array(log: IO[bytes]) -> FloatArray:
    """Return the next array of the log, memory-mapped, and seek to its end."""
    # Arrays of plain numbers are always written in version 1.0.
    version = np.lib.format.read_magic(log)
    if version != (1, 0):
        raise ResumeError(f"{log.name} is damaged: expected .npy version (1, 0), found {version}")
    shape, _, dtype = np.lib.format.read_array_header_1_0(log)
    array: FloatArray = mapped(log, dtype, shape, offset=log.tell())
    log.seek(array.nbytes, os.SEEK_CUR)
    return array


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")
