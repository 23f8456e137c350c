"""Reading of ``.npz`` files without compression, which cost no more memory than their size."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np
import numpy.typing as npt

from emo2vec_plugins.core import counted
from emo2vec_plugins.errors import FormatError


def read_npz(path: Path, names: Iterable[str]) -> dict[str, npt.NDArray[Any]]:
    """Return arrays of numbers in a file that is written without compression.

    Raises:
        FormatError: If the file is damaged or compressed, lacks an array, or states other sizes
            than it has; names the file.
        OSError: If the file cannot be opened.
    """
    with path.open("rb") as file:
        try:
            return _arrays(file, names, size=path.stat().st_size)
        except Exception as error:  # zipfile and NumPy raise many kinds, OSError for odd offsets
            raise FormatError(
                f"{path}: damaged or incomplete .npz file: {type(error).__name__}: {error!s:.200}"
            ) from error


def _arrays(file: IO[bytes], names: Iterable[str], *, size: int) -> dict[str, npt.NDArray[Any]]:
    with ZipFile(file) as archive:
        members = {name: archive.getinfo(f"{name}.npy") for name in names}
        _check_sizes(members.values(), size)
        found = {}
        for name, member in members.items():
            with archive.open(member) as stream:
                found[name] = _array(stream, member.file_size)
        return found


def _check_sizes(members: Collection[ZipInfo], size: int) -> None:
    if any(each.compress_type != ZIP_STORED for each in members):
        raise ValueError("expected arrays without compression")
    if sum(each.file_size for each in members) > size:
        raise ValueError(f"expected arrays within {counted(size, 'byte')}")


def _array(stream: IO[bytes], size: int) -> npt.NDArray[Any]:
    """Return the array in a member; the size that its header states is checked first."""
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0
    if version != (1, 0):
        read = np.lib.format.read_array_header_2_0
    shape, is_fortran, dtype = read(stream)
    length = size - stream.tell()
    if dtype.hasobject or length != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{length} bytes for an array of shape {shape} and type {dtype}")
    array = np.frombuffer(bytearray(stream.read()), dtype)
    return array.reshape(shape, order="F" if is_fortran else "C")
