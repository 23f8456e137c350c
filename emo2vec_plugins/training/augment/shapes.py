"""Augmentations of time and of samples: tempo, length, loudness, clipping and masks."""

from __future__ import annotations

import numpy as np

from emo2vec_plugins.audio import MODEL_RATE, resample
from emo2vec_plugins.core import FloatArray
from emo2vec_plugins.engine import HOP, RECEPTIVE
from emo2vec_plugins.training.augment.levels import active, factor
from emo2vec_plugins.training.recipe_fields import Range

TEMPO_STEPS = 200
"""Numerator of every tempo factor, a ratio of small integers that keeps resampling filters small.

A step is half a percent, or a twelfth of a semitone.
"""


def stretch(waveform: FloatArray, samples: int, rng: np.random.Generator | None) -> FloatArray:
    """Return at most *samples* of a waveform, at a random position; from the middle without *rng*."""
    spare = len(waveform) - samples
    if spare <= 0:
        return waveform
    start = spare // 2 if rng is None else int(rng.integers(spare + 1))
    return waveform[start : start + samples]


def change_speed(waveform: FloatArray, rng: np.random.Generator, *, tempo: Range) -> FloatArray:
    """Change tempo and pitch together by a random factor within the range."""
    shortest, longest = (round(TEMPO_STEPS / each) for each in reversed(tempo))
    # Every TEMPO_STEPS samples become this many, at the same sampling rate.
    length = int(rng.integers(shortest, longest + 1))
    if length == TEMPO_STEPS or len(waveform) * length < RECEPTIVE * TEMPO_STEPS:
        return waveform
    return resample(waveform, TEMPO_STEPS, length)


def crop(
    waveform: FloatArray, rng: np.random.Generator, *, share: Range, seconds: float
) -> FloatArray:
    """Keep a random share of the waveform, as one stretch at a random position.

    Args:
        waveform: Shape (samples,).
        rng: The source of random numbers.
        share: Range of the share.
        seconds: Keep at least so much.
    """
    least = max(RECEPTIVE, round(seconds * MODEL_RATE))
    return stretch(waveform, max(least, round(len(waveform) * rng.uniform(*share))), rng)


def change_gain(waveform: FloatArray, rng: np.random.Generator, *, decibels: Range) -> FloatArray:
    """Make the waveform louder or softer, and clip it at full scale."""
    # A network that normalises its input undoes the gain, so only the clipping has an effect.
    return (waveform * factor(rng.uniform(*decibels))).clip(-1, 1)


def clip(waveform: FloatArray, rng: np.random.Generator, *, percentile: Range) -> FloatArray:
    """Clip the loudest samples of the speech, as a microphone that is too close does.

    Args:
        waveform: Shape (samples,).
        rng: The source of random numbers.
        percentile: Range of the percentile of the magnitude, pauses left out, to clip at.
    """
    limit = float(np.percentile(np.abs(active(waveform)), rng.uniform(*percentile)))
    return waveform.clip(-limit, limit) if limit else waveform


def mask(
    waveform: FloatArray, rng: np.random.Generator, *, count: int, seconds: float
) -> FloatArray:
    """Set up to *count* stretches of up to *seconds* to zero, in whole steps of a frame.

    SpecAugment (Park et al., arXiv:1904.08779) masks stretches of time in the features. Here the
    samples of those frames are masked, so that the network needs no change.
    """
    masked = waveform.copy()
    frames = len(waveform) // HOP
    longest = max(1, min(round(seconds * MODEL_RATE / HOP), frames // 2))
    for _ in range(int(rng.integers(count + 1))):
        width = int(rng.integers(1, longest + 1))
        start = int(rng.integers(max(1, frames - width + 1))) * HOP
        masked[start : start + width * HOP] = 0
    return masked
