"""Measurements of the sound of one turn, in a single pass over its samples."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from emo2vec_plugins.audio import MODEL_RATE
from emo2vec_plugins.core import FloatArray
from emo2vec_plugins.engine import HOP

HIGH = 4_000
"""Frequency in Hz above which sound counts as high."""

LEAST_LEVEL = -120.0
"""Lowest level in dB; digital silence has it as well."""

SILENT = -60.0
"""Level in dB of full scale; if the loudest frames are below it, a turn is silent."""

STEADY = 3.0
"""Range of levels in dB; the levels of the frames of speech vary by more than this."""

_FULL_SCALE = 0.999
_WINDOW = np.hanning(HOP)
"""In float64, as squares of float32 overflow from 1e19, which files of float samples may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """Numbers about the sound of a turn.

    Attributes:
        digest: SHA-256 of its samples at 16 kHz.
        level: Mean level (RMS) in dB of full scale.
        peak: Largest sample in dB of full scale.
        floor: Level of its quietest frames (10th percentile, without digital silence), in dB
            relative to *level*.
        high: Energy above `HIGH`, in dB relative to all energy.
        zeros: Share of frames that are digital silence.
        clipped: Share of samples at full scale.
        loudest: Level of its loudest frames (95th percentile) in dB of full scale.
    """

    digest: str
    level: float
    peak: float
    floor: float
    high: float
    zeros: float
    clipped: float
    loudest: float

    @property
    def is_silent(self) -> bool:
        """Whether there is hardly any sound, or only a steady one such as hum or noise."""
        return self.loudest < SILENT or self.loudest - (self.level + self.floor) < STEADY


def measure(blocks: Iterable[FloatArray]) -> Sound:
    """Measure a turn.

    Args:
        blocks: Its samples at 16 kHz in order, at least one frame; only one block is kept.
    """
    seen = hashlib.sha256()
    rest = np.empty(0, np.float32)
    spectrum = np.zeros(HOP // 2 + 1)
    energies: list[FloatArray] = []
    count = clipped = 0
    energy = peak = 0.0
    for block in blocks:
        seen.update(block.tobytes())
        size = np.abs(block)
        count += len(block)
        clipped += int((size >= _FULL_SCALE).sum())
        peak = max(peak, float(size.max(initial=0.0)))
        energy += float(np.square(block, dtype=np.float64).sum())
        samples = np.concatenate([rest, block])
        whole = len(samples) - len(samples) % HOP
        frames, rest = samples[:whole].reshape(-1, HOP), samples[whole:]
        energies.append(np.square(frames, dtype=np.float64).mean(axis=1))
        spectrum += np.square(np.abs(np.fft.rfft(frames * _WINDOW))).sum(axis=0)
    every = np.concatenate(energies)
    levels = _decibels(every[every > 0])
    level = float(_decibels(energy / count))
    quiet, loudest = np.percentile(levels, [10, 95]) if len(levels) else (level, level)
    high = spectrum[HIGH * HOP // MODEL_RATE :].sum() / max(spectrum.sum(), 1e-30)
    return Sound(
        digest=seen.hexdigest(),
        level=level,
        peak=float(_decibels(peak * peak)),
        floor=float(quiet) - level,
        high=float(_decibels(high)),
        zeros=float((every == 0).mean()),
        clipped=clipped / count,
        loudest=float(loudest),
    )


def _decibels(power: FloatArray | float) -> FloatArray:
    """Return the level of a power in dB, at least `LEAST_LEVEL`."""
    level: FloatArray = np.maximum(10 * np.log10(np.maximum(power, 1e-30)), LEAST_LEVEL)
    return level
