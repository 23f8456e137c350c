"""Levels of speech and of noise, which signal-to-noise ratios are relative to."""

from __future__ import annotations

from emo2vec_plugins.core import FloatArray
from emo2vec_plugins.engine import HOP

PAUSE = 1e-3
"""Power of a pause, at most, as a share of the power of the loudest frame: 30 dB below it."""

SILENT = 1e-9
"""Level of silence, so that no level is a division by zero."""


def factor(decibels: float) -> float:
    """Return the factor of an amplitude."""
    return float(10 ** (decibels / 20))


def level(waveform: FloatArray) -> float:
    """Return the root mean square of a waveform."""
    return max(float((waveform.astype("float64") ** 2).mean() ** 0.5), SILENT)


def active(waveform: FloatArray) -> FloatArray:
    """Return the samples of the frames of a waveform that are not pauses.

    Args:
        waveform: Shape (samples,), of at least one frame.
    """
    frames = waveform[: len(waveform) // HOP * HOP].reshape(-1, HOP)
    power = (frames * frames).mean(axis=1)
    loud: FloatArray = frames[power >= power.max() * PAUSE].reshape(-1)
    return loud


def speech_level(waveform: FloatArray) -> float:
    """Return the level of a turn without its pauses, so that silence around it has no effect."""
    return level(active(waveform))
