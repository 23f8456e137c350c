"""RTTM files and the audio that they describe."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emo2vec_plugins.audio import READABLE_SUFFIXES
from emo2vec_plugins.core import Recording, shown
from emo2vec_plugins.errors import AudioError, FormatError
from emo2vec_plugins.formats import RttmRecording, read_rttm

Paths = str | os.PathLike[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RttmSources:
    """The recordings of an RTTM file, ready to annotate.

    Attributes:
        sources: Recordings with audio, in order of first mention. Turns are in file order.
        missing: Names of recordings without audio.
        lines: The unchanged SPEAKER lines of every recording, with or without audio.
        unused: Audio files that were given explicitly but match no recording.
        renamed: Name of the only recording, if the only audio file has another name.
    """

    sources: tuple[Recording, ...]
    missing: tuple[str, ...]
    lines: Mapping[str, str]
    unused: tuple[Path, ...] = ()
    renamed: tuple[str, ...] = ()


def read_rttm_sources(
    rttm: Paths | Iterable[Paths],
    audio: Paths | Iterable[Paths] | Mapping[str, Paths],
    *,
    use_channels: bool = False,
) -> RttmSources:
    """Match the recordings of RTTM files with audio files of the same name.

    Args:
        rttm: A file with any number of recordings, or several such files.
        audio: Files, folders, or a mapping from recording names to files. Folders are searched
            recursively. A file belongs to the recording that has its name without the suffix;
            ``NAME=FILE`` assigns a file with another name. A single file belongs to the only
            recording, even if the names differ.
        use_channels: Use the RTTM's channel field, which counts from 1, as channels of the turns.

    Raises:
        FormatError: If a file is not RTTM; the message has the line number. If two files have
            turns of the same recording.
        AudioError: If a path does not exist, or a recording has several files.
        OSError: If the RTTM file cannot be read.
    """
    # A str is also an iterable, of characters.
    files_of_turns = [rttm] if isinstance(rttm, str | os.PathLike) else list(rttm)
    recordings = _read_all(map(Path, files_of_turns), use_channels=use_channels)
    names = [each.recording for each in recordings]
    if not isinstance(audio, Mapping):
        audio = [audio] if isinstance(audio, str | os.PathLike) else list(audio)
    renamed = _renamed(names, audio)
    found = list(_found(renamed or audio))
    files: dict[str, list[Path]] = defaultdict(list)
    for name, file, _ in found:
        # The same file may be given explicitly and found in a folder.
        if not any(file.samefile(other) for other in files[_key(name)]):
            files[_key(name)].append(file)
    wanted = {_key(name): name for name in names}
    for key, name in wanted.items():
        if len(files[key]) > 1:
            listed = ", ".join(map(str, files[key]))
            raise AudioError(
                f"expected one audio file for recording {shown(name)}, found {len(files[key])}: {listed}; "
                f"use {name}=FILE"
            )
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


def _read_all(paths: Iterable[Path], *, use_channels: bool) -> list[RttmRecording]:
    """Return the recordings of all files; each recording must be in one file."""
    found: dict[str, tuple[Path, RttmRecording]] = {}
    for path in paths:
        for each in read_rttm(path, use_channels=use_channels):
            if each.recording in found:
                both = f"{found[each.recording][0]} and {path}"
                raise FormatError(f"both {both} have turns of recording {shown(each.recording)}")
            found[each.recording] = path, each
    return [each for _, each in found.values()]


def _renamed(names: Sequence[str], audio: Sequence[Paths] | Mapping[str, Paths]) -> dict[str, Path]:
    """Map the only recording to the only file, if their names differ."""
    if isinstance(audio, Mapping) or len(names) != 1 or len(audio) != 1:
        return {}
    path = Path(audio[0])
    return {names[0]: path} if path.is_file() and _key(path.stem) != _key(names[0]) else {}


def _found(audio: Iterable[Paths] | Mapping[str, Paths]) -> Iterator[tuple[str, Path, bool]]:
    """Yield (recording name, audio file, whether the file was given explicitly)."""
    if isinstance(audio, Mapping):
        yield from ((name, Path(path), True) for name, path in audio.items())
        return
    for each in audio:
        given = Path(each)
        name, equals, path = os.fspath(each).partition("=")
        # "NAME=FILE", unless a file has this name.
        if equals and not given.exists():
            if not Path(path).is_file():
                raise AudioError(f"{path}: no such audio file, given for recording {shown(name)}")
            yield name, Path(path), True
        elif given.is_file():
            yield given.stem, given, True
        elif given.is_dir():
            for file in sorted(given.rglob("*")):
                # On non-Apple disks, macOS writes "._x.wav" beside x.wav. It contains no audio.
                hidden = any(part.startswith(".") for part in file.relative_to(given).parts)
                if file.suffix.lower() in READABLE_SUFFIXES and not hidden and file.is_file():
                    yield file.stem, file, False
        else:
            raise AudioError(f"{given}: no such audio file or folder")


def _key(name: str) -> str:
    # File systems and tools differ in how they compose accents.
    return unicodedata.normalize("NFC", name)
