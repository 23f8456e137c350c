"""Arrays on disk that survive being killed: three of Lhotse's writers, made to go on exactly.

Each store has a position. After `Store.commit` everything up to it is on disk; opened at that
position again, the store forgets what came after and goes on as if nothing had happened.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

import numpy as np
from lhotse.features.io import (
    FeaturesWriter,
    LilcomChunkyWriter,
    NumpyFilesWriter,
    NumpyHdf5Writer,
)

from emo2vec_plugins.core import FloatArray
from emo2vec_plugins.errors import OptionsError, ResumeError
from emo2vec_plugins.files import mapped, pieces, save_npy, staging, sync


class Store(Protocol):
    """Where arrays go while cuts are annotated.

    Attributes:
        path: What manifests refer to.
        writer: For `ArraySink`.
    """

    path: Path
    writer: Any

    def commit(self) -> int:
        """Bring all that was written to the disk and return the position."""
        ...

    def seal(self) -> None:
        """Finish; may be called again after it was interrupted."""
        ...

    def close(self) -> None:
        """Let go of files, finished or not."""
        ...


class LilcomStore:
    """One archive of lilcom-compressed chunks, cut back to its position and appended to."""

    suffix = ".lca"

    def __init__(self, path: Path, position: int) -> None:
        self.path = path
        _cut_back(path, position)
        self.writer = LilcomChunkyWriter(path, mode="ab")

    def commit(self) -> int:
        """Flush the archive; the position is its length in bytes."""
        sync(self.writer.file)
        return int(self.writer.curr_offset)

    def seal(self) -> None:
        """Do nothing: the archive is complete."""

    def close(self) -> None:
        """Close the archive."""
        self.writer.close()


class FilesStore:
    """One ``.npy`` file an array; files after the position are written over with the same."""

    suffix = ""

    def __init__(self, path: Path, position: int) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self.writer = _NotedFilesWriter(path)
        self._position = position

    def commit(self) -> int:
        """Bring each new file to the disk; the position is the number of files."""
        for key in self.writer.written:
            with (self.path / key).open("rb") as file:
                os.fsync(file.fileno())
        self._position += len(self.writer.written)
        self.writer.written.clear()
        return self._position

    def seal(self) -> None:
        """Do nothing: every file is complete."""

    def close(self) -> None:
        """Do nothing: no file is open."""


class Hdf5Store:
    """One HDF5 file, written at the end from a log beside it.

    A process that is killed while it has an HDF5 file open may leave one that cannot be opened.
    """

    suffix = ".h5"

    def __init__(self, path: Path, position: int) -> None:
        self.path = path
        self._log = _log(path)
        if not (path.exists() and not self._log.exists()):  # otherwise sealed before
            _cut_back(self._log, position)
        self.writer = _LogWriter(path, self._log)

    def commit(self) -> int:
        """Flush the log; the position is its length in bytes."""
        sync(self.writer.file)
        return int(self.writer.file.tell())

    def seal(self) -> None:
        """Write the file from the log, under another name first, and remove the log."""
        length = self.commit()
        self.close()
        if length or not self.path.exists():
            with (
                staging(self.path, locked=True, suffix=".part.h5") as part,
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
"""By the names that Lhotse has for its writers."""

SUFFIXES = {store.suffix: name for name, store in STORES.items()}
"""Which of them a path stands for."""


class StorePlace(NamedTuple):
    """Which of `STORES` it is, and where."""

    type: str
    path: Path


def store_place(
    path: str | os.PathLike[str], kind: str | None, *, outside: Iterable[Path]
) -> StorePlace:
    """Return which store a path stands for, and the path with the suffix that Lhotse gives it.

    Args:
        path: An archive or a folder.
        kind: One of `STORES`; by the path's suffix if None.
        outside: Folders of cuts, which it must not be in.

    Raises:
        OptionsError: If there is no such store, or it is in one of the folders, or no store
            has the path's suffix and *kind* is None.
    """
    path = Path(path)
    found = kind or SUFFIXES.get(path.suffix)
    if found is None:
        raise OptionsError(
            f"{path}: a store is an archive of lilcom (.lca) or HDF5 (.h5), or a folder of .npy "
            f"files, whose name has no suffix; with store type numpy_files, {path.name} is the "
            "name of a folder"
        )
    if found not in STORES:
        raise OptionsError(f"store_type is one of {', '.join(STORES)}, got {kind!r}")
    for folder in outside:
        if folder.resolve() in path.resolve().parents:
            raise OptionsError(f"{path} is inside {folder}, where Lhotse takes every file for data")
    suffix = STORES[found].suffix
    named = path if path.suffix == suffix else path.with_name(path.name + suffix)
    return StorePlace(found, named)


@contextmanager
def opened(place: StorePlace, position: int) -> Iterator[Store]:
    """Open a store at a position, and close it in the end, finished or not."""
    store = STORES[place.type](place.path, position)
    try:
        yield store
    finally:
        store.close()


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


class _NotedFilesWriter(NumpyFilesWriter):  # type: ignore[misc]
    """Lhotse's writer, with a list of what it wrote."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._folder = path
        self.written: list[str] = []

    def write(self, key: str, value: FloatArray) -> str:
        stored = str(super().write(key, value[:0]))
        with (self._folder / stored).open("wb") as file:
            save_npy(file, value)
        self.written.append(stored)
        return stored


class _LogWriter(FeaturesWriter):  # type: ignore[misc]
    """Writes keys and arrays one after another, for an HDF5 file that is made of them later."""

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
    """Return the array that stands next in the log, without reading it; go to its end."""
    version = np.lib.format.read_magic(log)
    if version != (1, 0):
        raise ResumeError(f"{log.name} is not as it was written")
    shape, _, dtype = np.lib.format.read_array_header_1_0(log)
    array: FloatArray = mapped(log, dtype, shape, offset=log.tell())
    log.seek(array.nbytes, os.SEEK_CUR)
    return array


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _cut_back(path: Path, position: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    if path.stat().st_size < position:
        raise ResumeError(
            f"{path} has {path.stat().st_size} bytes, {position} were written before: it was "
            "changed since; remove what is unfinished and start over"
        )
    os.truncate(path, position)
