"""The folder in which an unfinished run keeps its state, beside the folder of its result.

A mark in it says that a run made it: a folder of that name which others made is not touched. Of its
content, only what runs write is ever removed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from emo2vec_plugins.errors import CheckpointError, TrainingError, warn
from emo2vec_plugins.evaluation import few
from emo2vec_plugins.files import disk, is_temporary, make_folder

MARK = ".emo2vec.training"
"""Name of an empty file that marks a work folder."""

_FOLDERS = re.compile(r"fold-\d+|incomplete|model|result")
_FILES = re.compile(
    r"(before|last|model)\.pt|predictions\.(journal|jsonl)|config(uration)?\.(json|yaml)"
    r"|tokens\.txt|training\.json|evaluation\.json|curve\.(csv|png)|README\.md"
    r"|cross-validation\.(json|md)"
)


def work_folder(out: Path) -> Path:
    """Return the folder in which an unfinished run keeps its state."""
    return out.with_name(f"{out.name}.training")


@contextmanager
def unfinished(out: Path) -> Iterator[Path]:
    """Yield the work folder of a run, which is made and marked if it is missing.

    It stays until `close_work_folder`, but is removed at the end of the block if nothing is in it.

    Raises:
        CheckpointError: If others made a folder of this name, or put links into it.
        TrainingError: If it cannot be made.
    """
    work = work_folder(out)
    _check(work)
    try:
        make_folder(work)
        if not _is_marked(work):
            disk.create(work / MARK, "xb").close()
    except OSError as error:
        raise TrainingError(f"{work} cannot be written: {error.strerror or error}") from error
    try:
        yield work
    finally:
        with suppress(OSError):
            if [each.name for each in work.iterdir()] == [MARK]:
                discard_own(work)


def close_work_folder(out: Path) -> None:
    """Remove the work folder of a finished run, if there is one that a run made.

    A warning names the files of others in it, which are left.
    """
    work = work_folder(out)
    if not work.is_symlink() and _is_marked(work) and (left := discard_own(work)):
        warn(f"{work} is left, as it has files that emo2vec did not write: {few(left)}")


def new_folder(path: Path) -> Path:
    """Create an empty folder for results that are not yet complete, instead of an earlier one.

    Raises:
        CheckpointError: As `discard_folder` does.
    """
    discard_folder(path)
    make_folder(path)
    return path


def discard_folder(path: Path) -> None:
    """Remove a folder within the work folder, if it exists.

    Raises:
        CheckpointError: If it has files that runs do not write.
    """
    if left := discard_own(path):
        raise CheckpointError(
            f"{path} has files that emo2vec did not write: {few(left)}; move them, and run the same "
            "command again"
        )


def discard_own(folder: Path) -> list[str]:
    """Remove what runs write from a folder, and the folder itself if nothing else is in it.

    Links are not followed.

    Returns:
        The names of what is left, relative to the folder.
    """
    if not os.path.lexists(folder):
        return []
    if folder.is_symlink() or not folder.is_dir():
        return ["."]
    left = []
    for path, is_own in [*_entries(folder)]:
        if not is_own:
            left.append(str(path.relative_to(folder)))
        elif path.is_dir():
            with suppress(OSError):  # files of others are left in it
                disk.remove_folder(path)
        else:
            disk.unlink(path)
    if not left:
        with suppress(FileNotFoundError):
            disk.unlink(folder / MARK)  # last, so that a killed process leaves a marked folder
        disk.remove_folder(folder)
    return left


def _check(work: Path) -> None:
    if not os.path.lexists(work):
        return
    if work.is_symlink() or not work.is_dir():
        expected = "expected the folder of an unfinished run, found a link or a file"
        raise CheckpointError(f"{work}: {expected}; {_ADVICE}")
    if not _is_marked(work) and (found := few(sorted(each.name for each in work.iterdir()))):
        raise CheckpointError(f"{work} was not made by emo2vec, and has {found}; {_ADVICE}")
    others = [path for path, is_own in _entries(work) if not is_own]
    odd = [path for path in others if path.is_symlink() or not (path.is_file() or path.is_dir())]
    if names := few([str(path.relative_to(work)) for path in odd]):
        raise CheckpointError(f"{work} has links or pipes, which no run makes: {names}; {_ADVICE}")


_ADVICE = "move or remove it, or choose another name for the output"


def _is_marked(work: Path) -> bool:
    mark = work / MARK
    return mark.is_file() and not mark.is_symlink()


def _entries(folder: Path) -> Iterator[tuple[Path, bool]]:
    """Yield what is in a folder except the mark, and whether runs write it; folders come last."""
    for path in sorted(folder.iterdir()):
        is_link, is_folder = path.is_symlink(), path.is_dir()
        if is_folder and not is_link and _is_own(path.name, _FOLDERS):
            yield from _entries(path)
            yield path, True
        elif path.name != MARK:
            yield path, not is_link and path.is_file() and _is_own(path.name, _FILES)


def _is_own(name: str, names: re.Pattern[str]) -> bool:
    return is_temporary(name) or bool(names.fullmatch(name))
