"""Reading and writing annotation files and folders of any format."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emo2vec_plugins.core import Dialogue, Format, shown
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files import check_overwrite
from emo2vec_plugins.formats.bundle import bundle_paths, write_bundle
from emo2vec_plugins.formats.fidelity import lost, ticks
from emo2vec_plugins.formats.files import read_dialogues, write_dialogues
from emo2vec_plugins.formats.jsonl import EMOTIONS_JSONL
from emo2vec_plugins.formats.names import bundle_stem

if TYPE_CHECKING:
    from emo2vec_plugins.core import Plugins

BUNDLE = "bundle"
"""Name that selects the files of `write_bundle` instead of a format."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The result of writing dialogues.

    Attributes:
        paths: The files that were written.
        lost: Names from `emo2vec_plugins.formats.FIELDS` that the dialogues have and the files
            lack; None if the format does not declare what it stores.
        rounded: The grid that times were rounded to, in ticks per second; 0 if no time changed.
    """

    paths: tuple[Path, ...]
    lost: tuple[str, ...] | None = ()
    rounded: int = 0


def read_any(
    path: str | os.PathLike[str], *, plugins: Plugins, format: str | None = None
) -> list[Dialogue]:
    """Return the dialogues in a file, or in all files of one format in a folder, sorted by name.

    Args:
        path: A file or a folder.
        plugins: The formats to choose from.
        format: A format's name. If None, a file's suffix decides; in a folder, JSON lines are
            read, which every bundle has.

    Raises:
        FormatError: If the format is unknown, a file has another format, or the folder has no
            file of the format.
        OSError: If a file cannot be read.
    """
    files, name = annotation_files(path, plugins=plugins, format=format)
    return [
        dialogue
        for file in files
        for dialogue in read_dialogues(file, plugins=plugins, format=name)
    ]


def annotation_files(
    path: str | os.PathLike[str], *, plugins: Plugins, format: str | None = None
) -> tuple[list[Path], str | None]:
    """Return the files that `read_any` reads, and the name of their format.

    Raises:
        FormatError: If the format is unknown, or the folder has no file of the format.
        OSError: If the path does not exist.
    """
    folder = Path(path)
    folder.stat()  # raises the system's own error if the path does not exist
    if not folder.is_dir():
        return [folder], format
    wanted = EMOTIONS_JSONL if format in (None, BUNDLE) else plugins.format(str(format))
    endings = tuple(suffix.casefold() for suffix in wanted.suffixes)
    files = [
        file
        for file in sorted(folder.iterdir())
        # The longest matching suffix decides: x.emotion.rttm is not of the format rttm.
        if file.is_file()
        and file.name.casefold().endswith(endings)
        and plugins.format(file).name == wanted.name
    ]
    if not files:
        hint = "; name the format of other files (--input-format)" if format is None else ""
        raise FormatError(f"{folder}: no files with suffix {' or '.join(wanted.suffixes)}{hint}")
    return files, wanted.name


def write_any(
    dialogues: Sequence[Dialogue],
    path: str | os.PathLike[str],
    *,
    plugins: Plugins,
    format: str | None = None,
) -> Written:
    """Write all dialogues to one file, or each to its own file in a folder.

    Args:
        dialogues: For a folder, their names must differ.
        path: A folder if it exists as one or ends with a separator; created if missing.
        plugins: The formats to choose from.
        format: A format's name. If None, a file's suffix decides; in a folder, every recording
            is written as a bundle.

    Raises:
        FormatError: If the format is unknown, or cannot store the dialogues.
        OverwriteError: If a file must not be replaced; none is written.
        OSError: If a file cannot be written.
    """
    # A trailing separator means a folder, even if it does not exist yet.
    is_folder = Path(path).is_dir() or os.fspath(path).endswith(("/", os.sep))
    if not is_folder:
        if format == BUNDLE:
            raise FormatError(f"{path}: a bundle needs a folder; write {path}/")
        chosen = plugins.format(Path(path) if format is None else format)
        write_dialogues(dialogues, path, plugins=plugins, format=chosen.name)
        return _written([Path(path)], dialogues, chosen)
    folder = Path(path)
    _require_distinct_files(dialogues, folder)
    if format in (None, BUNDLE):
        names = [each.recording for each in dialogues]
        check_overwrite(*(p for name in names for p in bundle_paths(name, folder, arrays=False)))
        bundles = [write_bundle(dialogue, folder) for dialogue in dialogues]
        return Written(paths=tuple(bundle.emotions_jsonl for bundle in bundles))
    chosen = plugins.format(str(format))
    paths = [path_for(dialogue, folder, chosen) for dialogue in dialogues]
    check_overwrite(*paths)  # before the first is written
    for dialogue, file in zip(dialogues, paths, strict=True):
        write_dialogues([dialogue], file, plugins=plugins, format=chosen.name)
    return _written(paths, dialogues, chosen)


def path_for(dialogue: Dialogue, folder: Path, format_: Format) -> Path:
    """Return the path of a dialogue's file in a folder."""
    return folder / (bundle_stem(dialogue.recording) + suffix_for(format_))


def suffix_for(format_: Format) -> str:
    """Return the suffix that files of a format are written with.

    Raises:
        FormatError: If the format has no suffix.
    """
    if not format_.suffixes:
        raise FormatError(f"format {format_.name!r} has no suffix to name files with")
    return format_.suffixes[0]


def _require_distinct_files(dialogues: Iterable[Dialogue], folder: Path) -> None:
    names: dict[str, str] = {}
    for dialogue in dialogues:
        # On macOS and Windows, names that differ only in case are the same file.
        stem = bundle_stem(dialogue.recording).casefold()
        if stem in names:
            both = f"{shown(names[stem])} and {shown(dialogue.recording)}"
            raise FormatError(f"recordings {both} would share one file in {folder}")
        names[stem] = dialogue.recording


def _written(paths: Sequence[Path], dialogues: Sequence[Dialogue], format_: Format) -> Written:
    if format_.holds is None:
        return Written(paths=tuple(paths), lost=None)
    missing = lost(dialogues, format_)
    if len(paths) == len(dialogues):
        # Each recording has its own file, so nothing is lost if a file can store only one.
        missing = [name for name in missing if name != "several"]
    turns = [scored.turn for dialogue in dialogues for scored in dialogue.turns]
    times = [time for turn in turns for time in (turn.start, turn.end)]
    rate = format_.ticks
    # Differences below a nanosecond come from float sums.
    is_rounded = rate and any(abs(ticks(time, rate) / rate - time) > 1e-9 for time in times)
    return Written(paths=tuple(paths), lost=tuple(missing), rounded=rate if is_rounded else 0)
