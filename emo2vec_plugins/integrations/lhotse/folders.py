"""Outputs that are folders: a new one takes the place of an older one."""

from __future__ import annotations

from collections.abc import Mapping
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
        named = f"has files that emo2vec did not write: {', '.join(sorted(others))}"
        what = named if others else "has been changed since emo2vec wrote it"
        raise OverwriteError(f"{target} {what}; move it, or choose another output")
    disk.rename(target, aside_path(target))
    try:
        new.seal()
    except OSError:
        disk.rename(aside_path(target), target)
        raise
    _discard(aside_path(target))


def aside_path(target: Path) -> Path:
    """Return where a folder is while another takes its place."""
    return target.with_name(f".{target.name}.old")


def restore_aside(target: Path, digests: Mapping[str, str | None]) -> None:
    """Give a folder its name again if a run was killed before another had it, or else remove it.

    Args:
        target: The name.
        digests: Those of the finished output, see `digests_of`.

    Raises:
        OverwriteError: If the folder that stands aside is not this output.
        OSError: If it cannot be renamed or removed.
    """
    aside = aside_path(target)
    if not aside.is_dir():
        return
    is_ours = digests and digests_of(aside) == digests and not aside.is_symlink()
    # A copy of an output that is in its place is a copy that others have made.
    if not is_ours or digests_of(target) == digests:
        raise OverwriteError(
            f"{aside}: expected an earlier {target.name}, found a folder of others; "
            "rename it or choose another output"
        )
    if target.exists():
        _discard(aside)
    else:
        disk.rename(aside, target)


def _discard(folder: Path) -> None:
    """Remove a folder; after a kill, none is left that is half removed."""
    with Part(folder, locked=True) as part:
        disk.rename(folder, part.path)


def digests_of(target: Path) -> dict[str, str | None]:
    """Return the digests of the files of an output; of a Shar directory, those with cuts."""
    files = sorted(target.glob("cuts.*")) if target.is_dir() else [target]
    return {path.name: digest_in(path) for path in files}
