"""Shifting pitch and formants without changing the tempo, by resampling and overlap-add.

The overlap-add is WSOLA (Verhelst and Roelands, 1993): pieces of the waveform are put together at
another spacing, and each piece is moved a little so that it continues the piece before it.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import correlate

from emo2vec_plugins.core import FloatArray
from emo2vec_plugins.training.augment.shapes import change_speed
from emo2vec_plugins.training.recipe_fields import Range

PIECE = 640
"""Samples of a piece, 40 ms: two periods of a low voice."""

HOP = PIECE // 2
"""Spacing of the pieces in the result."""

REACH = 160
"""Most samples that a piece is moved, 10 ms: a period of a low voice in either direction."""

WINDOW = np.hanning(PIECE + 1)[:-1].astype(np.float32)
"""Two of them, at the spacing of the pieces, sum to one."""


def shift_pitch(waveform: FloatArray, rng: np.random.Generator, *, semitones: Range) -> FloatArray:
    """Shift pitch and formants by a random number of semitones within the range."""
    ratio = 2 ** (rng.uniform(*semitones) / 12)
    return stretched(change_speed(waveform, rng, tempo=(ratio, ratio)), len(waveform))


def stretched(waveform: FloatArray, samples: int) -> FloatArray:
    """Return a waveform with another length in samples, at the same pitch."""
    if samples == len(waveform):
        return waveform
    pieces = samples // HOP + 2
    padded = np.pad(waveform, (HOP + REACH, PIECE + HOP + 2 * REACH))
    result = np.zeros(pieces * HOP + HOP, np.float32)
    position = REACH
    for piece in range(pieces):
        if piece:
            # What followed the last piece, and the pieces near the place of the next one.
            expected = padded[position + HOP : position + HOP + PIECE]
            place = min(round(piece * HOP * len(waveform) / samples), len(waveform) + HOP)
            near = padded[place : place + PIECE + 2 * REACH]
            position = place + int(correlate(near, expected, "valid").argmax())
        result[piece * HOP :][:PIECE] += WINDOW * padded[position : position + PIECE]
    return result[HOP : HOP + samples]
