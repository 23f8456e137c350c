"""Audio files to score, as they are named: files, folders and lists."""

from __future__ import annotations

import os
from collections.abc import Iterable
from io import BufferedIOBase
from pathlib import Path

from emo2vec_plugins.audio import READABLE_SUFFIXES, UNREADABLE_SUFFIXES
from emo2vec_plugins.core import counted
from emo2vec_plugins.errors import OptionsError, warn
from emo2vec_plugins.files import lines_in
from emo2vec_plugins.integrations.inputs import (
    Input,
    check_distinct_keys,
    json_line,
    open_list,
    read_list,
    scp_line,
    unnamed,
    with_distinct_keys,
)

_LISTS = {".scp": scp_line, ".txt": unnamed, ".list": unnamed, ".lst": unnamed, ".jsonl": json_line}


def read_inputs(
    arguments: Iterable[str], *, bad: list[str] | None = None, stdin: BufferedIOBase | None = None
) -> list[Input]:
    """Return the audio files of *arguments*, in order, each with a unique key.

    The key comes from a ``wav.scp`` or JSON list, or is the file's stem, as in the reference.
    Files with the same stem get as much of their paths as makes the keys unique.

    Args:
        arguments: Audio files; folders, searched recursively; ``.scp`` files of
            ``KEY PATH`` lines; ``.txt``, ``.list`` and ``.lst`` files of paths; ``.jsonl`` files of
            ``{"key": ..., "source": PATH}`` lines. Paths in a list are relative to the working
            directory, or to the folder of the list.
        bad: Gets what is wrong with each bad line of a list; None to raise an error at the first.
        stdin: A list of paths, which is read for the argument ``-``.

    Raises:
        FormatError: If a line of a list is malformed, or a Kaldi pipe, and *bad* is None; or if
            all lines are.
        OptionsError: If two different files have the same key in lists, or a folder has no audio.
        OSError: If a list cannot be read.
    """
    found = (each for argument in arguments for each in _expand(argument, bad, stdin))
    keyed = with_distinct_keys(found)
    check_distinct_keys(keyed)
    return keyed


def _expand(argument: str, bad: list[str] | None, stdin: BufferedIOBase | None) -> list[Input]:
    if argument == "-" and stdin is not None:
        return read_list(lines_in(stdin, "<stdin>"), "<stdin>", unnamed, bad=bad)
    path = Path(argument)
    if path.is_dir():
        return [unnamed(str(file)) for file in _audio_files(path)]
    parse = _LISTS.get(path.suffix.lower())
    return [unnamed(argument)] if parse is None else open_list(argument, parse, bad=bad)


def _audio_files(folder: str | os.PathLike[str]) -> list[Path]:
    """Return the audio files in a folder and its subfolders, by suffix, sorted.

    Broken links and formats that libsndfile cannot read are included, so that each is reported
    as failed instead of being skipped. Hidden files, and those in hidden folders, are left out
    with a warning: on disks of other systems, macOS writes ``._x.wav`` beside ``x.wav``.

    Raises:
        OptionsError: If there are no audio files.
    """
    suffixes = READABLE_SUFFIXES | UNREADABLE_SUFFIXES
    paths = [path for path in Path(folder).rglob("*") if path.suffix.lower() in suffixes]
    found = [path for path in paths if path.is_file() or not path.exists()]
    files = sorted(path for path in found if not _is_hidden(path.relative_to(folder)))
    if len(found) > len(files):
        hidden = counted(len(found) - len(files), "hidden file")
        warn(f"{folder}: left out {hidden}, such as {min({*found} - {*files})}")
    if not files:
        raise OptionsError(f"{folder}: no audio files in this folder or its subfolders")
    return files


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
