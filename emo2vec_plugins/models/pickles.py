"""Files that torch writes: saved so that a full disk says so, read so that no code in them runs."""

from __future__ import annotations

import contextlib
import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast

import torch

from emo2vec_plugins.errors import CheckpointError

_LFS_POINTER = b"version https://git-lfs"


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write tensors and plain values; *path* is what it was before, or complete.

    Raises:
        OSError: If it cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        save_pickle(part, state)
        part.replace(path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def read_state(path: Path) -> dict[str, Any]:
    """Read what `save_state` wrote; like model weights, it is refused if it might run code.

    Raises:
        CheckpointError: If it cannot be read, or is no mapping.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)  # noqa: TID251
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
        kept = _Kept(file)
        try:
            torch.save(document, cast(IO[bytes], kept))  # it writes and flushes, no more
        except RuntimeError as error:
            raise kept.error or error from error
        if kept.error:
            raise kept.error
        file.flush()
        os.fsync(file.fileno())


class _Kept:
    """A file that remembers why writing failed, for torch loses it."""

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


def load_pickle(path: Path) -> Any:
    """Read tensors and plain containers, memory-mapped where the file allows it.

    Raises:
        Exception: Of any kind, if it holds something else; `why_unreadable` says it in words.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)  # noqa: TID251
    except RuntimeError as error:
        if "mmap" not in str(error):
            raise
        # Files in the format before torch 1.6 cannot be mapped.
        return torch.load(path, map_location="cpu", weights_only=True)  # noqa: TID251


def why_unreadable(path: Path, error: Exception) -> str:
    """Say why reading failed: a torn file, or a page or pointer in its place, raises anything."""
    if isinstance(error, OSError) and error.strerror:
        return f"not readable as weights: {error.strerror}"
    with path.open("rb") as file:
        start = file.read(40)
    if start.isascii() and start.strip() and b"\0" not in start:
        pointer = "; fetch it with 'git lfs pull'" if start.startswith(_LFS_POINTER) else ""
        return f"not weights but text that begins {start.decode()!r}{pointer}"
    if not isinstance(error, pickle.UnpicklingError):
        return f"not readable as weights: {type(error).__name__}: {error}"
    # torch's own message advises to read the file without this protection.
    cause = str(error.__context__ or error).partition(". ")[0]
    return f"refused, because it holds more than tensors and might run code: {cause}"
