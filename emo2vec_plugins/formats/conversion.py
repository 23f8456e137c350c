"""Annotations from one format to another: files, and folders of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emo2vec_plugins.core import Dialogue, Format
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats.bundle import write_bundle
from emo2vec_plugins.formats.fidelity import lost, ticks
from emo2vec_plugins.formats.files import read_dialogues, write_dialogues
from emo2vec_plugins.formats.jsonl import EMOTIONS_JSONL
from emo2vec_plugins.formats.names import bundle_stem

if TYPE_CHECKING:
    from emo2vec_plugins.core import Plugins

BUNDLE = "bundle"
"""Stands for the files that `write_bundle` writes, where a format is to be named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became of some dialogues.

    Attributes:
        paths: The files that were written.
        lost: Which of `emo2vec_plugins.formats.FIELDS` the dialogues had and the files have
            not; None where the format does not say.
        rounded: How many ticks a second times were rounded to; 0 if none had to be.
    """

    paths: tuple[Path, ...]
    lost: tuple[str, ...] | None = ()
    rounded: int = 0


def read_any(
    path: str | os.PathLike[str], *, plugins: Plugins, format: str | None = None
) -> list[Dialogue]:
    """Return the dialogues in a file, or in all files of one format in a folder, by name.

    Args:
        path: A file, or a folder.
        plugins: Whose formats to choose from.
        format: A format's name. If None, the one that a file's name ends like; in a folder,
            JSON lines, which every bundle has.

    Raises:
        FormatError: If there is no such format, a file is not of it, or a folder has none.
        OSError: If a file cannot be read.
    """
    folder = Path(path)
    folder.stat()  # fails as the system says it if there is nothing
    if not folder.is_dir():
        return read_dialogues(folder, plugins=plugins, format=format)
    wanted = EMOTIONS_JSONL if format in (None, BUNDLE) else plugins.format(str(format))
    endings = tuple(suffix.casefold() for suffix in wanted.suffixes)
    files = [
        file
        for file in sorted(folder.iterdir())
        # The longest fitting ending decides: x.emotion.rttm is no RTTM.
        if file.is_file()
        and file.name.casefold().endswith(endings)
        and plugins.format(file).name == wanted.name
    ]
    if not files:
        hint = "; name the format if it is another" if format is None else ""
        raise FormatError(
            f"{folder}: there are no files that end in {' or '.join(wanted.suffixes)}{hint}"
        )
    return [
        dialogue
        for file in files
        for dialogue in read_dialogues(file, plugins=plugins, format=wanted.name)
    ]


def write_any(
    dialogues: Sequence[Dialogue],
    path: str | os.PathLike[str],
    *,
    plugins: Plugins,
    format: str | None = None,
) -> Written:
    """Write dialogues to one file, or one file for each into a folder.

    Args:
        dialogues: In a folder, each needs a name of its own.
        path: A folder if there is one, or if it ends with a separator; it is made if missing.
        plugins: Whose formats to choose from.
        format: A format's name. If None, the one that a file's name ends like; in a folder, the
            bundle of every recording.

    Raises:
        FormatError: If there is no such format, or it cannot hold the dialogues.
        OSError: If a file cannot be written.
    """
    # A separator at the end says that a folder is meant before there is one.
    is_folder = Path(path).is_dir() or os.fspath(path).endswith(("/", os.sep))
    if not is_folder:
        if format == BUNDLE:
            raise FormatError(f"{path}: a bundle is several files; give a folder: {path}/")
        chosen = plugins.format(Path(path) if format is None else format)
        write_dialogues(dialogues, path, plugins=plugins, format=chosen.name)
        return _written([Path(path)], dialogues, chosen)
    folder = Path(path)
    _refuse_twins(dialogues, folder)
    if format in (None, BUNDLE):
        bundles = [write_bundle(dialogue, folder) for dialogue in dialogues]
        return Written(paths=tuple(bundle.emotions_jsonl for bundle in bundles))
    chosen = plugins.format(str(format))
    paths = [file_of(dialogue, folder, chosen) for dialogue in dialogues]
    folder.mkdir(parents=True, exist_ok=True)
    for dialogue, file in zip(dialogues, paths, strict=True):
        write_dialogues([dialogue], file, plugins=plugins, format=chosen.name)
    return _written(paths, dialogues, chosen)


def file_of(dialogue: Dialogue, folder: Path, format_: Format) -> Path:
    """Return where one recording of many is written to."""
    return folder / (bundle_stem(dialogue.recording) + suffix_of(format_))


def suffix_of(format_: Format) -> str:
    """Return what names of a format's files end in.

    Raises:
        FormatError: If that is nothing of its own.
    """
    if not format_.suffixes:
        raise FormatError(f"format {format_.name!r} has no suffix that files could be named with")
    return format_.suffixes[0]


def _refuse_twins(dialogues: Iterable[Dialogue], folder: Path) -> None:
    names: dict[str, str] = {}
    for dialogue in dialogues:
        # Two names that differ in case alone are one file on macOS and Windows.
        stem = bundle_stem(dialogue.recording).casefold()
        if stem in names:
            twins = f"{names[stem]!r} and {dialogue.recording!r}"
            raise FormatError(f"recordings {twins} would be one file in {folder}")
        names[stem] = dialogue.recording


def _written(paths: Sequence[Path], dialogues: Sequence[Dialogue], format_: Format) -> Written:
    if format_.holds is None:
        return Written(paths=tuple(paths), lost=None)
    gone = lost(dialogues, format_)
    if len(paths) == len(dialogues):
        # A file for each recording loses nothing by holding one.
        gone = [name for name in gone if name != "several"]
    turns = [scored.turn for dialogue in dialogues for scored in dialogue.turns]
    times = [time for turn in turns for time in (turn.start, turn.end)]
    rate = format_.ticks
    # By less than a nanosecond a float sum may be off.
    is_rounded = rate and any(abs(ticks(time, rate) / rate - time) > 1e-9 for time in times)
    return Written(paths=tuple(paths), lost=tuple(gone), rounded=rate if is_rounded else 0)
