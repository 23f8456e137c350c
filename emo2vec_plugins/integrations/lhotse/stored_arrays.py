"""Bounds of stored arrays: what a reader of Lhotse would open and allocate, checked before it does."""

from __future__ import annotations

import math
from itertools import accumulate
from pathlib import Path
from typing import Any

from emo2vec_plugins.core import kind_of_location, shown
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files import MOST_EXPANSION, read_limit

_FOLDERS = ("numpy_files", "lilcom_files")
_HDF5 = ("numpy_hdf5", "lilcom_hdf5", "chunked_lilcom_hdf5")
_CHUNKS = "lilcom_chunky"


def check_stored(array: Any, *, where: str) -> None:
    """Check the file of an ``Array``; arrays in memory, URLs and missing files pass.

    Only regular files are read, and an HDF5 file must contain its array: links in it, external
    storage and virtual datasets would open other files. An array may be larger than its file, which
    can be compressed, by `MOST_EXPANSION`, or have up to `read_limit` bytes.

    Args:
        array: The manifest, whose shape is valid.
        where: Beginning of an error's message.

    Raises:
        FormatError: If the file is something else, or cannot hold the array.
        OSError: If it cannot be opened.
    """
    kind, key = array.storage_type, str(array.storage_key)
    if kind not in (*_FOLDERS, *_HDF5, _CHUNKS):
        return
    path = Path(str(array.storage_path or ""))
    path = path / key if kind in _FOLDERS else path
    if kind_of_location(str(path)) or not path.exists():
        return
    if not path.is_file():
        raise FormatError(
            f"{where}: expected a regular file with the array, found {shown(str(path))}"
        )
    size = path.stat().st_size
    place = f"{where}: the array {shown(key)} in {shown(str(path))}"
    most = max(read_limit(), MOST_EXPANSION * size)
    _check_size(math.prod(array.shape), most, place)
    if kind == _CHUNKS:
        _check_chunks(key, size, place)
    elif kind in _HDF5:
        found = _dataset(path, key, place)
        _check_size(
            max(found.nbytes, math.prod(found.chunks or ()) * found.dtype.itemsize), most, place
        )
        if kind == "numpy_hdf5" and found.shape != tuple(array.shape):
            expected = shown(tuple(array.shape))
            raise FormatError(f"{place}: expected the shape {expected}, found {found.shape}")


def _check_size(size: int, most: int, place: str) -> None:
    if size > most:
        raise FormatError(
            f"{place}: expected at most {most:,} bytes, {MOST_EXPANSION} times the size of the file "
            f"or the limit of reading, found {size:,}; the manifest or the file is damaged"
        )


def _check_chunks(key: str, size: int, place: str) -> None:
    """Check the chunks of an archive: the position of the first one, and the length of each."""
    ends = list(accumulate(map(int, key.split(","))))
    if ends != sorted(ends) or not 0 <= ends[0] <= ends[-1] <= size:
        raise FormatError(f"{place}: expected consecutive chunks within the file of {size:,} bytes")


def _dataset(path: Path, key: str, place: str) -> Any:
    """Return the dataset of an HDF5 file, in the handle that Lhotse keeps."""
    import h5py
    from lhotse.features.io import lookup_cache_or_open

    found: Any = lookup_cache_or_open(str(path))
    for name in filter(None, key.split("/")):
        is_group = isinstance(found, h5py.Group)
        if not is_group or not isinstance(found.get(name, getlink=True), h5py.HardLink):
            raise FormatError(f"{place}: expected an array in the file itself, found a link")
        found = found[name]
    if not isinstance(found, h5py.Dataset) or found.is_virtual or found.external:
        raise FormatError(f"{place}: expected an array that is stored in the file itself")
    return found
