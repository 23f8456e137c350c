"""Files of audio by their names: lists of them, keys that tell them apart, and RTTMs of them."""

from __future__ import annotations

import json
import os
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

from emo2vec_plugins.audio import READABLE_SUFFIXES
from emo2vec_plugins.core import Recording
from emo2vec_plugins.errors import AudioError, FormatError, OptionsError
from emo2vec_plugins.formats import read_rttm

Paths = str | os.PathLike[str]


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
        raise FormatError(f"key {key!r} is a pipe, {path!r}: write its output to a file instead")
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
        two = owner.setdefault(each.key, each.source), each.source
        are_paths = all(isinstance(source, str) for source in two)
        if len(set(map(Path.absolute, map(Path, two)) if are_paths else map(id, two))) > 1:
            shown = [s if isinstance(s, str) else type(s).__name__ for s in two]
            raise OptionsError(f"two inputs have the key {each.key!r}: {' and '.join(shown)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RttmSources:
    """The recordings of an RTTM, ready to be annotated.

    Attributes:
        sources: Those with audio, in order of first mention; turns in the order of the file.
        missing: Names of those without.
        lines: The SPEAKER lines of every recording, missing ones too, character for character.
        unused: Audio files that were given themselves, and have the name of no recording.
        renamed: The only recording, where the only file has another name.
    """

    sources: tuple[Recording, ...]
    missing: tuple[str, ...]
    lines: Mapping[str, str]
    unused: tuple[Path, ...] = ()
    renamed: tuple[str, ...] = ()


def read_rttm_sources(
    rttm: Paths, audio: Paths | Iterable[Paths] | Mapping[str, Paths], *, use_channels: bool = False
) -> RttmSources:
    """Match the recordings of an RTTM with audio files of the same name.

    Args:
        rttm: A file with any number of recordings.
        audio: Files and folders, which are searched with all that is below them; a recording's
            file is the one whose name without its suffix is the recording's, and ``NAME=FILE``
            names it where it is called otherwise. One file alone is that of the only recording,
            whatever it is called. Or a mapping from recordings to files.
        use_channels: Take the RTTM's channel field, which counts from 1, for the turns' channels.

    Raises:
        FormatError: If the file is not RTTM; names the line.
        AudioError: If a path does not exist, or a recording has several files.
        OSError: If the RTTM cannot be read.
    """
    recordings = read_rttm(Path(rttm), use_channels=use_channels)
    names = [each.recording for each in recordings]
    # A path is a sequence, too, of characters.
    if not isinstance(audio, Mapping):
        audio = [audio] if isinstance(audio, str | os.PathLike) else list(audio)
    renamed = _renamed(names, audio)
    found = list(_found(renamed or audio))
    files: dict[str, list[Path]] = defaultdict(list)
    for name, file, _ in found:
        # A file may be given itself and lie in a folder that is given: it is one file.
        if not any(file.samefile(other) for other in files[_key(name)]):
            files[_key(name)].append(file)
    wanted = {_key(name): name for name in names}
    for key, name in wanted.items():
        if len(files[key]) > 1:
            listed = ", ".join(map(str, files[key]))
            raise AudioError(f"recording {name!r} has {len(files[key])} audio files: {listed}")
    chosen = {name: next(iter(files[_key(name)]), None) for name in names}
    return RttmSources(
        sources=tuple(
            Recording(recording=each.recording, audio=path, turns=each.turns)
            for each in recordings
            if (path := chosen[each.recording]) is not None
        ),
        missing=tuple(name for name, path in chosen.items() if path is None),
        lines={each.recording: each.lines for each in recordings},
        unused=tuple(file for name, file, given in found if given and _key(name) not in wanted),
        renamed=tuple(renamed),
    )


def _renamed(names: Sequence[str], audio: Sequence[Paths] | Mapping[str, Paths]) -> dict[str, Path]:
    """Return the only recording with the only file, if their names differ."""
    if isinstance(audio, Mapping) or len(names) != 1 or len(audio) != 1:
        return {}
    path = Path(audio[0])
    return {names[0]: path} if path.is_file() and _key(path.stem) != _key(names[0]) else {}


def _found(audio: Iterable[Paths] | Mapping[str, Paths]) -> Iterator[tuple[str, Path, bool]]:
    """Yield each audio file with the name of its recording, and whether it was given itself."""
    if isinstance(audio, Mapping):
        yield from ((name, Path(path), True) for name, path in audio.items())
        return
    for each in audio:
        given = Path(each)
        name, equals, path = os.fspath(each).partition("=")
        # "NAME=FILE", unless a file is really called so.
        if equals and not given.exists():
            if not Path(path).is_file():
                raise AudioError(f"{path}: no such audio file, given as {name!r}")
            yield name, Path(path), True
        elif given.is_file():
            yield given.stem, given, True
        elif given.is_dir():
            for file in sorted(given.rglob("*")):
                # macOS leaves "._x.wav" beside x.wav on foreign disks: it is not audio.
                hidden = any(part.startswith(".") for part in file.relative_to(given).parts)
                if file.suffix.lower() in READABLE_SUFFIXES and not hidden and file.is_file():
                    yield file.stem, file, False
        else:
            raise AudioError(f"{given}: no such audio file or folder")


def _key(name: str) -> str:
    # File systems disagree on how accents are composed, and so do the tools that name recordings.
    return unicodedata.normalize("NFC", name)
