"""RTTMs of many recordings: which audio file each is of, and which recording is meant."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emo2vec_plugins.audio import READABLE_SUFFIXES
from emo2vec_plugins.core import Recording
from emo2vec_plugins.errors import AudioError, FormatError
from emo2vec_plugins.formats import RttmRecording, read_rttm

Paths = str | os.PathLike[str]


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
    names = [each.recording for each in recordings]
    # A path is a sequence, too, of characters.
    if not isinstance(audio, Mapping):
        audio = [audio] if isinstance(audio, str | os.PathLike) else list(audio)
    renamed = _renamed(names, audio)
    found = list(_found(renamed or audio))
    files = _by_name((name, file) for name, file, _ in found)
    chosen = {name: _only(name, files.get(_key(name), [])) for name in names}
    wanted = set(map(_key, names))
    return RttmSources(
        sources=tuple(
            Recording(recording=each.recording, audio=path, turns=each.turns)
            for each in recordings
            if (path := chosen[each.recording]) is not None
        ),
        missing=tuple(name for name, path in chosen.items() if path is None),
        lines={each.recording: each.lines for each in recordings},
        unused=tuple(
            file for name, file, is_given in found if is_given and _key(name) not in wanted
        ),
        renamed=tuple(renamed),
    )


def chosen_recording(
    recordings: Sequence[RttmRecording], *names: str | None, only: bool = True
) -> RttmRecording:
    """Return the recording of an RTTM that is meant: the first of *names* that is there.

    Args:
        recordings: Of one RTTM.
        names: What the recording may be called, the likeliest first.
        only: Take the only recording, whatever it is called.

    Raises:
        FormatError: If there is none of these names, and not one alone.
    """
    by_name = {each.recording: each for each in recordings}
    for name in names:
        if name in by_name:
            return by_name[name]
    if only and len(recordings) == 1:
        return recordings[0]
    wanted = "one recording" if names[0] is None else f"turns of {names[0]!r}"
    raise FormatError(
        f"expected {wanted} in the RTTM, found "
        f"{', '.join(map(repr, by_name)) or 'no turns at all'}; recording=... says which to take"
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
            yield from ((file.stem, file, False) for file in _inside(given))
        else:
            raise AudioError(f"{given}: no such audio file or folder")


def _inside(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        # macOS leaves "._x.wav" beside x.wav on foreign disks: it is not audio.
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if file.suffix.lower() in READABLE_SUFFIXES and not hidden and file.is_file():
            yield file


def _by_name(found: Iterable[tuple[str, Path]]) -> dict[str, list[Path]]:
    files: dict[str, list[Path]] = {}
    for name, file in found:
        known = files.setdefault(_key(name), [])
        # A file may be given itself and lie in a folder that is given: it is one file.
        if not any(file.samefile(other) for other in known):
            known.append(file)
    return files


def _only(name: str, files: list[Path]) -> Path | None:
    if len(files) > 1:
        raise AudioError(
            f"recording {name!r} has {len(files)} audio files, one was expected: "
            f"{', '.join(map(str, files))}; name the file instead of the folder"
        )
    return files[0] if files else None


def _key(name: str) -> str:
    # File systems disagree on how accents are composed, and so do the tools that name recordings.
    return unicodedata.normalize("NFC", name)
