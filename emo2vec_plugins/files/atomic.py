"""Atomic writes of files and folders: complete or not at all.

Use `write_whole` for content in memory, `replacing` for a stream, `staging` for a folder or for a
library that opens files itself, and `Part` if the write ends in another function. `read_text` and
`write_text` handle text, with clear errors. An existing file is replaced only if it is one of ours
and unchanged, see `emo2vec_plugins.files.outputs`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

import emo2vec_plugins.files.disk as disk
from emo2vec_plugins.errors import FormatError, OverwriteError
from emo2vec_plugins.files import leftovers, outputs
from emo2vec_plugins.files.folders import make_folder, remove_empty
from emo2vec_plugins.files.leftovers import remove_any


class Part:
    """A file or folder with a temporary name, which `seal` renames to its final name.

    The target of a symbolic link is replaced, not the link, unless *locked*. Parent folders are
    created. Pipes and devices are not replaced; see `replacing`.

    Args:
        path: Final path. An existing file is replaced if it is one of ours and unchanged, see
            `emo2vec_plugins.files.check_overwrite`; an existing folder is an error.
        locked: For internal files, such as journals: the caller prevents other processes from
            writing *path*, which is replaced whatever it is.
        suffix: Suffix of the temporary name, for libraries that depend on it.

    Attributes:
        path: Temporary path to write to.
        target: Final path, without links.
        locked: As given.

    Raises:
        OverwriteError: If the file must not be replaced, or is a pipe, a device, or a link to a
            missing file.
        OSError: If a parent folder cannot be created.
    """

    def __init__(self, path: Path, *, locked: bool = False, suffix: str = ".part") -> None:
        # Internal files are ours: a link of that name is replaced, and what it refers to stays.
        parent = os.path.realpath(path.parent)
        self.target = Path(parent, path.name) if locked else Path(os.path.realpath(path))
        self.locked = locked
        if not self.target.name:  # "/"
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if self.target.exists() and not (self.target.is_file() or self.target.is_dir()):
            raise OverwriteError(f"{path} is a pipe or a device, not a file: choose another name")
        (outputs.check_protected if locked else outputs.check_overwrite)(path)
        self._made = make_folder(path.parent)
        self._release = leftovers.claim(self.target.parent)
        self.path = self.target.with_name(leftovers.name(suffix))

    def open(self) -> IO[bytes]:
        """Open the temporary file for writing.

        Raises:
            OSError: If the file cannot be written.
        """
        try:
            return disk.open_file(self.path)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.target)) from error

    def seal(self) -> None:
        """Rename the complete file or folder to its final name.

        Raises:
            OverwriteError: If a file has appeared there that must not be replaced.
            OSError: If it cannot be written to the disk or renamed.
        """
        seal_all([self])

    def rename(self) -> None:
        """Give a complete file or folder its final name; use `seal` instead.

        Raises:
            OSError: If it cannot be renamed.
        """
        disk.rename(self.path, self.target)
        self._made = []
        self._release()

    def discard(self) -> None:
        """Remove the temporary file or folder, unless sealed; never fails."""
        with suppress(OSError):  # sealed already, or the parent folder is missing
            remove_any(self.path)
        remove_empty(self._made)
        self._release()

    def __enter__(self) -> Part:
        """Return this object, which is discarded at the end of the block unless it was sealed."""
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Discard it; let an error of the disk name the final file, not the temporary one."""
        self.discard()
        if isinstance(error, OSError) and error.filename == str(self.path):
            error.filename = str(self.target)


def seal_all(
    parts: Sequence[Part], *, obsolete: Sequence[Path] = (), stale: Sequence[Path] = ()
) -> None:
    """Rename complete files or folders to their final names, in order.

    Everything that a full disk can prevent is done before the first is renamed.

    Args:
        parts: Not yet sealed.
        obsolete: Files to remove before the others are renamed.
        stale: Files of an earlier run to remove then; those of others are left.

    Raises:
        OverwriteError: If a file must not be replaced or removed.
        OSError: If one cannot be written to the disk, renamed or removed.
    """
    files = [part for part in parts if part.path.is_file()]
    for part in files:
        with part.path.open("rb") as file:
            disk.fsync(file.fileno())
    renames = [(part.path, part.target) for part in files if not part.locked]
    # Files of another process with the same names must not get mixed with these.
    with outputs.exclusive(*{target.parent for _, target in renames}):
        outputs.record_digests(renames)
        for path in obsolete:
            outputs.remove(path)
        with outputs.removing_stale(stale):
            for part in parts:
                part.rename()


@contextmanager
def staging(path: Path, *, locked: bool = False, suffix: str = ".part") -> Iterator[Path]:
    """Yield a temporary path that is renamed to *path* if the block succeeds.

    The arguments are those of `Part`. The temporary file or folder is removed if the block fails.
    """
    with Part(path, locked=locked, suffix=suffix) as part:
        yield part.path
        part.seal()


@contextmanager
def replacing(path: Path, *, locked: bool = False) -> Iterator[IO[bytes]]:
    """Open a temporary file that replaces *path* if the block succeeds, and is removed if it fails.

    An existing path that is not a regular file, such as ``/dev/stdout``, is written directly,
    unless *locked*.
    """
    if not locked and path.exists() and not path.is_file():
        outputs.check_protected(path)
        with disk.open_device(path) as device:
            yield device
        return
    with Part(path, locked=locked) as part:
        with part.open() as stream:
            yield stream
            stream.flush()
        part.seal()


class Together:
    """Files that are replaced and removed together, once all new ones are complete.

    Use it as a context manager. A full disk changes no file, and so does a block that fails.
    """

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._discarding, self._streams = ExitStack(), ExitStack()
        self._obsolete: list[Path] = []
        self._stale: list[Path] = []

    def open(self, path: Path) -> IO[bytes]:
        """Open a temporary file for *path*; files are renamed in the order of opening.

        Raises:
            OverwriteError: If the file must not be replaced.
            OSError: If it cannot be written.
        """
        part = self._discarding.enter_context(Part(path))
        self._parts.append(part)
        return self._streams.enter_context(part.open())

    def remove(self, path: Path) -> None:
        """Remove a file, if it exists, before others are renamed.

        Raises:
            OverwriteError: If the file must not be removed.
        """
        outputs.check_overwrite(path)
        self._obsolete.append(path)

    def remove_stale(self, path: Path) -> None:
        """Remove a file of an earlier run, before others are renamed; leave one of others."""
        self._stale.append(path)

    def __enter__(self) -> Together:
        """Return this object."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Rename the files, or remove them after an error."""
        with self._discarding:
            self._streams.close()
            if kind is None:
                seal_all(self._parts, obsolete=self._obsolete, stale=self._stale)


def write_whole(path: Path, content: str | bytes, *, locked: bool = False) -> None:
    """Write a file atomically, text as UTF-8.

    Raises:
        UnicodeEncodeError: If a text has lone surrogates; no file is changed.
        OSError: If the file cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    with replacing(path, locked=locked) as stream:
        stream.write(data)


def write_text(path: Path, text: str) -> None:
    """Write *text* as UTF-8, without changing line ends.

    Raises:
        FormatError: If the text has half characters (lone surrogates).
        OSError: If the file cannot be written.
    """
    write_whole(path, as_utf8(text, path))


def as_utf8(text: str, path: Path) -> bytes:
    """Return the bytes of a text for the file *path*.

    Raises:
        FormatError: If the text has half characters (lone surrogates).
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise FormatError(
            f"{path}: the text has a lone surrogate, which UTF-8 cannot encode"
        ) from error
