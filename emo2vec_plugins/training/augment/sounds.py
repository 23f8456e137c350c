"""Recorded sounds, such as those of places and machines, that are added to turns."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from emo2vec_plugins.audio import READABLE_SUFFIXES, mono, open_audio
from emo2vec_plugins.core import Clip, FloatArray, Options, Permissions, Turn
from emo2vec_plugins.errors import AudioError, OptionsError
from emo2vec_plugins.integrations.lhotse import CutSession, read_cuts
from emo2vec_plugins.training.augment.noise import looped
from emo2vec_plugins.training.examples import audio_of
from emo2vec_plugins.training.kept import Kept, Memory

MOST_SECONDS = 600.0
"""Longest part of a recording that is used, from its start."""


class Sounds:
    """A bank of recordings.

    Args:
        path: A folder, searched with all folders in it, or a Lhotse manifest of cuts. Files and folders
            whose names begin with a dot are left out.
        permissions: What reading them may do.
        memory: Where to keep them; by default, as much memory as a training has.

    Attributes:
        facts: What distinguishes the bank from others, as JSON values: names and sizes of files, or
            the audio of cuts.

    Raises:
        OptionsError: If there are no recordings, or a pipe or the like has the name of one.
        FormatError: If the manifest is bad.
    """

    def __init__(
        self, path: Path, permissions: Permissions, *, memory: Memory | None = None
    ) -> None:
        try:
            found = _in_folder(path, permissions) if path.is_dir() else _in_cuts(path, permissions)
            sounds = list(found)
        except OSError as error:
            raise OptionsError(f"sounds: {path}: {error.strerror or error}") from error
        if not sounds:
            listed = ", ".join(sorted(READABLE_SUFFIXES))
            raise OptionsError(f"sounds: {path} has no recordings; they end in {listed}")
        self._clips = [clip for clip, _ in sounds]
        self.facts = [facts for _, facts in sounds]
        self._kept = Kept(self._read, memory or Memory())

    def check(self) -> None:
        """Read the headers of all recordings.

        Raises:
            AudioError: If one cannot be read, or is empty.
        """
        for clip in self._clips:
            with _naming(clip):
                _refuse_empty(clip.audio.length)

    def draw(self, rng: np.random.Generator, samples: int) -> FloatArray:
        """Return so many samples of a random recording, which is repeated if it is shorter.

        Raises:
            AudioError: If it cannot be read, or is empty.
        """
        return looped(self._kept(int(rng.integers(len(self._clips)))), rng, samples)

    def _read(self, index: int) -> FloatArray:
        clip = self._clips[index]
        part = replace(clip.turn, end=min(clip.turn.end, clip.turn.start + MOST_SECONDS))
        with _naming(clip):
            samples = np.concatenate([np.empty(0, np.float32), *mono(part, clip.audio)])
            _refuse_empty(len(samples))
        return samples


@contextmanager
def _naming(clip: Clip) -> Iterator[None]:
    try:
        yield
    except AudioError as error:
        raise AudioError(f"sound {clip.key!r}: {error}") from error


def _refuse_empty(samples: int) -> None:
    if not samples:
        raise AudioError("has no samples; remove it")


def _in_folder(folder: Path, permissions: Permissions) -> Iterator[tuple[Clip, list[Any]]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        is_hidden = any(part.startswith(".") for part in name.parts)
        if is_hidden or path.is_dir() or path.suffix.lower() not in READABLE_SUFFIXES:
            continue
        size = _regular(path).stat().st_size
        audio = open_audio(path, permissions=permissions)
        turn = Turn(start=0.0, end=MOST_SECONDS)
        yield Clip(turn=turn, audio=audio, key=str(name)), [name.as_posix(), size]


def _in_cuts(manifest: Path, permissions: Permissions) -> Iterator[tuple[Clip, list[Any]]]:
    options = Options(overwrite=True, **asdict(permissions))
    for cut in read_cuts(_regular(manifest)):
        for clip in CutSession(cut.drop_supervisions(), options).clips():
            yield replace(clip, key=cut.id), [cut.id, cut.start, cut.duration, audio_of(cut)]


def _regular(path: Path) -> Path:
    """Return a path if it is one of a file; a pipe, for example, would block for ever."""
    if not path.is_file():
        found = "a pipe, a device or a broken link" if os.path.lexists(path) else "nothing"
        expected = "a folder of recordings or a manifest of cuts"
        raise OptionsError(f"sounds: expected {expected}, found {found}: {path}")
    return path
