"""Lhotse's writers of arrays, on files that a store has opened."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO

import numpy as np
from lhotse import LilcomChunkyWriter
from lhotse.features.io import FeaturesWriter

from emo2vec_plugins.core import FloatArray
from emo2vec_plugins.errors import ResumeError, StoreError
from emo2vec_plugins.files import disk, make_folder, mapped, save_npy


class LilcomWriter(LilcomChunkyWriter):  # type: ignore[misc]
    """Lhotse's writer, appending to an open file."""

    def __init__(self, path: Path, file: IO[bytes], *, tick_power: int = -5) -> None:
        self.storage_path_ = path
        self.tick_power = tick_power
        self.file = file
        self.curr_offset = file.tell()


class FilesWriter(FeaturesWriter):  # type: ignore[misc]
    """Writes each array to a file with the name that Lhotse's writer gives it."""

    name = "numpy_files"

    def __init__(self, path: Path) -> None:
        self._folder = path
        self.written: list[str] = []

    @property
    def storage_path(self) -> str:
        """Return the folder."""
        return str(self._folder)

    def write(self, key: str, value: FloatArray) -> str:
        """Write an array; return the name of its file."""
        name = f"{key[:3]}/{key}.npy"
        path = self._folder / name
        make_folder(path.parent)
        with suppress(FileNotFoundError):  # of a step that was not finished
            disk.unlink(path)
        with disk.open_file(path) as file:
            save_npy(file, value)
            disk.sync(file)
        self.written.append(name)
        return name


class LogWriter(FeaturesWriter):  # type: ignore[misc]
    """Appends keys and arrays to a log, from which the HDF5 file is written later."""

    name = "numpy_hdf5"

    def __init__(self, path: Path, log: IO[bytes]) -> None:
        self._path = path
        self.file = log

    @property
    def storage_path(self) -> str:
        """Return the path of the HDF5 file."""
        return str(self._path)

    def write(self, key: str, value: FloatArray) -> str:
        """Append an array; return its key."""
        np.save(self.file, np.array(key), allow_pickle=False)
        save_npy(self.file, value)
        return key


def arrays_in(log: IO[bytes], length: int, *, known: set[str]) -> Iterable[tuple[str, FloatArray]]:
    """Yield the arrays of a log that are new, memory-mapped."""
    while log.tell() < length:
        key, array = str(np.load(log)), _next_array(log)
        if key not in known:
            yield key, array


def keys_in(path: Path) -> set[str]:
    """Return the keys of the arrays in an HDF5 file."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return set(file)
    except OSError as error:
        raise StoreError(f"{path}: expected the arrays of a finished run: {error}") from error


def copy_file(path: Path, copy: Path) -> None:
    """Copy a file to a new one."""
    with path.open("rb") as old, disk.open_file(copy) as new:
        shutil.copyfileobj(old, new)


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
