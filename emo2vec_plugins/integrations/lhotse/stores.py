"""Resumable stores for arrays: three of Lhotse's writers, safe against a killed process.

A store has marks. After `Store.commit`, all arrays before its mark are on disk, and the mark has
their digest. A store that is opened at a mark drops all later arrays and continues from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from lhotse import NumpyHdf5Writer

from emo2vec_plugins.files import (
    digest_in,
    disk,
    make_folder,
    pieces,
    staging,
)
from emo2vec_plugins.integrations.lhotse.store_writers import (
    FilesWriter,
    LilcomWriter,
    LogWriter,
    arrays_in,
    copy_file,
    keys_in,
)

Mark = Mapping[str, Any]
"""A position in a store, as JSON values; empty for its start."""


class Store:
    """Base class of the stores, and the store of runs without arrays.

    Attributes:
        suffix: Suffix of the path.
        writer: The writer for `ArraySink`.
    """

    suffix = ""
    writer: Any = None

    @staticmethod
    def holds(path: Path, before: Mark, mark: Mark) -> bool:  # noqa: ARG004 - as other stores
        """Return whether all arrays between two marks are intact."""
        return True

    def commit(self) -> Mark:
        """Flush all arrays to disk and return the mark."""
        return {}

    def seal(self) -> Mark:
        """Finish the store, and return the mark at which arrays can be added to it later.

        It is safe to call this again after an interruption.
        """
        return {}

    def close(self) -> None:
        """Close all files, finished or not."""


class LilcomStore(Store):
    """An archive of lilcom-compressed chunks, truncated to its mark and then appended to."""

    suffix = ".lca"

    def __init__(self, path: Path, mark: Mark) -> None:
        self._path, self._last = path, mark
        self.writer = LilcomWriter(path, _opened_at(path, mark))

    @staticmethod
    def holds(path: Path, before: Mark, mark: Mark) -> bool:
        """Return whether the bytes between two marks have their digest."""
        return _holds_bytes(path, before, mark)

    def commit(self) -> Mark:
        """Flush the archive; the mark has its length in bytes."""
        self._last = _mark_of(self.writer.file, self._path, self._last)
        return self._last

    def seal(self) -> Mark:
        """Return the mark; the archive is complete at any time."""
        return {"end": self._last.get("end", 0)}

    def close(self) -> None:
        """Close the archive."""
        self.writer.close()


class FilesStore(Store):
    """One ``.npy`` file for each array.

    A resumed run overwrites files with the same content.
    """

    def __init__(self, path: Path, mark: Mark) -> None:  # noqa: ARG002 - as other stores
        self._path = path
        make_folder(path)
        self.writer = FilesWriter(path)

    @staticmethod
    def holds(path: Path, before: Mark, mark: Mark) -> bool:  # noqa: ARG004 - each has its own files
        """Return whether each file of the step has its digest."""
        return all(
            digest_in(path / name, 0, length) == digest and (path / name).stat().st_size == length
            for name, (length, digest) in mark.get("files", {}).items()
        )

    def commit(self) -> Mark:
        """Return the digests of the new files, which are on disk."""
        files: dict[str, Any] = {}
        while self.writer.written:
            name = self.writer.written.pop()
            length = (self._path / name).stat().st_size
            files[name] = length, digest_in(self._path / name, 0, length)
        return {"files": files}


class Hdf5Store(Store):
    """An HDF5 file that is written at the end, from a log beside it.

    If a process is killed while an HDF5 file is open, the file may be unreadable afterwards.
    """

    suffix = ".h5"

    def __init__(self, path: Path, mark: Mark) -> None:
        self._path, self._last = path, mark
        self.writer = LogWriter(path, _opened_at(log_path(path), mark))

    @staticmethod
    def holds(path: Path, before: Mark, mark: Mark) -> bool:
        """Return whether the bytes of the log between two marks have their digest."""
        if mark.get("old") and not path.exists():
            return False
        return _holds_bytes(log_path(path), before, mark)

    def commit(self) -> Mark:
        """Flush the log; the mark has its length, and whether a finished run wrote the file."""
        old = {"old": True} if self._last.get("old") else {}
        self._last = _mark_of(self.writer.file, log_path(self._path), self._last) | old
        return self._last

    def seal(self) -> Mark:
        """Write the file atomically, with the arrays of a finished run and of the log.

        The log stays until the output is written, so that an interrupted run can write the file again.
        """
        length, is_old = self._last.get("end", 0), self._last.get("old", False)
        known = keys_in(self._path) if is_old else set()
        with log_path(self._path).open("rb") as log:
            if is_old and not any(arrays_in(log, length, known=known)):
                return {"old": True}
            log.seek(0)
            with staging(self._path, locked=True, suffix=".part.h5") as part:
                if is_old:
                    copy_file(self._path, part)
                with NumpyHdf5Writer(part, mode="a" if is_old else "w") as whole:
                    for key, array in arrays_in(log, length, known=known):
                        dataset, start = whole.hdf.create_dataset(key, array.shape, array.dtype), 0
                        for piece in pieces(array):
                            dataset[start : start + len(piece)] = piece
                            start += len(piece)
        return {"old": True}

    def close(self) -> None:
        """Close the log."""
        self.writer.file.close()


STORES: dict[str, type[LilcomStore | FilesStore | Hdf5Store]] = {
    "lilcom_chunky": LilcomStore,
    "numpy_hdf5": Hdf5Store,
    "numpy_files": FilesStore,
}
"""Stores by Lhotse's names of their writers."""

SUFFIXES = {store.suffix: name for name, store in STORES.items()}
"""Names in `STORES` by the suffix of a path."""


def log_path(path: Path) -> Path:
    """Return the path of the log of an unfinished HDF5 file."""
    return path.with_name(f"{path.name}.part")


def _opened_at(path: Path, mark: Mark) -> IO[bytes]:
    """Open a file for appending, cut back to a mark."""
    file, length = disk.open_file(path, "ab"), mark.get("end", 0)
    if file.tell() > length:
        file.truncate(length)
        file.seek(length)
    return file


def _mark_of(file: IO[bytes], path: Path, before: Mark) -> dict[str, Any]:
    """Flush a file, and return the mark at its end."""
    disk.sync(file)
    start, end = before.get("end", 0), file.tell()
    return {"end": end, "digest": digest_in(path, start, end)}


def _holds_bytes(path: Path, before: Mark, mark: Mark) -> bool:
    start, end = before.get("end", 0), mark.get("end", 0)
    if "digest" not in mark:  # the mark of a finished store: only what follows is ours
        return bool(end <= (path.stat().st_size if path.exists() else 0))
    return bool(digest_in(path, start, end) == mark["digest"])
