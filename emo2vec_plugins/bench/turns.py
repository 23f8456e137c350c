"""Synthetic turns: noise, with turn lengths of meetings or of an RTTM file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emo2vec_plugins.audio import MODEL_RATE
from emo2vec_plugins.core import FloatArray
from emo2vec_plugins.engine import RECEPTIVE
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.formats import read_rttm

LONGEST = 30.0
"""Maximum seconds of a turn: the engine would split longer ones, the reference would not."""

SHORTEST = RECEPTIVE / MODEL_RATE
"""Minimum seconds of a turn: shorter ones have no frame, so no model can score them."""

SYLLABLES = 4.0
"""Syllables per second."""

LOUDNESS = 0.1
"""Root mean square; full scale is 1."""

# fmt: off
_MEETINGS = (
    (0, 0.10), (0.01, 0.18), (0.025, 0.24), (0.05, 0.27), (0.1, 0.48), (0.15, 0.71), (0.2, 0.84),
    (0.25, 1.06), (0.3, 1.21), (0.35, 1.44), (0.4, 1.64), (0.45, 1.88), (0.5, 2.16), (0.55, 2.48),
    (0.6, 2.88), (0.65, 3.36), (0.7, 3.97), (0.75, 4.74), (0.8, 5.76), (0.85, 7.20), (0.9, 9.61),
    (0.925, 11.59), (0.95, 14.55), (0.96, 15.97), (0.97, 18.01), (0.98, 21.75), (0.985, 24.24),
    (0.99, 29.11), (0.9925, 31.22), (0.995, 36.77), (0.9975, 44.32), (0.999, 52.88), (1, 96.48),
)
# fmt: on
"""Quantiles of the turn lengths: share of the turns, and their maximum length in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """Distribution of turn lengths.

    Attributes:
        source: Description of the source, for display.
        points: Quantiles: share of the turns (0 to 1), and their maximum length in seconds, with
            linear interpolation between points.
    """

    source: str
    points: tuple[tuple[float, float], ...]

    def quantiles(self, shares: Sequence[float]) -> list[float]:
        """Return the quantiles at *shares* in seconds, limited to `SHORTEST` and `LONGEST`."""
        x, y = zip(*self.points, strict=True)
        return [float(each) for each in np.clip(np.interp(shares, x, y), SHORTEST, LONGEST)]


MEETINGS = Distribution(source="18 meetings of the AMI corpus", points=_MEETINGS)
"""6,661 turns with a mean of 4.10 s. The corpus is at groups.inf.ed.ac.uk/ami, CC BY 4.0."""


def of_rttm(path: Path) -> Distribution:
    """Return the turn lengths of all recordings in an RTTM file, without turns too short to score.

    Raises:
        FormatError: If the file is not RTTM.
        OptionsError: If no turn is long enough to score.
        OSError: If the file cannot be read.
    """
    found = sorted(turn.duration for each in read_rttm(path) for turn in each.turns)
    lengths = [length for length in found if length >= SHORTEST]
    if not lengths:
        count = f"found none ({len(found)} shorter)"
        raise OptionsError(f"{path}: expected turns of {SHORTEST} s or more, {count}")
    points = zip(_middles(len(lengths)), lengths, strict=True)
    return Distribution(source=path.name, points=tuple(points))


def draw(distribution: Distribution, *, seconds: float, seed: int) -> tuple[int, ...]:
    """Return turn lengths in samples that add up to about *seconds*, in an order drawn by *seed*.

    The lengths are evenly spaced quantiles of the distribution, so even a few turns have its mix
    of short and long turns. All are between `SHORTEST` and `LONGEST`.
    """
    # The mean of 1000 even steps approximates the mean of the distribution.
    count = max(1, round(seconds / float(np.mean(distribution.quantiles(_middles(1000))))))
    lengths = distribution.quantiles(_middles(count))
    order = np.random.default_rng(seed).permutation(count)
    return tuple(round(lengths[place] * MODEL_RATE) for place in order)


def _middles(count: int) -> list[float]:
    return [(place + 0.5) / count for place in range(count)]


def speechlike(samples: int, *, seed: int) -> FloatArray:
    """Return mono float32 noise at 16 kHz with more energy at low frequencies, and an envelope.

    The time to score a clip depends only on its length, not on its content.
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
    """Return mono float32 audio at 16 kHz for each of *lengths*, which are in samples."""
    return [speechlike(length, seed=seed + place) for place, length in enumerate(lengths)]
