"""Lists of audio files, and their keys."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from emo2vec_plugins.core import shown
from emo2vec_plugins.errors import FormatError, OptionsError
from emo2vec_plugins.files import from_json, lines_or_errors

Paths = str | os.PathLike[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One piece of audio to score.

    Attributes:
        key: Name in the results and of the ``.npy`` file.
        source: Path as given, or the audio itself.
        named: Whether the user chose the key. Such a key is never extended.
        where: The list and the line of the input; empty if it is in none.
    """

    key: str
    source: Any
    named: bool = False
    where: str = ""


Parse = Callable[[str], Input]
"""Parses one non-blank line of a list. Raises FormatError if the line is malformed."""


def open_list(path: str, parse: Parse, *, bad: list[str] | None = None) -> list[Input]:
    """Read a list of files. It must be UTF-8, with or without a byte-order mark.

    Args:
        path: The list.
        parse: Parses a line.
        bad: Gets what is wrong with each bad line, with its file and number; None to raise an
            error at the first.

    Raises:
        FormatError: If a line is malformed and *bad* is None, or all lines are. The message has
            the file and the line number.
        OSError: If the file cannot be read.
    """
    return read_list(lines_or_errors(Path(path)), path, parse, bad=bad)


def read_list(
    lines: Iterable[tuple[int, bytes | FormatError]],
    name: str,
    parse: Parse,
    *,
    bad: list[str] | None = None,
) -> list[Input]:
    """Parse the non-blank lines of a list, as `open_list` does.

    Paths are relative to the working directory. A path that does not exist there is relative to
    the folder of *name*, if it exists there.
    """
    wrong: list[str] = []
    found = list(_inputs(lines, name, parse, wrong))
    if wrong and bad is None:
        raise FormatError(wrong[0])
    if wrong and not found:
        raise FormatError(f"{wrong[0]}; no line is better")
    if bad is not None:
        bad += wrong
    return found


def _inputs(
    lines: Iterable[tuple[int, bytes | FormatError]], name: str, parse: Parse, wrong: list[str]
) -> Iterator[Input]:
    """Yield the inputs of the valid lines; note in *wrong* what is wrong with the others."""
    given: dict[str, Input] = {}
    for number, line in lines:
        try:
            if isinstance(line, FormatError):
                raise line
            each = _parsed(line, f"{name}: line {number}", parse)
        except FormatError as error:
            wrong.append(str(error))
            continue
        if each is None:
            continue
        first = given.setdefault(each.key, each) if each.named else each
        if Path(first.source).absolute() == Path(each.source).absolute():
            yield each
        else:
            wrong.append(f"{each.where}: key {shown(each.key)} is already in {first.where}")


def _parsed(line: bytes, where: str, parse: Parse) -> Input | None:
    try:
        # Editors on Windows write a byte-order mark, which would become part of the first key.
        text = line.decode("utf-8-sig").strip()
        found = parse(text) if text else None
    except UnicodeDecodeError as error:
        byte = f"byte {line[error.start]:#04x}"
        raise FormatError(f"{where}: expected a list in UTF-8, found {byte}") from error
    except FormatError as error:
        raise FormatError(f"{where}: {error}") from error
    if found is None:
        return None
    beside = Path(where).parent / found.source
    is_beside = not _exists(Path(found.source)) and _exists(beside)
    return replace(found, source=str(beside) if is_beside else found.source, where=where)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long; opening the audio fails with the reason
        return False


def scp_line(line: str) -> Input:
    """Parse ``KEY PATH``. A pipe is rejected, not run."""
    if len(line.split(maxsplit=1)) == 1:
        raise FormatError(f"expected 'KEY PATH', found {shown(line)}")
    key, path = line.split(maxsplit=1)
    # Kaldi runs such a line in a shell. Reading a list must not run programs.
    if path.endswith("|"):
        raise FormatError(
            f"expected a path for key {shown(key)}, found the pipe {shown(path)}; "
            "write its output to a file first"
        )
    return Input(key=key, source=path, named=True)


def json_line(line: str) -> Input:
    """Parse ``{"key": ..., "source": PATH}``; the key is optional."""
    try:
        entry = from_json(line)
    except FormatError as error:
        raise FormatError(str(error).removeprefix("line 1: ")) from error
    source = entry.get("source") if isinstance(entry, dict) else None
    if not isinstance(source, str):
        raise FormatError(f'expected {{"key": ..., "source": PATH}}, found {shown(line)}')
    key = entry.get("key")
    if isinstance(key, list | dict):
        raise FormatError(f"expected a text as key, found {shown(key)}")
    return unnamed(source) if key is None else Input(key=str(key), source=source, named=True)


def unnamed(path: str) -> Input:
    """Return an input whose key is the stem of *path*. The path may contain spaces."""
    return Input(key=Path(path).stem, source=path)


def with_distinct_keys(inputs: Iterable[Input]) -> list[Input]:
    """Extend equal keys of different files by their folders until the keys differ.

    Keys that the user chose stay the same.
    """
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
    # Not relative_to(): "//x" and "/x" are one folder, but differ there.
    keys = {path: Path(os.path.relpath(whole, common)) for path, whole in absolute.items()}
    # Keep suffixes if keys differ only in them: a.wav and a.flac.
    if len({key.with_suffix("") for key in keys.values()}) == len(set(absolute.values())):
        keys = {path: key.with_suffix("") for path, key in keys.items()}
    return {path: key.as_posix() for path, key in keys.items()}


def check_distinct_keys(inputs: Iterable[Input]) -> None:
    """Check that no two different inputs share a key: their arrays would go to the same file.

    The same file may be listed twice.

    Raises:
        OptionsError: If two inputs share a key.
    """
    owner: dict[str, Input] = {}
    for each in inputs:
        both = owner.setdefault(each.key, each), each
        two = [one.source for one in both]
        are_paths = all(isinstance(source, str) for source in two)
        if len(set(map(Path.absolute, map(Path, two)) if are_paths else map(id, two))) > 1:
            found = " and ".join(
                f"{one.where}{one.where and ': '}"
                f"{one.source if are_paths else type(one.source).__name__:.200}"
                for one in both
            )
            raise OptionsError(
                f"expected one input for each key, got two for {shown(each.key)}: {found}"
            )
