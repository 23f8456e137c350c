"""Arrays larger than memory, written in parts to unnamed temporary files and memory-mapped.

The result is an ordinary, read-only array. The operating system loads the parts that are accessed
and frees their memory when needed. A file is deleted with the last array that uses it.
"""

from __future__ import annotations

import math
import mmap
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from numpy.lib.format import dtype_to_descr, write_array_header_1_0

import emo2vec_plugins.files.disk as disk
from emo2vec_plugins.core import FloatArray

MOST_BYTES = 64 << 20
"""Larger arrays go to disk; five minutes of frames of the published large model."""


PIECE_BYTES = 4 << 20
"""Bytes of an array to keep in memory when it is read from start to end."""


class Rows:
    """Collects blocks of rows into one array, on disk if it becomes large.

    All blocks must have the same dtype and row shape.

    Attributes:
        count: Number of rows so far.
    """

    def __init__(self) -> None:
        self._blocks: list[FloatArray] = []
        self.count = 0
        self._bytes = 0
        self._file: IO[bytes] | None = None

    def append(self, block: FloatArray) -> None:
        """Add a block of rows.

        Raises:
            OSError: If the block cannot be written to the folder for temporary files.
        """
        self._blocks.append(block)
        self.count += len(block)
        self._bytes += block.nbytes
        if self._file is None and self._bytes > MOST_BYTES:
            self._file = disk.unnamed_file()
            weakref.finalize(self, self._file.close)  # and with it the file
        if self._file is not None:
            _write(self._file, self._blocks)
            self._blocks = [block[:0]]

    def array(self) -> FloatArray:
        """Return all rows as one array; at least one block must have been added."""
        if self._file is None:
            return np.concatenate(self._blocks)
        like = self._blocks[0]
        whole: FloatArray = mapped(self._file, like.dtype, (self.count, *like.shape[1:]))
        return whole


class Spill:
    """Keeps arrays in memory up to a total size, then moves them all to one file on disk.

    Together, the arrays of many short turns need as much memory as those of a long turn.
    """

    def __init__(self) -> None:
        self._fields: list[dict[str, FloatArray]] = []
        self._bytes = 0

    def add(self, fields: dict[str, FloatArray]) -> None:
        """Add arrays by name; this or a later call may replace the values by copies on disk.

        Raises:
            OSError: If the arrays cannot be written to the folder for temporary files.
        """
        self._fields.append(fields)
        self._bytes += sum(each.nbytes for each in fields.values() if not is_on_disk(each))
        if self._bytes <= MOST_BYTES:
            return
        places = [(held, key) for held in self._fields for key in held if not is_on_disk(held[key])]
        moved = moved_to_disk(held[name] for held, name in places)
        for (held, name), array in zip(places, moved, strict=True):
            held[name] = array
        self._fields, self._bytes = [], 0


def pieces(array: FloatArray, *, multiple: int = 1) -> Iterator[FloatArray]:
    """Yield the rows of an array in blocks of a few megabytes, with one in memory at a time.

    The number of rows in each block but the last is a multiple of *multiple*.
    """
    mapping = _mapping(array)
    rows = PIECE_BYTES * len(array) // max(1, array.nbytes)
    rows = max(1, rows // multiple) * multiple
    for start in range(0, len(array), rows):
        yield array[start : start + rows]
        if mapping is not None and hasattr(mapping, "madvise"):
            mapping.madvise(mmap.MADV_DONTNEED)  # the data stays in the file


def cast(array: FloatArray, dtype: npt.DTypeLike) -> FloatArray:
    """Return the array as *dtype* and contiguous; a large array is converted on disk."""
    if array.nbytes <= MOST_BYTES or (array.dtype == dtype and array.flags.c_contiguous):
        return np.ascontiguousarray(array, dtype=dtype)
    rows = Rows()
    for piece in pieces(array):
        rows.append(piece.astype(dtype))
    return rows.array()


def moved_to_disk(arrays: Iterable[FloatArray]) -> list[FloatArray]:
    """Return copies of the arrays, stored in one file on disk.

    Raises:
        OSError: If the arrays cannot be written to the folder for temporary files.
    """
    given = list(arrays)
    starts = np.cumsum([0, *(each.nbytes for each in given)]).tolist()
    with disk.unnamed_file() as file:
        _write(file, given)
        # The mapping keeps the file alive after its handle is closed.
        whole = mapped(file, np.dtype(np.uint8), (starts[-1],))
    return [
        whole[start : start + each.nbytes].view(each.dtype).reshape(each.shape)
        for each, start in zip(given, starts, strict=False)
    ]


def is_on_disk(array: FloatArray) -> bool:
    """Return whether an array, or the array it is a view of, was stored on disk by this module."""
    return _mapping(array) is not None


def write_npy(
    file: IO[bytes],
    blocks: Iterable[npt.NDArray[Any]],
    *,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
) -> None:
    """Write blocks of rows as one ``.npy`` array, with the same bytes as ``numpy.save``."""
    header = {"descr": dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    write_array_header_1_0(file, header)
    for block in blocks:
        file.write(np.ascontiguousarray(block, dtype=dtype).data)


def save_npy(file: IO[bytes], array: npt.NDArray[Any]) -> None:
    """Write an array like ``numpy.save``, with a few megabytes of it in memory at a time."""
    write_npy(file, pieces(array), shape=array.shape, dtype=array.dtype)


def mapped(
    file: IO[bytes], dtype: np.dtype[Any], shape: tuple[int, ...], *, offset: int = 0
) -> Any:
    """Return a read-only array that is memory-mapped from a file."""
    mapping = _Mapping(file.fileno(), 0, access=mmap.ACCESS_READ)
    return np.frombuffer(mapping, dtype, math.prod(shape), offset).reshape(shape)


class _Mapping(mmap.mmap):
    """A mapping created by this module; only its memory may be released at any time."""


def _mapping(array: Any) -> _Mapping | None:
    while array is not None and not isinstance(array, _Mapping):
        array = array.obj if isinstance(array, memoryview) else getattr(array, "base", None)
    return array


def _write(file: IO[bytes], arrays: Iterable[FloatArray]) -> None:
    try:
        for array in arrays:
            file.write(np.ascontiguousarray(array).data)
        file.flush()
    except OSError as error:
        hint = "frames of long turns are stored here; set TMPDIR to use another folder"
        folder = tempfile.gettempdir()
        raise OSError(error.errno, f"{error.strerror} ({hint})", folder) from error
