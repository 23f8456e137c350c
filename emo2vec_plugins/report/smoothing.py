"""What probability each emotion has at each moment, by turns or smoothed: pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from emo2vec_plugins.core import ScoredTurn

Floats = npt.NDArray[np.float64]

LEAST = 0.02
"""Share of the bell in which there is to be speech, for there to be a probability."""

_BLOCK = 16  # moments at a time: memory is that times the number of turns near them
_FAR = 8  # standard deviations: the area of the bell beyond is nothing in double precision


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Smoothed:
    """Probabilities over time.

    Attributes:
        times: Shape (moments,), in seconds.
        probabilities: Shape (moments, labels); rows of NaN where nobody speaks.
    """

    times: Floats
    probabilities: Floats


def smoothed(
    turns: Sequence[ScoredTurn],
    *,
    labels: Sequence[str],
    start: float,
    end: float,
    seconds: float,
    moments: int = 600,
) -> Smoothed:
    """Return the mean probability of each label around each moment, by time.

    Around a moment lies a bell curve with a standard deviation of *seconds*. Each turn counts as
    much as the part of the bell's area that lies over it, so long turns count more than short
    ones, and near ones more than far ones. Where less than 2 % of the area lies over turns, there
    is no probability.

    Args:
        turns: Of one speaker. Those without probabilities count as silence.
        labels: Whose probabilities to return, in that order.
        start: First moment, in seconds.
        end: Last moment.
        seconds: Standard deviation, above 0.
        moments: How many, evenly spaced.
    """
    scored = with_scores(turns)
    times = np.linspace(start, end, moments)
    starts = np.array([each.turn.start for each in scored], dtype=float)
    ends = np.array([each.turn.end for each in scored], dtype=float)
    values = probabilities(scored, labels=labels)
    rows = []
    for i in range(0, moments, _BLOCK):
        block = times[i : i + _BLOCK, None]
        # Only turns under the bell: the product of all turns and moments would fill the memory.
        near = (ends >= block[0] - _FAR * seconds) & (starts <= block[-1] + _FAR * seconds)
        rows.append(_means(block, starts[near], ends[near], values[near], seconds))
    return Smoothed(times=times, probabilities=np.concatenate(rows))


def with_scores(turns: Iterable[ScoredTurn]) -> list[ScoredTurn]:
    """Return the turns that have a probability of each class, not a label alone."""
    return [each for each in turns if each.emotion.scores]


def probabilities(turns: Sequence[ScoredTurn], *, labels: Sequence[str]) -> Floats:
    """Return the turns' probabilities, of shape (turns, labels); 0 for classes they have not."""
    rows = [[each.emotion.scores.get(label, 0.0) for label in labels] for each in turns]
    return np.array(rows, dtype=float).reshape(len(turns), len(labels))


# numpy has none, and SciPy is of another extra.
_error_function = np.vectorize(math.erf, otypes=[float])


def _means(times: Floats, starts: Floats, ends: Floats, values: Floats, seconds: float) -> Floats:
    weights = _area((ends - times) / seconds) - _area((starts - times) / seconds)
    sums = weights.sum(axis=1, keepdims=True)
    known = sums >= LEAST
    means: Floats = np.where(known, weights @ values / np.where(known, sums, 1.0), np.nan)
    return means


def _area(deviations: Floats) -> Floats:
    """Return the area of the normal bell curve up to so many standard deviations."""
    area: Floats = 0.5 * (1 + _error_function(deviations / math.sqrt(2)))
    return area
