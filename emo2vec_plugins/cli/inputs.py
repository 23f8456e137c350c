"""What ``emo2vec score`` is given: audio files, folders, and lists of files, each with a key."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.integrations import (
    SUFFIXES,
    Input,
    json_line,
    open_list,
    path_line,
    read_list,
    refuse_shared_keys,
    scp_line,
    unnamed,
    with_distinct_keys,
)

UNREADABLE = frozenset(
    {
        *(".3gp", ".aac", ".ac3", ".amr", ".ape", ".avi", ".flv", ".m4a", ".m4b", ".m4v"),
        *(".mka", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ra", ".ram", ".tta", ".webm"),
        *(".wma", ".wmv", ".wv"),
    }
)
"""Files of these have sound that libsndfile does not read: in a folder they fail, each by name."""

_LISTS = {
    ".scp": scp_line,
    ".txt": path_line,
    ".list": path_line,
    ".lst": path_line,
    ".jsonl": json_line,
}


def read_inputs(arguments: Iterable[str]) -> list[Input]:
    """Return the audio files that *arguments* stand for, in order, each with a key of its own.

    A key is what a ``wav.scp`` or JSON list says, else the file's stem, as the reference has it.
    Files of one stem get as much of their paths as tells them apart.

    Args:
        arguments: Audio files; folders, searched for audio in depth; ``.scp`` files of
            ``KEY PATH`` lines; ``.txt``, ``.list`` and ``.lst`` files of paths, ``-`` for such a
            list on stdin; ``.jsonl`` files of ``{"key": ..., "source": PATH}`` lines. Paths in a
            list are relative to the working directory or else to the list.

    Raises:
        FormatError: If a list has a line that is none, or is a Kaldi pipe.
        OptionsError: If two different files have the same key in lists, or a folder has no audio.
        OSError: If a list cannot be read.
    """
    keyed = with_distinct_keys([each for argument in arguments for each in _expand(argument)])
    refuse_shared_keys(keyed)
    return keyed


def audio_files(folder: str | os.PathLike[str]) -> list[Path]:
    """Return what looks like audio in a folder and those below it, sorted.

    Links that lead nowhere and files of `UNREADABLE` suffixes are among it: what cannot be scored
    is to be told, not passed over.

    Raises:
        OptionsError: If there are none.
    """
    suffixes = SUFFIXES | UNREADABLE
    paths = [path for path in Path(folder).rglob("*") if path.suffix.lower() in suffixes]
    files = sorted(path for path in paths if path.is_file() or not path.exists())
    if not files:
        raise OptionsError(f"{folder}: no audio files in this folder or below it")
    return files


def _expand(argument: str) -> list[Input]:
    if argument == "-":
        return read_list(sys.stdin, "<stdin>", path_line)
    path = Path(argument)
    if path.is_dir():
        return [unnamed(str(file)) for file in audio_files(path)]
    parse = _LISTS.get(path.suffix.lower())
    return [unnamed(argument)] if parse is None else open_list(argument, parse)
