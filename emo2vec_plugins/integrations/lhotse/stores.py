"""Arrays on disk that survive a killed process: three of Lhotse's writers, made resumable.

Each store has a position. After `Store.commit` everything up to it is on disk; opened at that
position again, the store drops what came after and goes on as if it had not been interrupted.
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
    """Where arrays go while cuts are annotated; as it is, for runs without arrays.

    Attributes:
        suffix: Of its path.
        writer: For `ArraySink`.
    """

    suffix = ""
    writer: Any = None

    def commit(self) -> int:
        """Bring all that was written to the disk and return the position."""
        return 0

    def seal(self) -> None:
        """Finish; may be called again after it was interrupted."""

    def close(self) -> None:
        """Close files, finished or not."""


class LilcomStore(Store):
    """One archive of lilcom-compressed chunks, cut back to its position and appended to."""

    suffix = ".lca"

    def __init__(self, path: Path, position: int) -> None:
        cut_back(path, position)
        # Lhotse's default mode would empty the archive.
        self.writer = LilcomChunkyWriter(path, mode="ab")

    def commit(self) -> int:
        """Flush the archive; the position is its length in bytes."""
        sync(self.writer.file)
        return int(self.writer.curr_offset)

    def close(self) -> None:
        """Close the archive."""
        self.writer.close()


class FilesStore(Store):
    """One ``.npy`` file an array. Needs no position: what is written again is the same file."""

    def __init__(self, path: Path, position: int) -> None:  # noqa: ARG002 - as other stores
        path.mkdir(parents=True, exist_ok=True)
        self.writer = _FilesWriter(path)

    def commit(self) -> int:
        """Bring each new file to the disk."""
        while self.writer.written:
            with self.writer.written.pop().open("rb") as file:
                os.fsync(file.fileno())
        return 0


class Hdf5Store(Store):
    """One HDF5 file, written at the end from a log beside it.

    A process that is killed while it has an HDF5 file open may leave one that cannot be opened.
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
        """Write the file from the log, under another name first, and remove the log."""
        length = self.commit()
        self.close()
        # An empty log beside a file was opened again after the file had been sealed.
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
"""By Lhotse's names for its writers."""

SUFFIXES = {store.suffix: name for name, store in STORES.items()}
"""Which of them a path is for."""


class StorePlace(NamedTuple):
    """Which of `STORES` it is, and where."""

    type: str
    path: Path


def store_place(
    path: str | os.PathLike[str], kind: str | None, *, outside: Iterable[Path]
) -> StorePlace:
    """Return which store a path is for, and the path with the suffix that Lhotse gives it.

    Args:
        path: An archive or a folder.
        kind: One of `STORES`; by the path's suffix if None.
        outside: Folders of cuts, which it must not be in.

    Raises:
        OptionsError: If there is no such store, it is in one of the folders, or *kind* is None
            and no store has the path's suffix.
    """
    path = Path(path)
    found = kind or SUFFIXES.get(path.suffix)
    if found is None:
        raise OptionsError(
            f"{path}: a store is a .lca, an .h5 or a folder of .npy files without suffix: "
            f"with store type numpy_files, {path.name} is the name of one"
        )
    if found not in STORES:
        raise OptionsError(f"store_type is one of {', '.join(STORES)}, got {kind!r}")
    # Resolved: a link may lead into one of the folders.
    for folder in outside:
        if folder.resolve() in path.resolve().parents:
            raise OptionsError(f"{path} is inside {folder}, where Lhotse takes every file for data")
    suffix = STORES[found].suffix
    named = path if path.suffix == suffix else path.with_name(path.name + suffix)
    return StorePlace(found, named)


def open_store(place: StorePlace | None, position: int) -> Store:
    """Return the store at a position; without a place, one for runs without arrays."""
    return Store() if place is None else STORES[place.type](place.path, position)


def occupied(path: Path) -> Path | None:
    """Return what is in the way of a new store: a finished one, or one that is being written."""
    return next((found for found in (path, _log(path)) if found.exists()), None)


def discard(path: Path) -> None:
    """Remove a store, finished or being written."""
    while found := occupied(path):
        if found.is_dir():
            shutil.rmtree(found)
        else:
            found.unlink()


class _FilesWriter(NumpyFilesWriter):  # type: ignore[misc]
    """Lhotse's writer, with a list of what it wrote; arrays on disk are written in pieces."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._folder = path
        self.written: list[Path] = []

    def write(self, key: str, value: FloatArray) -> str:
        name = str(super().write(key, value[:0]))  # its own file name, without the array
        with (self._folder / name).open("wb") as file:
            save_npy(file, value)
        self.written.append(self._folder / name)
        return name


class _LogWriter(FeaturesWriter):  # type: ignore[misc]
    """Writes keys and arrays one after another, for an HDF5 file that is made from them later."""

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
    """Return the next array of the log, mapped instead of read, and go to its end."""
    # Only version 1.0 is written for arrays of plain numbers.
    version = np.lib.format.read_magic(log)
    if version != (1, 0):
        raise ResumeError(f"{log.name} is not as it was written")
    shape, _, dtype = np.lib.format.read_array_header_1_0(log)
    array: FloatArray = mapped(log, dtype, shape, offset=log.tell())
    log.seek(array.nbytes, os.SEEK_CUR)
    return array


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")
