"""Outputs that are folders: a new one takes the place of an older one."""

from __future__ import annotations

from pathlib import Path

from emo2vec_plugins.errors import OverwriteError
from emo2vec_plugins.files import Part, digest_in, disk


def replace_folder(new: Part, target: Path, *, replace: bool) -> None:
    """Give a finished folder its name.

    An older folder stands aside until the new one has the name, and is put back if that fails.

    Args:
        new: The folder.
        target: Its name.
        replace: Whether a folder with other cuts may be replaced.

    Raises:
        OverwriteError: If it may not, or the older folder has files of others.
        OSError: If a folder cannot be renamed.
    """
    if not target.exists():
        new.seal()
        return
    if digests_of(target) == digests_of(new.path):
        return  # an earlier run was killed after it had renamed the folder
    others = {path.name for path in target.iterdir()} - {path.name for path in new.path.iterdir()}
    if others or not replace:
        what = f"has files of others: {', '.join(sorted(others))}" if others else "has been changed"
        raise OverwriteError(f"{target} {what}; remove them or choose another output")
    remove_aside(target)
    disk.rename(target, aside_path(target))
    try:
        new.seal()
    except OSError:
        disk.rename(aside_path(target), target)
        raise


def aside_path(target: Path) -> Path:
    """Return where a folder is while another takes its place."""
    return target.with_name(f".{target.name}.old")


def restore_aside(target: Path) -> None:
    """Give a folder its name again, if a run was killed before another had it."""
    if aside_path(target).exists() and not target.exists():
        disk.rename(aside_path(target), target)


def remove_aside(target: Path) -> None:
    """Remove a folder that was replaced."""
    if aside_path(target).exists():
        disk.remove_tree(aside_path(target))


def digests_of(target: Path) -> dict[str, str | None]:
    """Return the digests of the files of an output; of a Shar directory, those with cuts."""
    files = sorted(target.glob("cuts.*")) if target.is_dir() else [target]
    return {path.name: digest_of_file(path) for path in files}


def digest_of_file(path: Path) -> str | None:
    """Return the digest of a file; None if it is missing."""
    return digest_in(path, 0, path.stat().st_size) if path.is_file() else None
