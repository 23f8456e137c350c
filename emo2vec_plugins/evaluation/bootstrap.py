"""Bootstrap intervals: a statistic recomputed on turns drawn with replacement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from emo2vec_plugins.core import shown
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.evaluation.predictions import Prediction

LEVEL = 95.0
"""Coverage of an interval, in per cent of the draws."""

LEAST_UNITS = 5
"""Fewest units to draw from: draws of two or three speakers say nothing about other speakers."""

Weights = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
Statistic = Callable[[Weights], Values]
"""Maps draw counts of turns, shape (draws, turns), to values, shape (draws, values)."""

AT_ONCE = 1 << 22
"""Maximum number of weights in memory at a time."""


def units_of(predictions: Sequence[Prediction], by: str) -> npt.NDArray[np.int64]:
    """Return the index of the unit of each turn, shape (turns,).

    Turns of one speaker are similar, so intervals from drawing turns are too narrow. Drawing
    whole speakers or recordings avoids this.

    Args:
        predictions: The turns.
        by: ``turn``, ``speaker``, ``recording``, or one of the turns' fields.

    Raises:
        OptionsError: If a turn does not name its unit.
    """
    if by == "turn":
        return np.arange(len(predictions))
    unnamed = [each.id for each in predictions if each.value(by) is None]
    if unnamed:
        found = f"missing for {len(unnamed)} of {len(predictions)} turns, first {unnamed[0]!r}"
        raise OptionsError(f"cannot resample by {shown(by)}: {found}")
    # Indices instead of names, so that draws are plain counts.
    names = [str(each.value(by)) for each in predictions]
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def intervals(
    statistic: Statistic, units: npt.NDArray[np.int64], *, resamples: int, seed: int
) -> list[tuple[float | None, float | None]]:
    """Return the percentile interval of each value of *statistic*.

    ``scipy.stats.bootstrap`` does not work here: a draw may lack a class and then has no recall
    for it. This function leaves such a draw out of that one interval; scipy does not.

    Args:
        statistic: Called with several draws at a time; returns nan where a draw does not define
            a value.
        units: The unit of each turn, from `units_of`; units are drawn with replacement. Fewer than
            `LEAST_UNITS` have no interval.
        resamples: Number of draws; 0 returns (None, None) for each value.
        seed: Seed of the draws. The same seed gives the same intervals.

    Raises:
        OptionsError: If *resamples* is negative.
    """
    if resamples < 0:
        raise OptionsError(f"resamples must be 0 or more, got {resamples}")
    count = int(units.max()) + 1 if len(units) else 0
    if not resamples or count < LEAST_UNITS:
        return [(None, None)] * statistic(np.ones((1, len(units)), dtype=np.int64)).shape[1]
    generator = np.random.default_rng(seed)

    step = max(1, AT_ONCE // len(units))
    parts = []
    for start in range(0, resamples, step):
        # Draw counts per unit, then per turn.
        draws = generator.integers(count, size=(min(step, resamples - start), count))
        weights = np.stack([np.bincount(draw, minlength=count) for draw in draws])[:, units]
        parts.append(statistic(weights))
    return [_percentiles(column) for column in np.concatenate(parts).T]


def _percentiles(column: Any) -> tuple[float | None, float | None]:
    # A draw without some label leaves only the recall of that label undefined.
    defined = column[~np.isnan(column)]
    if not len(defined):
        return None, None
    tail = (100 - LEVEL) / 2
    low, high = np.percentile(defined, [tail, 100 - tail])
    return float(low), float(high)
