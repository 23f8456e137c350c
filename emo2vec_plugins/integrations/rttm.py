"""An RTTM of many recordings, matched with the audio files it speaks of."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emo2vec_plugins.core import Recording
from emo2vec_plugins.errors import AudioError
from emo2vec_plugins.formats import read_rttm

SUFFIXES = frozenset(
    {
        ".aif",
        ".aifc",
        ".aiff",
        ".au",
        ".caf",
        ".flac",
        ".mp3",
        ".nist",
        ".oga",
        ".ogg",
        ".opus",
        ".rf64",
        ".snd",
        ".sph",
        ".voc",
        ".w64",
        ".wav",
        ".wave",
    }
)
"""What counts as audio in a folder; a file that is named itself may be called anything."""

Paths = str | os.PathLike[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RttmSources:
    """The recordings of an RTTM, ready to be annotated.

    Attributes:
        sources: Those with audio, in order of first mention; turns in the order of the file.
        missing: Names of those without.
        lines: The SPEAKER lines of every recording, missing ones too, character for character.
        unused: Audio files that were named but that no recording is called after.
        renamed: The recording whose file is called otherwise, being the only one of both.
    """

    sources: tuple[Recording, ...]
    missing: tuple[str, ...]
    lines: Mapping[str, str]
    unused: tuple[Path, ...] = ()
    renamed: tuple[str, ...] = ()


def read_rttm_sources(
    rttm: Paths,
    audio: Paths | Iterable[Paths] | Mapping[str, Paths],
    *,
    use_channels: bool = False,
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
    if not isinstance(audio, Mapping):
        audio = [audio] if isinstance(audio, str | os.PathLike) else list(audio)
    renamed = _renamed([each.recording for each in recordings], audio)
    if renamed:
        audio = renamed
    if isinstance(audio, Mapping):
        files = {_key(name): [Path(path)] for name, path in audio.items()}
    else:
        files = _by_name(audio)
    chosen = {each.recording: _only(each.recording, files.get(_key(each.recording), [])) for each in recordings}
    return RttmSources(
        sources=tuple(
            Recording(recording=each.recording, audio=path, turns=each.turns)
            for each in recordings
            if (path := chosen[each.recording]) is not None
        ),
        missing=tuple(name for name, path in chosen.items() if path is None),
        lines={each.recording: each.lines for each in recordings},
        unused=_unused(audio, {_key(name) for name in chosen}),
        renamed=tuple(renamed),
    )


def _renamed(names: Sequence[str], audio: Sequence[Paths] | Mapping[str, Paths]) -> dict[str, Path]:
    """Return the only recording and the only file, if that is called otherwise."""
    if isinstance(audio, Mapping) or len(names) != 1 or len(audio) != 1:
        return {}
    path = Path(audio[0])
    return {names[0]: path} if path.is_file() and _key(path.stem) != _key(names[0]) else {}


def _by_name(given: Iterable[Paths]) -> dict[str, list[Path]]:
    files: dict[str, list[Path]] = {}
    for each in given:
        for name, file in _named(each):
            known = files.setdefault(_key(name), [])
            if not any(file.samefile(other) for other in known):
                known.append(file)
    return files


def _named(given: Paths) -> Iterator[tuple[str, Path]]:
    """Yield each audio file that *given* stands for, with the recording that it is."""
    name, equals, path = os.fspath(given).partition("=")
    if equals and not Path(given).exists():
        if not Path(path).is_file():
            raise AudioError(f"{path}: no such audio file, given as {name!r}")
        yield name, Path(path)
    else:
        yield from ((file.stem, file) for file in _files(Path(given)))


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir():
        for file in sorted(path.rglob("*")):
            hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
            if file.suffix.lower() in SUFFIXES and not hidden and file.is_file():
                yield file
    else:
        raise AudioError(f"{path}: no such audio file or folder")


def _only(name: str, files: list[Path]) -> Path | None:
    if len(files) > 1:
        raise AudioError(
            f"recording {name!r} has {len(files)} audio files, one was expected: "
            f"{', '.join(map(str, files))}; name the file instead of the folder"
        )
    return files[0] if files else None


def _unused(audio: Sequence[Paths] | Mapping[str, Paths], wanted: set[str]) -> tuple[Path, ...]:
    if isinstance(audio, Mapping):
        return tuple(Path(path) for name, path in audio.items() if _key(name) not in wanted)
    return tuple(
        file
        for each in audio
        if not Path(each).is_dir()
        for name, file in _named(each)
        if _key(name) not in wanted
    )


def _key(name: str) -> str:
    # File systems disagree on how accents are composed, and so do the tools that name recordings.
    return unicodedata.normalize("NFC", name)
