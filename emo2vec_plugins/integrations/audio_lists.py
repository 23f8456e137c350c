"""Lists of audio files, as Kaldi and FunASR write them, and keys that tell files apart."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

from emo2vec_plugins.errors import FormatError, OptionsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One sound to score.

    Attributes:
        key: Its name in results, and of its ``.npy`` file.
        source: Where it is, as it was given; or the sound itself.
        named: Whether the key is settled, because the user chose it.
    """

    key: str
    source: Any
    named: bool = False


Parse = Callable[[str], Input]
"""Reads one line of a list, which is not blank; raises FormatError."""


def open_list(path: str, parse: Parse) -> list[Input]:
    """Return the files in a list; it is UTF-8, with or without a byte-order mark.

    Raises:
        FormatError: If a line is malformed; names it.
        OSError: If the file cannot be read.
    """
    # Windows' editors write a byte-order mark, which would become part of the first key.
    with Path(path).open(encoding="utf-8-sig") as lines:
        return read_list(lines, path, parse)


def read_list(lines: TextIO, name: str, parse: Parse) -> list[Input]:
    """Return the files in some lines, blank ones left out.

    Paths are relative to the working directory, or else to the folder of *name*.

    Raises:
        FormatError: If a line is malformed; names it.
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
    beside = Path(where).parent / found.source
    is_beside = not Path(found.source).exists() and beside.exists()
    return replace(found, source=str(beside)) if is_beside else found


def scp_line(line: str) -> Input:
    """Read ``KEY PATH``; a pipe is refused, not run."""
    if len(line.split(maxsplit=1)) == 1:
        raise FormatError(f"expected 'KEY PATH', found {line!r}")
    key, path = line.split(maxsplit=1)
    # Kaldi runs such a line in a shell: a list of files must not be a program.
    if path.endswith("|"):
        raise FormatError(
            f"key {key!r} is a pipe, {path!r}; commands in lists are not run: "
            "write its output to a file and name that"
        )
    return Input(key=key, source=path, named=True)


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
    return unnamed(source) if key is None else Input(key=str(key), source=source, named=True)


def unnamed(path: str) -> Input:
    """Return a file under its stem; a line of a list that is only a path, blanks in it or not."""
    return Input(key=Path(path).stem, source=path)


def with_distinct_keys(inputs: Iterable[Input]) -> list[Input]:
    """Give files of one stem as much of their paths as distinguishes them; keep keys of users."""
    given = list(inputs)
    groups: dict[str, set[str]] = defaultdict(set)
    for each in given:
        if isinstance(each.source, str):
            groups[each.key].add(each.source)
    longer: dict[str, str] = {}
    for paths in groups.values():
        if len(paths) > 1:
            longer |= _longer_keys(sorted(paths))
    return [
        each if each.named or each.source not in longer else replace(each, key=longer[each.source])
        for each in given
    ]


def _longer_keys(paths: Sequence[str]) -> dict[str, str]:
    absolute = {path: Path(path).absolute() for path in paths}
    common = os.path.commonpath([path.parent for path in absolute.values()])
    keys = {path: whole.relative_to(common) for path, whole in absolute.items()}
    # Suffixes stay where only they distinguish a.wav from a.flac.
    if len({key.with_suffix("") for key in keys.values()}) == len(set(absolute.values())):
        keys = {path: key.with_suffix("") for path, key in keys.items()}
    return {path: key.as_posix() for path, key in keys.items()}


def refuse_shared_keys(inputs: Iterable[Input]) -> None:
    """Refuse two inputs with one key, whose arrays would be one file; a file may be there twice.

    Raises:
        OptionsError: If there are.
    """
    owner: dict[str, Any] = {}
    for each in inputs:
        first = owner.setdefault(each.key, each.source)
        if not _is_same(first, each.source):
            raise OptionsError(
                f"two inputs have the key {each.key!r}: {_shown(first)} and {_shown(each.source)}"
            )


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return Path(one).absolute() == Path(other).absolute()
    return one is other


def _shown(source: Any) -> str:
    return source if isinstance(source, str) else type(source).__name__
