"""What ``emo2vec score`` is given: audio files, folders, and lists of files, each with a key."""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from emo2vec_plugins.errors import FormatError, OptionsError
from emo2vec_plugins.integrations.rttm_files import SUFFIXES

UNREADABLE = frozenset(
    {
        *(".3gp", ".aac", ".ac3", ".amr", ".ape", ".avi", ".flv", ".m4a", ".m4b", ".m4v"),
        *(".mka", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ra", ".ram", ".tta", ".webm"),
        *(".wma", ".wmv", ".wv"),
    }
)
"""Files of these have sound that libsndfile does not read: in a folder they fail, each by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One audio file to be scored.

    Attributes:
        key: What results call it, and the name of its ``.npy`` file.
        path: Where it is, as it was given.
        named: Whether the user chose the key.
    """

    key: str
    path: str
    named: bool = False


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
    found = [each for argument in arguments for each in _expand(argument)]
    return _with_distinct_keys(found)


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
        return _read(sys.stdin, "<stdin>", _path_line)
    path = Path(argument)
    if path.is_dir():
        return [_unnamed(str(file)) for file in audio_files(path)]
    parse = _LISTS.get(path.suffix.lower())
    if parse is None:
        return [_unnamed(argument)]
    with path.open(encoding="utf-8-sig") as lines:
        return _read(lines, argument, parse)


def _read(lines: TextIO, name: str, parse: Callable[[str], Input]) -> list[Input]:
    try:
        numbered = [(number, line.strip()) for number, line in enumerate(lines, start=1)]
    except UnicodeDecodeError as error:
        raise FormatError(f"{name}: not a list of files in UTF-8: {error.reason}") from error
    return [_parsed(line, f"{name}:{number}", parse) for number, line in numbered if line]


def _parsed(line: str, where: str, parse: Callable[[str], Input]) -> Input:
    try:
        found = parse(line)
    except FormatError as error:
        raise FormatError(f"{where}: {error}") from error
    return replace(found, path=_beside(found.path, where))


def _path_line(line: str) -> Input:
    return _unnamed(line)


def _scp_line(line: str) -> Input:
    if len(line.split(maxsplit=1)) == 1:
        raise FormatError(f"expected 'KEY PATH', found {line!r}")
    key, path = line.split(maxsplit=1)
    if path.endswith("|"):
        raise FormatError(
            f"key {key!r} is a pipe, {path!r}; commands in lists are not run: "
            "write its output to a file and name that"
        )
    return Input(key=key, path=path, named=True)


def _json_line(line: str) -> Input:
    try:
        entry = json.loads(line)
    except json.JSONDecodeError as error:
        raise FormatError(f"not JSON: {error.msg}") from error
    source = entry.get("source") if isinstance(entry, dict) else None
    if not isinstance(source, str):
        raise FormatError(f'expected {{"key": ..., "source": PATH}}, found {line[:80]!r}')
    key = entry.get("key")
    return _unnamed(source) if key is None else Input(key=str(key), path=source, named=True)


_LISTS: dict[str, Callable[[str], Input]] = {
    ".scp": _scp_line,
    ".txt": _path_line,
    ".list": _path_line,
    ".lst": _path_line,
    ".jsonl": _json_line,
}


def _unnamed(path: str) -> Input:
    return Input(key=Path(path).stem, path=path)


def _beside(path: str, where: str) -> str:
    here = Path(where).parent / path
    return str(here) if not Path(path).exists() and here.exists() else path


def _with_distinct_keys(inputs: Sequence[Input]) -> list[Input]:
    groups: dict[str, set[str]] = defaultdict(set)
    for each in inputs:
        groups[each.key].add(each.path)
    longer: dict[str, str] = {}
    for paths in groups.values():
        if len(paths) > 1:
            longer |= _longer_keys(sorted(paths))
    keyed = [
        each if each.named or each.path not in longer else replace(each, key=longer[each.path])
        for each in inputs
    ]
    _refuse_shared_keys(keyed)
    return keyed


def _longer_keys(paths: Sequence[str]) -> dict[str, str]:
    absolute = {path: Path(path).absolute() for path in paths}
    common = os.path.commonpath([path.parent for path in absolute.values()])
    keys = {path: whole.relative_to(common) for path, whole in absolute.items()}
    if len({key.with_suffix("") for key in keys.values()}) == len(set(absolute.values())):
        keys = {path: key.with_suffix("") for path, key in keys.items()}
    return {path: key.as_posix() for path, key in keys.items()}


def _refuse_shared_keys(inputs: Iterable[Input]) -> None:
    owner: dict[str, str] = {}
    for each in inputs:
        first = owner.setdefault(each.key, each.path)
        if Path(first).absolute() != Path(each.path).absolute():
            raise OptionsError(f"two files have the key {each.key!r}: {first} and {each.path}")
