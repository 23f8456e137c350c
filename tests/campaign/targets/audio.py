"""Audio files in every container that libsndfile writes: each turn gets a result."""

from __future__ import annotations

import io
import math
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

from campaign.readers import READ, REFUSED, Reader
from emo2vec_plugins import Engine, Recording, Turn, annotate
from emo2vec_plugins.core import Plugins
from emo2vec_plugins.integrations import unscored
from emo2vec_plugins.testing import FakeBackend

PLUGINS = Plugins(installed=False)

_KINDS = {
    "WAV": ("PCM_16", "PCM_24", "FLOAT", "DOUBLE", "ULAW", "IMA_ADPCM"),
    "W64": ("PCM_16",),
    "RF64": ("PCM_16",),
    "AIFF": ("PCM_16",),
    "AU": ("PCM_16",),
    "CAF": ("PCM_16",),
    "NIST": ("PCM_16",),
    "FLAC": ("PCM_16",),
    "OGG": ("VORBIS", "OPUS"),
    "MP3": ("MPEG_LAYER_III",),
}


def readers(scratch: Path) -> list[Reader]:
    """Return a reader for each kind of audio."""
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (4000, 2)).astype(np.float32)
    found = []
    for container, subtypes in _KINDS.items():
        for subtype in subtypes:
            file = io.BytesIO()
            soundfile.write(file, samples, 8000, format=container, subtype=subtype)
            name = f"audio.{subtype}.{container}".lower()
            found.append(Reader(name, name, "audio", file.getvalue(), partial(_score, name)))
    return found


def _score(file: str, folder: Path) -> str:
    turns = [Turn(start=0.0, end=0.2), Turn(start=0.1, end=0.3), Turn(start=0.3, end=9.0)]
    sources = [
        Recording(recording="cut", audio=str(folder / file), turns=turns),
        Recording(recording="whole", audio=str(folder / file)),
    ]
    engine = Engine(FakeBackend())
    found = [*annotate(sources, score=engine, plugins=PLUGINS, failed=unscored)]
    emotions = [each.emotion for dialogue in found for each in dialogue.turns]
    assert len(emotions) == len(turns) + 1, f"{len(emotions)} results for {len(turns) + 1} turns"
    for emotion in emotions:
        assert (emotion.label is None) == bool(emotion.reason), (
            f"neither label nor reason: {emotion}"
        )
        assert all(math.isfinite(score) for score in (emotion.scores or {}).values()), emotion
    return READ if any(emotion.label for emotion in emotions) else REFUSED
