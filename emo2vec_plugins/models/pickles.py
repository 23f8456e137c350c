"""Files that torch writes: the only reader of pickles, and a writer that reports a full disk.

A pickle may run any code when it is read. Everything here reads with ``weights_only=True``.
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
    """Write tensors and plain values; *path* is what it was before, or complete.

    Args:
        path: The file; no other process may write it at the same time.
        state: Tensors, numbers, strings, and lists and dicts of these.

    Raises:
        OSError: If it cannot be written.
    """
    with staging(path, locked=True) as part:
        save_pickle(part, state)


def read_state(path: Path) -> dict[str, Any]:
    """Read what `save_state` wrote; like model weights, it is refused if it might run code.

    Raises:
        CheckpointError: If it cannot be read, or is no mapping.
    """
    try:
        # Not mapped: the file is written again while what was read is in use.
        state = load_pickle(path, mmap=False)
    except Exception as error:
        raise CheckpointError(f"{path}: {why_unreadable(path, error)}") from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path}: a dict was expected, got {type(state).__name__}")
    return state


def save_pickle(path: Path, document: Any) -> None:
    """Write with torch.

    Raises:
        OSError: If it cannot be written; torch itself would not say why.
    """
    with path.open("wb") as file:
        watched = _Watched(file)
        try:
            torch.save(document, cast(IO[bytes], watched))  # it writes and flushes, no more
        except RuntimeError as error:
            raise watched.error or error from error
        # torch may lose the failure of a write altogether.
        if watched.error:
            raise watched.error
        sync(file)


class _Watched:
    """A file that remembers why writing failed: torch raises a RuntimeError without the cause."""

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
        mmap: Whether to map it into memory if its format allows that, instead of reading it.

    Raises:
        Exception: Of any kind, if it holds something else; `why_unreadable` has the words.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)  # noqa: TID251
    except RuntimeError as error:
        # Files in the format before torch 1.6 cannot be mapped.
        if not mmap or "mmap" not in str(error):
            raise
    return load_pickle(path, mmap=False)


def why_unreadable(path: Path, error: Exception) -> str:
    """Return why reading weights failed, from what the file begins with and what was raised."""
    if isinstance(error, OSError) and error.strerror:
        return f"not readable as weights: {error.strerror}"
    with path.open("rb") as file:
        start = file.read(40)
    # A page of a web server, or the pointer of a repository, saved under the name of weights.
    if start.isascii() and start.strip() and b"\0" not in start:
        pointer = "; fetch it with 'git lfs pull'" if start.startswith(_LFS_POINTER) else ""
        return f"not weights but text that begins {start.decode()!r}{pointer}"
    if not isinstance(error, pickle.UnpicklingError):
        return f"not readable as weights: {type(error).__name__}: {error}"
    # The cause alone: torch's own message advises to read the file without this protection.
    cause = str(error.__context__ or error).partition(". ")[0]
    return f"refused, because it holds more than tensors and might run code: {cause}"
