"""Arrays too large for memory, in files without a name: written bit by bit, handed over mapped.

What is handed over is an ordinary array, but read-only: the system brings in what is looked at,
and takes back the memory when it is needed. The file is gone with the last array of it.
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

from emo2vec_plugins.core import FloatArray

MOST_BYTES = 64 << 20
"""Beyond this an array goes to disk: five minutes of frames of the published large model."""


PIECE_BYTES = 4 << 20
"""What of an array is in memory at a time where it is read from end to end."""


class Rows:
    """Collects rows until they are one array; many go to disk as they come.

    All blocks have one dtype and rows of one shape.

    Attributes:
        count: Rows so far.
    """

    def __init__(self) -> None:
        self._blocks: list[FloatArray] = []
        self.count = 0
        self._bytes = 0
        self._file: IO[bytes] | None = None

    def append(self, block: FloatArray) -> None:
        """Add a block of rows.

        Raises:
            OSError: If it cannot be written to the folder for temporary files.
        """
        self._blocks.append(block)
        self.count += len(block)
        self._bytes += block.nbytes
        if self._file is None and self._bytes > MOST_BYTES:
            # Without a name: the system frees it even if the process is killed.
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - mapped, then closed with this
            weakref.finalize(self, self._file.close)
        if self._file is not None:
            _write(self._file, self._blocks)
            self._blocks = [block[:0]]

    def array(self) -> FloatArray:
        """Return all rows; there is to be a block at least."""
        if self._file is None:
            return np.concatenate(self._blocks)
        like = self._blocks[0]
        whole: FloatArray = mapped(self._file, like.dtype, (self.count, *like.shape[1:]))
        return whole


class Spill:
    """Keeps arrays in memory until they add up, then moves them all to one file on disk.

    The arrays of many short turns take as much memory together as those of a long one.
    """

    def __init__(self) -> None:
        self._fields: list[dict[str, FloatArray]] = []
        self._bytes = 0

    def add(self, fields: dict[str, FloatArray]) -> None:
        """Keep arrays by name; the values may be replaced, later too, by the same on disk.

        Raises:
            OSError: If they cannot be written to the folder for temporary files.
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
    """Yield an array's rows in blocks of a few megabytes, of which one is in memory at a time.

    All but the last have a multiple of *multiple* rows.
    """
    mapping = _mapping(array)
    rows = PIECE_BYTES * len(array) // max(1, array.nbytes)
    rows = max(1, rows // multiple) * multiple
    for start in range(0, len(array), rows):
        yield array[start : start + rows]
        if mapping is not None and hasattr(mapping, "madvise"):
            mapping.madvise(mmap.MADV_DONTNEED)  # it is in the file: nothing is lost


def cast(array: FloatArray, dtype: npt.DTypeLike) -> FloatArray:
    """Return the array, contiguous and of *dtype*; on disk if it is large and to be changed."""
    if array.nbytes <= MOST_BYTES or (array.dtype == dtype and array.flags.c_contiguous):
        return np.ascontiguousarray(array, dtype=dtype)
    rows = Rows()
    for piece in pieces(array):
        rows.append(piece.astype(dtype))
    return rows.array()


def moved_to_disk(arrays: Iterable[FloatArray]) -> list[FloatArray]:
    """Return the arrays as they lie in one file on disk.

    Raises:
        OSError: If they cannot be written to the folder for temporary files.
    """
    given = list(arrays)
    starts = np.cumsum([0, *(each.nbytes for each in given)]).tolist()
    with tempfile.TemporaryFile() as file:
        _write(file, given)
        # The mapping keeps the file alive after its handle is closed.
        whole = mapped(file, np.dtype(np.uint8), (starts[-1],))
    return [
        whole[start : start + each.nbytes].view(each.dtype).reshape(each.shape)
        for each, start in zip(given, starts, strict=False)
    ]


def is_on_disk(array: FloatArray) -> bool:
    """Return whether the array is one that was handed over here, or part of one."""
    return _mapping(array) is not None


def write_npy(
    file: IO[bytes],
    blocks: Iterable[npt.NDArray[Any]],
    *,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
) -> None:
    """Write blocks of rows, one after another, as ``numpy.save`` writes one array."""
    header = {"descr": dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    write_array_header_1_0(file, header)
    for block in blocks:
        file.write(np.ascontiguousarray(block, dtype=dtype).data)


def save_npy(file: IO[bytes], array: npt.NDArray[Any]) -> None:
    """Do what ``numpy.save`` does, with a few megabytes of the array in memory at a time."""
    write_npy(file, pieces(array), shape=array.shape, dtype=array.dtype)


def mapped(
    file: IO[bytes], dtype: np.dtype[Any], shape: tuple[int, ...], *, offset: int = 0
) -> Any:
    """Return an array as it lies in a file; read-only, brought in as it is looked at."""
    mapping = _Mapping(file.fileno(), 0, access=mmap.ACCESS_READ)
    return np.frombuffer(mapping, dtype, math.prod(shape), offset).reshape(shape)


class _Mapping(mmap.mmap):
    """A mapping made here, whose memory may be given back at any time; not so those of others."""


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
        hint = "where frames of long turns are kept; TMPDIR names another folder"
        place = tempfile.gettempdir()
        raise OSError(error.errno, f"{error.strerror}, {hint}", place) from error
