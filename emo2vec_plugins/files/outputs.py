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
from emo2vec_plugins.errors import OverwriteError
from emo2vec_plugins.files.digests import digest_of, record_of
from emo2vec_plugins.files.folders import make_folder, remove_empty

ADVICE = "choose another name, or replace it with --overwrite (files.overwriting())"

_LISTED = 10

Name = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class _Scope:
    overwrite: bool = False
    read: dict[tuple[int, int], str] = field(default_factory=dict)


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
    token = _scope.set(replace(scope, read=dict(scope.read)))
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
    read = _scope.get().read
    for path in paths:
        found = _status(path)
        if found is not None and stat.S_ISREG(found.st_mode):
            read.setdefault((found.st_dev, found.st_ino), os.fspath(path))


def check_overwrite(*paths: Name, advice: str = ADVICE) -> None:
    """Check that each path is new, or one of our files and unchanged.

    Anything but a regular file passes: it is written directly, such as ``/dev/stdout``, or is
    refused by other checks.

    Args:
        paths: Files to be written or removed.
        advice: What the error advises.

    Raises:
        OverwriteError: If one is protected, was written by another program, or has changed since
            it was written, and `overwriting` is not in force; protected files are refused always.
        OSError: If an existing file cannot be read.
    """
    found: dict[str, list[str]] = {}
    for path in paths:
        if reason := _obstacle(path):
            found.setdefault(reason, []).append(os.fspath(path))
    if found:
        what = "; ".join(f"{_listed(names)} {reason}" for reason, names in found.items())
        only_protected = found.keys() == {_PROTECTED}
        raise OverwriteError(f"{what}: {'choose another name' if only_protected else advice}")


def check_protected(*paths: Name) -> None:
    """Check that no path is a protected file.

    Raises:
        OverwriteError: If one is.
    """
    for path in paths:
        if _is_protected(path):
            raise OverwriteError(f"{path} {_PROTECTED}: choose another name")


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
        folders.setdefault(str(target.parent), {})[target.name] = digest_of(content)
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


_PROTECTED = "is an input of this command"
_FOREIGN = "exists and was not written by emo2vec"
_CHANGED = "has been changed since emo2vec wrote it"


def _obstacle(path: Name) -> str | None:
    """Return why a path must not be written, or None."""
    found = _status(path)
    if found is None or not stat.S_ISREG(found.st_mode):
        return None
    if _is_protected(path):
        return _PROTECTED
    if _scope.get().overwrite:
        return None
    target = Path(os.path.realpath(path))
    record = record_of(str(target.parent))
    if not record.has(target.name):
        return _FOREIGN
    try:
        return None if record.has(target.name, digest_of(target)) else _CHANGED
    except FileNotFoundError:  # another process has removed it just now
        return None


def _is_protected(path: Name) -> bool:
    read = _scope.get().read
    found = _status(path) if read else None
    return found is not None and (found.st_dev, found.st_ino) in read


def _status(path: Name) -> os.stat_result | None:
    try:
        return Path(path).stat()
    except (OSError, ValueError):  # missing, unreachable, or not a possible name
        return None


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
