"""What the tests of audio share."""

from __future__ import annotations

import numpy as np

from emo2vec_plugins.audio.sources import open_audio
from emo2vec_plugins.audio.turns import mono
from emo2vec_plugins.core.values import Turn

RATES = (8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000)
COMPRESSED = {
    "vorbis.ogg": {"format": "OGG", "subtype": "VORBIS"},
    "speech.opus": {"format": "OGG", "subtype": "OPUS"},
    "speech.mp3": {"format": "MP3", "subtype": "MPEG_LAYER_III"},
    "speech.flac": {"format": "FLAC", "subtype": "PCM_16"},
}


def samples_of(turn, source):
    """Return the samples of a turn at the model's rate."""
    return np.concatenate([np.empty(0, np.float32), *mono(turn, open_audio(source))])


def whole_of(source):
    """Return all samples at the model's rate."""
    sound = open_audio(source)
    return samples_of(Turn(start=0.0, end=sound.length / sound.rate), sound)
