"""Augmentations of the spectrum: tilt, the band of a microphone or telephone, and equalisation.

Filters multiply the spectrum of the whole waveform, so they shift nothing in time.
"""

from __future__ import annotations

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from emo2vec_plugins.audio import MODEL_RATE
from emo2vec_plugins.core import FloatArray
from emo2vec_plugins.training.recipe_fields import Range

ORDERS = (1, 6)
"""Lowest and highest order of a Butterworth filter: a slope of 6 to 36 dB an octave."""

BANDS = 8
"""Bands of the equaliser, from LOWEST to half the sampling rate, equally wide in octaves."""

LOWEST = 60.0
"""Centre of the lowest band, in Hz."""

PADDING = MODEL_RATE // 10
"""Zeros after the waveform, in which a filter fades, as a product of spectra wraps around."""


def filtered(waveform: FloatArray, gains: FloatArray) -> FloatArray:
    """Return a waveform with its spectrum multiplied.

    Args:
        waveform: Shape (samples,).
        gains: Factors, at the frequencies that `frequencies` returns.
    """
    size = _size(waveform)
    result: FloatArray = irfft(rfft(waveform, size) * gains.astype(np.float32), size)
    return result[: len(waveform)]


def frequencies(waveform: FloatArray) -> FloatArray:
    """Return the frequencies of the spectrum of a waveform, in Hz, without zero."""
    found: FloatArray = np.fft.rfftfreq(_size(waveform), 1 / MODEL_RATE)
    found[0] = found[1] / 2
    return found


def tilt(waveform: FloatArray, rng: np.random.Generator, *, most: float) -> FloatArray:
    """Tilt the spectrum up or down with a one-coefficient filter."""
    tilted = waveform.copy()
    tilted[1:] -= float(rng.uniform(-most, most)) * waveform[:-1]
    return tilted


def cut_lows(waveform: FloatArray, rng: np.random.Generator, *, hertz: Range) -> FloatArray:
    """Attenuate what is below a random frequency, with a random slope."""
    ratio = rng.uniform(*hertz) / frequencies(waveform)
    return filtered(waveform, _butterworth(ratio, rng))


def cut_highs(waveform: FloatArray, rng: np.random.Generator, *, hertz: Range) -> FloatArray:
    """Attenuate what is above a random frequency, with a random slope."""
    ratio = frequencies(waveform) / rng.uniform(*hertz)
    return filtered(waveform, _butterworth(ratio, rng))


def equalize(waveform: FloatArray, rng: np.random.Generator, *, most: float) -> FloatArray:
    """Multiply the spectrum by a smooth random curve of up to *most* dB in either direction."""
    octaves = np.log2(frequencies(waveform) / LOWEST)
    centres = np.linspace(0, np.log2(MODEL_RATE / 2 / LOWEST), BANDS)
    decibels = np.interp(octaves, centres, rng.uniform(-most, most, BANDS))
    return filtered(waveform, 10 ** (decibels / 20))


def _butterworth(ratio: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return the gains of a Butterworth filter by the ratio of the frequency to its corner."""
    order = int(rng.integers(ORDERS[0], ORDERS[1] + 1))
    gains: FloatArray = (1 + ratio ** (2 * order)) ** -0.5
    return gains


def _size(waveform: FloatArray) -> int:
    return int(next_fast_len(len(waveform) + PADDING, real=True))
