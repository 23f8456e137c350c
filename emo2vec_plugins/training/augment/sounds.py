"""Recorded sounds, such as those of places and machines, that are added to turns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from emo2vec_plugins.audio import READABLE_SUFFIXES, mono, open_audio
from emo2vec_plugins.core import Clip, FloatArray, Options, Permissions, Turn
from emo2vec_plugins.errors import AudioError, OptionsError
from emo2vec_plugins.integrations.lhotse import CutSession, read_cuts
from emo2vec_plugins.training.augment.noise import looped
from emo2vec_plugins.training.kept import Kept

MOST_SECONDS = 600.0
"""Longest part of a recording that is used, from its start."""


class Sounds:
    """A bank of recordings.

    Args:
        path: A folder, searched with all folders in it, or a Lhotse manifest of cuts.
        permissions: What reading them may do.

    Raises:
        OptionsError: If there are no recordings.
        FormatError: If the manifest is bad.
    """

    def __init__(self, path: Path, permissions: Permissions) -> None:
        try:
            found = _in_folder(path, permissions) if path.is_dir() else _in_cuts(path, permissions)
            self._clips = list(found)
        except OSError as error:
            why = f"{path}: {error.strerror or error}"
            raise OptionsError(
                f"sounds must be a folder of recordings or a manifest of cuts, got {why}"
            ) from error
        if not self._clips:
            listed = ", ".join(sorted(READABLE_SUFFIXES))
            raise OptionsError(f"sounds: {path} has no recordings; they end in {listed}")
        self._kept = Kept(self._read)

    def draw(self, rng: np.random.Generator, samples: int) -> FloatArray:
        """Return so many samples of a random recording, which is repeated if it is shorter.

        Raises:
            AudioError: If it cannot be read, or is empty.
        """
        return looped(self._kept(int(rng.integers(len(self._clips)))), rng, samples)

    def _read(self, index: int) -> FloatArray:
        clip = self._clips[index]
        part = replace(clip.turn, end=min(clip.turn.end, clip.turn.start + MOST_SECONDS))
        try:
            samples = np.concatenate([np.empty(0, np.float32), *mono(part, clip.audio)])
        except AudioError as error:
            raise AudioError(f"sound {clip.key!r}: {error}") from error
        if not len(samples):
            raise AudioError(f"sound {clip.key!r} has no samples; remove it")
        return samples


def _in_folder(folder: Path, permissions: Permissions) -> Iterator[Clip]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in READABLE_SUFFIXES:
            audio = open_audio(path, permissions=permissions)
            yield Clip(turn=Turn(start=0.0, end=MOST_SECONDS), audio=audio, key=path.name)


def _in_cuts(manifest: Path, permissions: Permissions) -> Iterator[Clip]:
    for cut in read_cuts(manifest):
        options = Options(overwrite=True, **asdict(permissions))
        for clip in CutSession(cut.drop_supervisions(), options).clips():
            yield replace(clip, key=cut.id)
