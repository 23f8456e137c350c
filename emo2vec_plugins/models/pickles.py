"""Reading and writing torch files, safely and with clear errors.

Reading a pickle can run any code. This is the only module that reads pickles, always with
``weights_only=True``. Writing reports errors such as a full disk.
"""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast
from zipfile import ZIP_STORED, ZipFile, is_zipfile

import torch

from emo2vec_plugins.core import shown
from emo2vec_plugins.errors import CheckpointError
from emo2vec_plugins.files import disk, staging, sync

_LFS_POINTER = b"version https://git-lfs"


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write tensors and plain values atomically.

    Args:
        path: The file; no other process may write it at the same time.
        state: Tensors, numbers, strings, and lists and dicts of these.

    Raises:
        OSError: If the file cannot be written.
    """
    with staging(path, locked=True) as part:
        save_pickle(part, state)


def read_state(path: Path) -> dict[str, Any]:
    """Read a file written by `save_state`; a file that might run code is rejected.

    Raises:
        CheckpointError: If the file cannot be read or does not contain a dict.
    """
    try:
        _check_members(path)  # unpacking compressed ones could take long
        _check_sums(path)
        # Not memory-mapped, because the file is rewritten while its tensors are in use.
        state = load_pickle(path, mmap=False)
    except Exception as error:
        raise CheckpointError(f"{path}: {why_unreadable(path, error)}") from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path}: expected a dict, got {type(state).__name__}")
    return state


def _check_sums(path: Path) -> None:
    """Compare the checksums in a file, which torch writes and does not read.

    Raises:
        CheckpointError: If one is wrong.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError):
        return  # loading explains what is wrong
    except Exception as error:  # such as zlib.error: from flags that are damaged
        raise CheckpointError(f"damaged: {type(error).__name__}: {error}") from error
    if damaged is not None:
        raise CheckpointError(f"damaged: the checksum of {damaged} is wrong")


def save_pickle(path: Path, document: Any) -> None:
    """Write a document with torch.

    Raises:
        OSError: If the file cannot be written; torch alone would hide the reason.
    """
    with disk.open_file(path) as file:
        watched = _Watched(file)
        try:
            torch.save(document, cast(IO[bytes], watched))  # it only writes and flushes
        except RuntimeError as error:
            raise watched.error or error from error
        # torch may ignore a failed write.
        if watched.error:
            raise watched.error
        sync(file)


class _Watched:
    """A file that stores the error of a failed write, which torch's RuntimeError lacks."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        try:
            return self._file.write(data)
        except OSError as error:
            self.error = self.error or error
            raise

    def flush(self) -> None:
        self._file.flush()


def load_pickle(path: Path, *, mmap: bool = True) -> Any:
    """Read tensors and plain containers onto the CPU.

    Args:
        path: The file.
        mmap: Whether to memory-map the file if its format allows it.

    Raises:
        Exception: Of any class, if the file cannot be read or contains other objects;
            `why_unreadable` describes it.
    """
    _check_members(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)  # noqa: TID251
    except RuntimeError as error:
        # Files in the format before torch 1.6 cannot be memory-mapped.
        if not mmap or "mmap" not in str(error):
            raise
    return load_pickle(path, mmap=False)


def _check_members(path: Path) -> None:
    """Check that a zip file holds what it says: torch stores its members without compression.

    Raises:
        CheckpointError: If members are compressed, or larger together than the file.
    """
    if not is_zipfile(path):
        return
    with ZipFile(path) as archive:
        members = archive.infolist()
    packed = [each.filename for each in members if each.compress_type != ZIP_STORED]
    size, declared = path.stat().st_size, sum(each.file_size for each in members)
    if packed or declared > size:
        found = f"a compressed one, {shown(packed[0])}" if packed else f"{declared:,} bytes in them"
        raise CheckpointError(
            f"expected the members of a zip file as torch stores them, found {found}"
        )


def why_unreadable(path: Path, error: Exception) -> str:
    """Return why reading weights failed, from the start of the file and the error raised."""
    if isinstance(error, CheckpointError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read as weights: {error.strerror}"
    with path.open("rb") as file:
        start = file.read(40)
    # A web page or a Git LFS pointer saved under the name of the weights.
    if start.isascii() and start.strip() and b"\0" not in start:
        # The text itself is not shown: the file may be another one by mistake, and private.
        if start.startswith(_LFS_POINTER):
            return "expected weights, got a Git LFS pointer; download them with 'git lfs pull'"
        kind = "a web page or other XML" if start.lstrip().startswith(b"<") else "text"
        return f"expected weights, got {kind}"
    # Only the first sentence: torch advises to turn off the protection.
    cause = str(error.__context__ or error).partition(". ")[0]
    if not isinstance(error, pickle.UnpicklingError):
        # What follows the second colon may quote the file.
        reason = ": ".join(cause.split(": ")[:2])
        return f"cannot be read as weights: {type(error).__name__}: {reason:.200}"
    if "load key" in cause:  # which would be a byte of the file
        return "cannot be read as weights: neither a zip file nor a pickle"
    return f"rejected, because it contains more than tensors and might run code: {cause:.200}"
