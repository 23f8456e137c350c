"""Atomic writes of files and folders: complete or not at all.

Use `write_whole` for content in memory, `replacing` for a stream, `staging` for a folder or for a
library that opens files itself, `Part` if the write ends in another function, and `ArrayFolder` for
arrays of many keys. `read_text` and `write_text` handle text, with clear errors.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from emo2vec_plugins.core import FloatArray
from emo2vec_plugins.errors import FormatError, OptionsError


class Part:
    """A file or folder with a temporary name, which `seal` renames to its final name.

    The target of a symbolic link is replaced, not the link. Parent folders are created.

    Args:
        path: Final path; an existing file is replaced, an existing folder is an error.
        locked: Whether the caller prevents other processes from writing *path*. The temporary
            name is then fixed, so that the leftovers of a killed process are overwritten.
        suffix: Suffix of the temporary name, for libraries that depend on it.

    Attributes:
        path: Temporary path to write to.

    Raises:
        OSError: If a parent folder cannot be created.
    """

    def __init__(self, path: Path, *, locked: bool = False, suffix: str = ".part") -> None:
        self._target = Path(os.path.realpath(path))
        # The random name is short even if the target's is long: file systems limit the length.
        stem = self._target.name if locked else secrets.token_hex(8)
        self.path = self._target.with_name(f".{stem}{suffix}")
        self._locked = locked
        make_folder(self.path.parent)

    def open(self) -> IO[bytes]:
        """Open the temporary file for writing.

        Raises:
            OSError: If the file cannot be written.
        """
        try:
            return self.path.open("wb")
        except OSError as error:
            if self._locked:  # the obstacle has the temporary name
                raise
            raise OSError(error.errno, error.strerror, str(self._target)) from error

    def seal(self) -> None:
        """Flush a file to the disk, and rename the file or folder to its final name."""
        if self.path.is_file():
            with self.path.open("rb") as file:
                os.fsync(file.fileno())
        self.path.replace(self._target)

    def discard(self) -> None:
        """Remove the temporary file or folder, unless sealed; never fails."""
        shutil.rmtree(self.path, ignore_errors=True)
        with suppress(OSError):  # sealed already, or the parent folder is missing
            self.path.unlink(missing_ok=True)


@contextmanager
def staging(path: Path, *, locked: bool = False, suffix: str = ".part") -> Iterator[Path]:
    """Yield a temporary path that is renamed to *path* if the block succeeds.

    The arguments are those of `Part`. The temporary file or folder is removed if the block fails.
    """
    part = Part(path, locked=locked, suffix=suffix)
    try:
        yield part.path
        part.seal()
    finally:
        part.discard()


@contextmanager
def replacing(path: Path, *, locked: bool = False) -> Iterator[IO[bytes]]:
    """Open a temporary file that replaces *path* if the block succeeds, and is removed if it fails.

    An existing path that is not a regular file, such as ``/dev/stdout``, is written directly.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as device:
            yield device
        return
    part = Part(path, locked=locked)
    stream = part.open()
    try:
        with stream:
            yield stream
            stream.flush()
        part.seal()
    finally:
        part.discard()


def write_whole(path: Path, content: str | bytes, *, locked: bool = False) -> None:
    """Write a file atomically, text as UTF-8.

    Raises:
        UnicodeEncodeError: If a text has lone surrogates; no file is changed.
        OSError: If the file cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    with replacing(path, locked=locked) as stream:
        stream.write(data)


def read_text(path: Path) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 with a byte order mark.

    Raises:
        FormatError: If the file is binary or in another encoding; names the file and the line.
        OSError: If the file cannot be read.
    """
    data = path.read_bytes()
    # Praat writes UTF-16 by default if a label is not ASCII.
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as error:
            found = f"byte {error.start} is invalid UTF-16"
            raise FormatError(f"{path}: {found}; is the file truncated?") from error
    # Text has no null bytes; audio has some in its header or, for SPHERE, in its samples.
    if b"\0" in data:
        hint = "are annotation and audio swapped?"
        raise FormatError(f"{path}: expected text, got audio or other binary data; {hint}")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"line {line}: byte {data[error.start]:#04x} is not UTF-8"
        raise FormatError(f"{path}: {found}; convert it with 'iconv -f latin1 -t utf8'") from error


def write_text(path: Path, text: str) -> None:
    """Write *text* as UTF-8, without changing line ends.

    Raises:
        FormatError: If the text has half characters (lone surrogates).
        OSError: If the file cannot be written.
    """
    try:
        write_whole(path, text)
    except UnicodeEncodeError as error:
        raise FormatError(
            f"{path}: the text has a lone surrogate, which UTF-8 cannot encode"
        ) from error


def sync(file: IO[Any]) -> None:
    """Flush an open file to the disk."""
    file.flush()
    os.fsync(file.fileno())


def make_folder(path: Path) -> None:
    """Create a folder and its parents if they are missing.

    Raises:
        NotADirectoryError: If the folder or a parent is a file.
        OSError: If a folder cannot be created.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        file = next(each for each in (path, *path.parents) if each.exists())
        message = "expected a folder, got a file"
        raise NotADirectoryError(errno.ENOTDIR, message, str(file)) from error


def results_folder(path: str) -> Path:
    """Return the folder for results, created if it is missing.

    Raises:
        OptionsError: If the folder or a parent is a file.
        OSError: If the folder cannot be created or written to.
    """
    folder = Path(path)
    try:
        make_folder(folder)
    except NotADirectoryError as error:
        raise OptionsError(f"{error.filename}: expected a folder, got a file") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
    return folder


class ArrayFolder:
    """A folder of ``KEY.npy`` files, written atomically, with the same layout as the reference's.

    Args:
        folder: Created if it is missing.
        keys: Keys of all arrays that may be written; repeated keys are allowed.

    Raises:
        OptionsError: If a key would leave the folder, two keys have the same file, or the folder
            is a file.
        OSError: If the folder cannot be created or written to.
    """

    def __init__(self, folder: str | os.PathLike[str], keys: Iterable[str]) -> None:
        self._root = results_folder(os.fspath(folder))
        owner: dict[str, str] = {}
        for key in keys:
            path = os.path.normpath(self._path(key))
            is_inside = Path(path).is_relative_to(os.path.normpath(self._root))
            if not is_inside or key == "" or "\0" in path:
                raise OptionsError(f"key {key!r} is not a valid file name within {folder}")
            if owner.setdefault(path, key) != key:
                raise OptionsError(
                    f"keys {owner[path]!r} and {key!r} have the same file name {path}"
                )

    def write(self, key: str, array: FloatArray | None) -> None:
        """Write one array; None, for a turn that was not scored, writes nothing."""
        if array is None:
            return
        # Imported here, because commands that write text do not need NumPy.
        from emo2vec_plugins.files.spill import save_npy

        with replacing(self._path(key)) as stream:
            save_npy(stream, array)

    def _path(self, key: str) -> Path:
        return self._root / f"{key}.npy"
