"""Augmentations that add sound: noise of a colour, recorded sounds, babble, silence and dither."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.fft import irfft, rfft

from emo2vec_plugins.audio import MODEL_RATE
from emo2vec_plugins.core import FloatArray
from emo2vec_plugins.training.augment.levels import factor, level, speech_level
from emo2vec_plugins.training.recipe import COLOURS
from emo2vec_plugins.training.recipe_fields import Range

Draw = Callable[[np.random.Generator, int], FloatArray]
"""A function from a random generator and a number of samples to that many samples of a sound."""

SLOPES = {"white": 0.0, "pink": -0.5, "brown": -1.0}
"""Exponent of the frequency in the amplitudes of each colour: 0, 3 and 6 dB less an octave."""

ROOM_TONE = (-70.0, -40.0)
"""Level of the noise of silence, in dB relative to the turn."""

TALKERS = (3, 8)
"""Fewest and most people in babble."""


def coloured(samples: int, rng: np.random.Generator, *, colours: Sequence[str]) -> FloatArray:
    """Return noise of one of the colours, with unit variance.

    Args:
        samples: Its length.
        rng: The source of random numbers.
        colours: Some of `COLOURS`.
    """
    slope = SLOPES[colours[int(rng.integers(len(colours)))]]
    noise = rng.standard_normal(samples, dtype=np.float32)
    if not slope:
        return noise
    spectrum = rfft(noise)
    spectrum[1:] *= np.arange(1, len(spectrum), dtype=np.float32) ** slope
    spectrum[0] = 0
    shaped: FloatArray = irfft(spectrum, samples)
    return shaped / np.float32(level(shaped))


def add_noise(
    waveform: FloatArray,
    rng: np.random.Generator,
    *,
    snr: Range,
    colours: Sequence[str] = ("white",),
) -> FloatArray:
    """Add noise at a random signal-to-noise ratio within the range, in dB.

    The signal is the whole waveform, with its pauses.
    """
    noise = coloured(len(waveform), rng, colours=colours)
    return waveform + float(waveform.std()) * factor(-rng.uniform(*snr)) * noise


def add_sound(
    waveform: FloatArray, rng: np.random.Generator, *, snr: Range, draw: Draw
) -> FloatArray:
    """Add a random sound at a random signal-to-noise ratio within the range, in dB.

    The signal is the speech without its pauses.
    """
    sound = draw(rng, len(waveform))
    loudness = speech_level(waveform) * factor(-rng.uniform(*snr)) / level(sound)
    return waveform + np.float32(loudness) * sound


def add_silence(waveform: FloatArray, rng: np.random.Generator, *, seconds: float) -> FloatArray:
    """Add up to *seconds* before the turn, and as much after it, of noise too soft to notice."""
    before, after = (int(rng.uniform(0, seconds) * MODEL_RATE) for _ in range(2))
    loudness = speech_level(waveform) * factor(rng.uniform(*ROOM_TONE))
    tone = np.float32(loudness) * coloured(before + after + 2, rng, colours=COLOURS)
    return np.concatenate([tone[:before], waveform, tone[before : before + after]])


def dither(waveform: FloatArray, rng: np.random.Generator, *, decibels: Range) -> FloatArray:
    """Add white noise at a random level relative to the speech, so that nothing is digital zero."""
    noise = rng.standard_normal(len(waveform), dtype=np.float32)
    return waveform + np.float32(speech_level(waveform) * factor(rng.uniform(*decibels))) * noise


def looped(waveform: FloatArray, rng: np.random.Generator, samples: int) -> FloatArray:
    """Return so many samples of a waveform, from a random position, repeated if it is shorter."""
    spare = len(waveform) - samples
    if spare >= 0:
        start = int(rng.integers(spare + 1))
        return waveform[start : start + samples]
    return np.resize(np.roll(waveform, -int(rng.integers(len(waveform)))), samples)


def babble_of(turns: Draw) -> Draw:
    """Return a source of babble: several turns at once, equally loud.

    Args:
        turns: Draws a stretch of a random turn.
    """

    def draw(rng: np.random.Generator, samples: int) -> FloatArray:
        mixture = np.zeros(samples, np.float32)
        for _ in range(int(rng.integers(TALKERS[0], TALKERS[1] + 1))):
            voice = turns(rng, samples)
            mixture += voice / np.float32(speech_level(voice))
        return mixture

    return draw
