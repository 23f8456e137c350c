"""Reading and writing torch files, safely and with clear errors.

Reading a pickle can run any code. This is the only module that reads pickles, always with
``weights_only=True``. Writing reports errors such as a full disk.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast

import torch

from emo2vec_plugins.errors import CheckpointError
from emo2vec_plugins.files import staging, sync

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
        # Not memory-mapped, because the file is rewritten while its tensors are in use.
        state = load_pickle(path, mmap=False)
    except Exception as error:
        raise CheckpointError(f"{path}: {why_unreadable(path, error)}") from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path}: expected a dict, got {type(state).__name__}")
    return state


def save_pickle(path: Path, document: Any) -> None:
    """Write a document with torch.

    Raises:
        OSError: If the file cannot be written; torch alone would hide the reason.
    """
    with path.open("wb") as file:
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
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)  # noqa: TID251
    except RuntimeError as error:
        # Files in the format before torch 1.6 cannot be memory-mapped.
        if not mmap or "mmap" not in str(error):
            raise
    return load_pickle(path, mmap=False)


def why_unreadable(path: Path, error: Exception) -> str:
    """Return why reading weights failed, from the start of the file and the error raised."""
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read as weights: {error.strerror}"
    with path.open("rb") as file:
        start = file.read(40)
    # A web page or a Git LFS pointer saved under the name of the weights.
    if start.isascii() and start.strip() and b"\0" not in start:
        pointer = (
            "; download the weights with 'git lfs pull'" if start.startswith(_LFS_POINTER) else ""
        )
        return f"expected weights, got text that starts with {start.decode()!r}{pointer}"
    if not isinstance(error, pickle.UnpicklingError):
        return f"cannot be read as weights: {type(error).__name__}: {error}"
    # Only the cause: torch's own message advises to turn off this protection.
    cause = str(error.__context__ or error).partition(". ")[0]
    return f"rejected, because it contains more than tensors and might run code: {cause}"
