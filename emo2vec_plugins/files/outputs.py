"""The guard of existing files: only a file that we wrote, and that is unchanged, is replaced.

`emo2vec_plugins.files.digests` tells which files these are.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path

import emo2vec_plugins.files.disk as disk
from emo2vec_plugins.errors import OverwriteError, warn
from emo2vec_plugins.files.digests import RECORD, record_of, sha256_of
from emo2vec_plugins.files.folders import make_folder, remove_empty

ADVICE = "choose another name, or replace what is there with --overwrite"

_LISTED = 10

Name = str | os.PathLike[str]


Identity = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Scope:
    """What one command may do.

    Attributes:
        overwrite: Whether it may replace files of others.
        read: The files that it reads, never to be replaced.
        replaced: The existing files that it will replace. None outside of `protecting`, where
            one caller may read what another wrote.
    """

    overwrite: bool = False
    read: set[Identity] = field(default_factory=set)
    replaced: set[Identity] | None = None


_scope = ContextVar("scope", default=_Scope())  # noqa: B039 - the outermost scope is shared


@contextmanager
def overwriting(allowed: bool = True) -> Iterator[None]:
    """Let this thread replace files of others, and changed files, within the block.

    Args:
        allowed: False changes nothing.
    """
    scope = _scope.get()
    token = _scope.set(replace(scope, overwrite=allowed or scope.overwrite))
    try:
        yield
    finally:
        _scope.reset(token)


@contextmanager
def protecting(*paths: Name) -> Iterator[None]:
    """Refuse to write the files at *paths*, under any name, within the block; see `protect`."""
    scope = _scope.get()
    token = _scope.set(replace(scope, read=set(scope.read), replaced=set(scope.replaced or ())))
    try:
        protect(*paths)
        yield
    finally:
        _scope.reset(token)


def protect(*paths: Name) -> None:
    """Refuse to write the files at *paths*, under any name, also with `overwriting`.

    This ends with the block of `protecting`, which every command has, or else with the process.
    Paths that are not regular files are ignored.
    """
    _scope.get().read.update(each for path in paths if (each := _identity(path)))


def reading(path: Name) -> None:
    """Protect a file that an input names, if it is one that this command will replace.

    Call it for every such file before it is read. There may be millions, so others are not kept.
    """
    scope = _scope.get()
    if scope.replaced and (found := _identity(path)) in scope.replaced:
        scope.read.add(found)


def check_overwrite(*paths: Name, advice: str = ADVICE) -> None:
    """Check that each path is new, or one of our files and unchanged.

    Anything but a regular file passes: it is written directly, such as ``/dev/stdout``, or is
    refused by other checks.

    Args:
        paths: Files to be written or removed.
        advice: What the error advises.

    Raises:
        OverwriteError: If one was written by another program, or has changed since it was written,
            and `overwriting` is not in force; always if one is protected, or is a link to a missing
            file.
        OSError: If an existing file cannot be read.
    """
    found: dict[str, list[str]] = {}
    for path in paths:
        if reason := _obstacle(path):
            found.setdefault(reason, []).append(os.fspath(path))
    if found:
        what = "; ".join(f"{_listed(names)}: {reason}" for reason, names in found.items())
        is_final = found.keys() <= {_PROTECTED, _DANGLING}
        raise OverwriteError(f"{what}; {'choose another name' if is_final else advice}")


def check_protected(*paths: Name) -> None:
    """Check that no path is a protected file.

    Raises:
        OverwriteError: If one is.
    """
    for path in paths:
        if _identity(path) in _scope.get().read:
            raise OverwriteError(f"{path}: {_PROTECTED}; choose another name")


@contextmanager
def exclusive(*folders: Name) -> Iterator[None]:
    """Let no other process write our files in these folders until the block ends.

    It waits for other processes, so the block must be short. Missing folders are created.

    Raises:
        ResumeError: If another process does not end its block in time.
        OverwriteError: If the record of a folder is not a regular file.
        OSError: If a folder cannot be written to.
    """
    with ExitStack() as stack:
        for folder in sorted({os.path.realpath(each) for each in folders}):
            stack.callback(remove_empty, make_folder(Path(folder)))
            stack.enter_context(record_of(folder).locked())
        yield


def record_digests(renames: Iterable[tuple[Path, Path]]) -> None:
    """Record files that are about to be renamed to their final names, which are checked once more.

    Args:
        renames: The present and the final path of each file; its folder must be `exclusive`.

    Raises:
        OverwriteError: As `check_overwrite`.
        OSError: If a record cannot be written.
    """
    folders: dict[str, dict[str, str]] = {}
    for content, target in renames:
        check_overwrite(target)
        folders.setdefault(str(target.parent), {})[target.name] = sha256_of(content)
    for folder, digests in folders.items():
        record_of(folder).add(digests)


def remove(path: Path) -> None:
    """Remove a file if it exists and is one of ours and unchanged.

    Raises:
        OverwriteError: As `check_overwrite`.
        OSError: If it cannot be removed.
    """
    check_overwrite(path)
    with suppress(FileNotFoundError):  # another process may have removed it just now
        disk.unlink(path)


def remove_own(path: Path) -> bool:
    """Remove a file of an earlier run, if it is one of ours and unchanged, also with `overwriting`.

    Returns:
        Whether no file of that name is left. What others wrote, edited or linked is left.

    Raises:
        OSError: If it cannot be read or removed.
    """
    if not os.path.lexists(path):
        return True
    found = _identity(path)
    if path.is_symlink() or found is None or found in _scope.get().read or _difference(path):
        return False
    with suppress(FileNotFoundError):  # another process may have removed it just now
        disk.unlink(path)
    return True


@contextmanager
def removing_stale(paths: Iterable[Path]) -> Iterator[None]:
    """Remove files that an earlier run wrote and this one does not; say so after the block.

    What others wrote, edited or linked is left, as by `remove_own`.

    Raises:
        OSError: If it cannot be read or removed.
    """
    gone = [path for path in paths if os.path.lexists(path) and remove_own(path)]
    yield
    for path in gone:
        warn(f"removed {path}, which an earlier run wrote")


_PROTECTED = "an input of this command"
_DANGLING = "a link to a missing file"
_FOREIGN = (
    f"already there, and not in the record of what emo2vec wrote, {RECORD} in the same folder"
)
_CHANGED = "changed since written by emo2vec"


def _obstacle(path: Name) -> str | None:
    """Return why a path must not be written, or None."""
    found = _identity(path)
    if found is None:
        dangles = os.path.lexists(path) and not os.access(path, os.F_OK)
        return _DANGLING if dangles else None
    scope = _scope.get()
    if found in scope.read:
        return _PROTECTED
    problem = None if scope.overwrite else _difference(path)
    if problem is None and scope.replaced is not None:
        scope.replaced.add(found)
    return problem


def _difference(path: Name) -> str | None:
    """Return why an existing file is not one of ours and unchanged, or None."""
    target = Path(os.path.realpath(path))
    record = record_of(str(target.parent))
    if not record.has(target.name):
        return _FOREIGN
    try:
        return None if record.has(target.name, sha256_of(target)) else _CHANGED
    except FileNotFoundError:  # another process has removed it just now
        return None


def _identity(path: Name) -> Identity | None:
    """Return what identifies a regular file under all its names; None for anything else."""
    try:
        found = Path(path).stat()
    except (OSError, ValueError):  # missing, unreachable, or not a possible name
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) else None


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
