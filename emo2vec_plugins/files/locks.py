"""Locks between processes, so that one output has one writer.

A lock is a file beside the output, locked by the operating system, which also unlocks it if the
process is killed. It works on local disks. Windows and some network disks have no such locks:
there, nothing is locked.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType

import emo2vec_plugins.files.disk as disk
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files.folders import make_folder
from emo2vec_plugins.files.own_files import read_own
from emo2vec_plugins.files.system_locks import locked_file

_LONGEST = 1 << 16  # bytes of a lock's file, many times the longest path


class Lock:
    """A context manager that locks an output until the block ends.

    The lock's file is removed at the end, unless it names an owner.

    Args:
        target: The output.
        path: The lock's file; ``TARGET.lock`` by default.

    Attributes:
        owner: The unfinished output that *target* belongs to, as a killed process left it; empty
            if there is none, None if the file is damaged.

    Raises:
        ResumeError: If another process has locked the output.
        OverwriteError: If the lock's file is not a regular one.
        OSError: If the file of the lock cannot be written.
    """

    def __init__(self, target: Path, *, path: Path | None = None) -> None:
        self._target = target
        self._path = path or lock_path(target)
        self.owner: str | None = ""

    def __enter__(self) -> Lock:
        make_folder(self._path.parent)
        busy = (
            f"{self._target} is being written by another process; wait until it has finished, or "
            "choose another path"
        )
        with ExitStack() as stack:
            self._file = stack.enter_context(locked_file(self._path, busy=busy))
            self.owner = _owner(self._path)
            self._held = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # While it is locked: the next process creates a new file. One that cannot be removed does
        # no harm, and the next run removes it.
        with suppress(OSError), self._held:
            if self.owner == "":
                disk.unlink(self._path)

    def own(self, owner: str) -> None:
        """Name the owner of the output, on disk before this returns."""
        self._file.truncate(0)
        self._file.write(_content(owner))
        disk.sync(self._file)
        self.owner = owner

    def disown(self) -> None:
        """Remove the file at the end, as the output has no owner, or is finished."""
        self.owner = ""


def lock_path(target: Path) -> Path:
    """Return the path of the lock of an output."""
    return target.with_name(f"{target.name}.lock")


def _content(owner: str) -> bytes:
    name = owner.encode("utf-8", "surrogateescape")
    return b"%s %s" % (hashlib.sha256(name).hexdigest().encode(), name)


def _owner(path: Path) -> str | None:
    try:
        content = read_own(path, most=_LONGEST)
    except FormatError:
        return None
    name = content.partition(b" ")[2].decode("utf-8", "surrogateescape")
    return name if content in (b"", _content(name)) else None
