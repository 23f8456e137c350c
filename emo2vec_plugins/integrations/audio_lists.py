"""Lists of audio files, as Kaldi and FunASR write them, and keys that tell files apart."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from emo2vec_plugins.errors import FormatError, OptionsError


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


Parse = Callable[[str], Input]
"""Gives what one line of a list, which is not blank, stands for; raises FormatError."""


def open_list(path: str, parse: Parse) -> list[Input]:
    """Return what a file lists; it is UTF-8, with or without a byte-order mark.

    Raises:
        FormatError: If a line is none of such a list; names it.
        OSError: If the file cannot be read.
    """
    with Path(path).open(encoding="utf-8-sig") as lines:
        return read_list(lines, path, parse)


def read_list(lines: TextIO, name: str, parse: Parse) -> list[Input]:
    """Return what the lines stand for, blank ones left out.

    Paths are relative to the working directory, or else to the folder of *name*.

    Raises:
        FormatError: If a line is none of such a list; names it.
    """
    try:
        numbered = [(number, line.strip()) for number, line in enumerate(lines, start=1)]
    except UnicodeDecodeError as error:
        raise FormatError(f"{name}: not a list of files in UTF-8: {error.reason}") from error
    return [_parsed(line, f"{name}:{number}", parse) for number, line in numbered if line]


def _parsed(line: str, where: str, parse: Parse) -> Input:
    try:
        found = parse(line)
    except FormatError as error:
        raise FormatError(f"{where}: {error}") from error
    return replace(found, path=_beside(found.path, where))


def path_line(line: str) -> Input:
    """Read a line that is a path, blanks in it or not."""
    return unnamed(line)


def scp_line(line: str) -> Input:
    """Read ``KEY PATH``; a pipe is refused, not run."""
    if len(line.split(maxsplit=1)) == 1:
        raise FormatError(f"expected 'KEY PATH', found {line!r}")
    key, path = line.split(maxsplit=1)
    if path.endswith("|"):
        raise FormatError(
            f"key {key!r} is a pipe, {path!r}; commands in lists are not run: "
            "write its output to a file and name that"
        )
    return Input(key=key, path=path, named=True)


def json_line(line: str) -> Input:
    """Read ``{"key": ..., "source": PATH}``, of which the key may be missing."""
    try:
        entry = json.loads(line)
    except json.JSONDecodeError as error:
        raise FormatError(f"not JSON: {error.msg}") from error
    source = entry.get("source") if isinstance(entry, dict) else None
    if not isinstance(source, str):
        raise FormatError(f'expected {{"key": ..., "source": PATH}}, found {line[:80]!r}')
    key = entry.get("key")
    return unnamed(source) if key is None else Input(key=str(key), path=source, named=True)


def unnamed(path: str) -> Input:
    """Return a file that is called by its stem."""
    return Input(key=Path(path).stem, path=path)


def _beside(path: str, where: str) -> str:
    here = Path(where).parent / path
    return str(here) if not Path(path).exists() and here.exists() else path


def with_distinct_keys(inputs: Sequence[Input]) -> list[Input]:
    """Give files of one stem as much of their paths as tells them apart; keep keys of users."""
    groups: dict[str, set[str]] = defaultdict(set)
    for each in inputs:
        groups[each.key].add(each.path)
    longer: dict[str, str] = {}
    for paths in groups.values():
        if len(paths) > 1:
            longer |= _longer_keys(sorted(paths))
    return [
        each if each.named or each.path not in longer else replace(each, key=longer[each.path])
        for each in inputs
    ]


def _longer_keys(paths: Sequence[str]) -> dict[str, str]:
    absolute = {path: Path(path).absolute() for path in paths}
    common = os.path.commonpath([path.parent for path in absolute.values()])
    keys = {path: whole.relative_to(common) for path, whole in absolute.items()}
    if len({key.with_suffix("") for key in keys.values()}) == len(set(absolute.values())):
        keys = {path: key.with_suffix("") for path, key in keys.items()}
    return {path: key.as_posix() for path, key in keys.items()}


def refuse_shared_keys(inputs: Iterable[Input]) -> None:
    """Refuse two files of one key.

    Raises:
        OptionsError: If there are.
    """
    owner: dict[str, str] = {}
    for each in inputs:
        first = owner.setdefault(each.key, each.path)
        if Path(first).absolute() != Path(each.path).absolute():
            raise OptionsError(f"two files have the key {each.key!r}: {first} and {each.path}")
