"""Files and folders that have their name only once they are complete.

Use `write_whole` for content in memory, `replacing` for a stream, `staging` for a library that
opens files itself or writes a folder, `Part` where the end is in another function, and
`ArrayFolder` for arrays of many keys. `read_text` and `write_text` are for text, and say what is
wrong with it.
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
    """A file or folder under a temporary name beside the one that it gets when it is sealed.

    A link stays one: what it leads to is replaced. Folders above are made.

    Args:
        path: A file there is replaced; a folder must not be there.
        locked: The caller keeps other processes from writing *path*. The temporary name is then
            always the same, so that a file which a killed process left is written over.
        suffix: Of the temporary name, for libraries that look at it.

    Attributes:
        path: Where to write.

    Raises:
        OSError: If a folder above cannot be made.
    """

    def __init__(self, path: Path, *, locked: bool = False, suffix: str = ".part") -> None:
        self._target = Path(os.path.realpath(path))
        # The random name is short whatever the target's is: file systems limit the length.
        stem = self._target.name if locked else secrets.token_hex(8)
        self.path = self._target.with_name(f".{stem}{suffix}")
        self._locked = locked
        make_folder(self.path.parent)

    def open(self) -> IO[bytes]:
        """Open the temporary file for writing.

        Raises:
            OSError: If it cannot be written.
        """
        try:
            return self.path.open("wb")
        except OSError as error:
            if self._locked:  # what is in the way has the temporary name
                raise
            raise OSError(error.errno, error.strerror, str(self._target)) from error

    def seal(self) -> None:
        """Bring a file to the disk, and give file or folder its name."""
        if self.path.is_file():
            with self.path.open("rb") as file:
                os.fsync(file.fileno())
        self.path.replace(self._target)

    def discard(self) -> None:
        """Remove what has not been sealed; does not fail."""
        shutil.rmtree(self.path, ignore_errors=True)
        with suppress(OSError):  # sealed before; or the folder above is gone, too
            self.path.unlink(missing_ok=True)


@contextmanager
def staging(path: Path, *, locked: bool = False, suffix: str = ".part") -> Iterator[Path]:
    """Yield where to write a file or folder that becomes *path* if the block ends well.

    The arguments are those of `Part`. Nothing is left of it if the block fails.
    """
    part = Part(path, locked=locked, suffix=suffix)
    try:
        yield part.path
        part.seal()
    finally:
        part.discard()


@contextmanager
def replacing(path: Path, *, locked: bool = False) -> Iterator[IO[bytes]]:
    """Open a file that takes *path*'s place when the block ends well and is gone if it fails.

    What is no regular file, such as ``/dev/stdout``, is written to directly.
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
    """Write a file that is complete or what it was before; text in UTF-8.

    Raises:
        UnicodeEncodeError: If a text has lone surrogates; nothing is touched.
        OSError: If it cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    with replacing(path, locked=locked) as stream:
        stream.write(data)


def read_text(path: Path) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 that begins with a byte order mark.

    Raises:
        FormatError: If it is audio, or in another encoding; names the file and the line.
        OSError: If it cannot be read.
    """
    data = path.read_bytes()
    # By default Praat writes UTF-16 where a label is not ASCII.
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as error:
            found = f"begins as UTF-16, but byte {error.start} is not"
            raise FormatError(f"{path}: {found}; was the file cut short?") from error
    # No text has null bytes, and audio has: in its header, or, in SPHERE, in its samples.
    if b"\0" in data:
        hint = "are annotation and audio swapped?"
        raise FormatError(f"{path}: expected text, found audio or other binary data; {hint}")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"line {line}: byte {data[error.start]:#04x} is not UTF-8"
        raise FormatError(f"{path}: {found}; convert it with 'iconv -f latin1 -t utf8'") from error


def write_text(path: Path, text: str) -> None:
    """Write *text* as UTF-8, line ends as they are.

    Raises:
        FormatError: If it has half characters (lone surrogates).
        OSError: If the file cannot be written.
    """
    try:
        write_whole(path, text)
    except UnicodeEncodeError as error:
        raise FormatError(f"{path}: the text has a lone surrogate, which UTF-8 has not") from error


def sync(file: IO[Any]) -> None:
    """Bring what was written to an open file to the disk."""
    file.flush()
    os.fsync(file.fileno())


def make_folder(path: Path) -> None:
    """Make a folder and those above it, unless they are there.

    Raises:
        NotADirectoryError: If one of them is a file.
        OSError: If one cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        file = next(each for each in (path, *path.parents) if each.exists())
        message = "is a file, expected a folder"
        raise NotADirectoryError(errno.ENOTDIR, message, str(file)) from error


def results_folder(path: str) -> Path:
    """Return the folder that results go to, made if it is missing.

    Raises:
        OptionsError: If it, or a folder above it, is a file.
        OSError: If it cannot be made or written to.
    """
    folder = Path(path)
    try:
        make_folder(folder)
    except NotADirectoryError as error:
        raise OptionsError(f"{error.filename}: is a file, expected a folder") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
    return folder


class ArrayFolder:
    """A folder of ``KEY.npy`` files, each complete or absent, as the reference writes them.

    Args:
        folder: Made if it is missing.
        keys: Of all arrays that may be written; repeated keys are allowed.

    Raises:
        OptionsError: If a key would leave the folder, two keys are one file, or the folder is one.
        OSError: If the folder cannot be made or written to.
    """

    def __init__(self, folder: str | os.PathLike[str], keys: Iterable[str]) -> None:
        self._root = results_folder(os.fspath(folder))
        owner: dict[str, str] = {}
        for key in keys:
            path = os.path.normpath(self._path(key))
            is_inside = Path(path).is_relative_to(os.path.normpath(self._root))
            if not is_inside or key == "" or "\0" in path:
                raise OptionsError(f"key {key!r} is no name of a file within {folder}")
            if owner.setdefault(path, key) != key:
                raise OptionsError(f"keys {owner[path]!r} and {key!r} are both {path}")

    def write(self, key: str, array: FloatArray | None) -> None:
        """Write one array; None, of what could not be scored, writes nothing."""
        if array is None:
            return
        # Imported here: commands that write text need no numpy.
        from emo2vec_plugins.files.spill import save_npy

        with replacing(self._path(key)) as stream:
            save_npy(stream, array)

    def _path(self, key: str) -> Path:
        return self._root / f"{key}.npy"
