"""Sound to be scored: noise that rises and falls like syllables, the same for the same seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emo2vec_plugins.audio import MODEL_RATE
from emo2vec_plugins.core import FloatArray

SYLLABLES = 4.0
"""In a second."""

LOUDNESS = 0.1
"""Root mean square, of a full scale of 1."""


def speechlike(samples: int, *, seed: int) -> FloatArray:
    """Return mono float32 at 16 kHz: noise with more of the low tones, and an envelope.

    What a network takes to score a clip depends on its length alone, not on what is said in it.
    """
    random = np.random.default_rng(seed)
    tones = np.fft.rfft(random.standard_normal(samples))
    frequencies = np.maximum(np.fft.rfftfreq(samples, 1 / MODEL_RATE), 100.0)
    noise = np.fft.irfft(tones / np.sqrt(frequencies), samples)
    phase = 2 * np.pi * (SYLLABLES * np.arange(samples) / MODEL_RATE + random.random())
    sound = noise * (1.1 + np.sin(phase))
    scaled: FloatArray = (sound * (LOUDNESS / np.sqrt(np.mean(sound**2)))).astype(np.float32)
    return scaled


def turns_of(lengths: Sequence[int], *, seed: int) -> list[FloatArray]:
    """Return one sound for each of *lengths*, in samples."""
    return [speechlike(length, seed=seed + place) for place, length in enumerate(lengths)]
