"""Intervals by the bootstrap: the same statistic of turns drawn again and again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.evaluation.predictions import Prediction

ResampleBy = Literal["turn", "speaker", "recording"]
LEVEL = 95.0
"""Per cent of the draws that an interval holds."""

Weights = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
Statistic = Callable[[Weights], Values]
"""From how often each turn was drawn, shape (draws, turns), to numbers, shape (draws, numbers)."""

AT_ONCE = 1 << 22
"""Most weights that are in memory at a time."""


def units_of(predictions: Sequence[Prediction], by: ResampleBy) -> npt.NDArray[np.int64]:
    """Return the number of the unit that each turn belongs to, shape (turns,).

    Turns of one speaker are alike, so that drawing turns makes intervals too narrow; drawing
    whole speakers or recordings does not.

    Raises:
        OptionsError: If there is no such unit, or a turn does not say to which it belongs.
    """
    if by not in ("turn", "speaker", "recording"):
        raise OptionsError(f"resample by 'turn', 'speaker' or 'recording', got {by!r}")
    if by == "turn":
        return np.arange(len(predictions))
    names = [getattr(each, by) for each in predictions]
    lost = [each.id for each, name in zip(predictions, names, strict=True) if name is None]
    if lost:
        some = f"{len(lost)} of {len(names)} turns have none, the first is {lost[0]!r}"
        raise OptionsError(f"cannot draw whole {by}s: {some}")
    # Numbers instead of names: draws are then plain counts.
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def intervals(
    statistic: Statistic, units: npt.NDArray[np.int64], *, resamples: int, seed: int
) -> list[tuple[float | None, float | None]]:
    """Return the percentile interval of each number that *statistic* gives.

    ``scipy.stats.bootstrap`` is not used because a draw may lack a class, and then has no recall
    of it: such draws are left out of that one interval here, and would undo all of them there.

    Args:
        statistic: Is given some draws at a time; gives nan for what a draw does not define.
        units: What is drawn with replacement, as `units_of` gives it.
        resamples: How many draws; none give no intervals.
        seed: Of the draws; the same gives the same.

    Raises:
        OptionsError: If *resamples* is negative.
    """
    if resamples < 0:
        raise OptionsError(f"resamples must be 0 or more, got {resamples}")
    count = int(units.max()) + 1 if len(units) else 0
    if not resamples or count < 2:  # one unit gives the same turns in every draw
        return [(None, None)] * statistic(np.ones((1, len(units)), dtype=np.int64)).shape[1]
    generator = np.random.default_rng(seed)

    step = max(1, AT_ONCE // len(units))
    parts = []
    for start in range(0, resamples, step):
        # How often each unit is drawn, and with it each of its turns.
        draws = generator.integers(count, size=(min(step, resamples - start), count))
        weights = np.stack([np.bincount(draw, minlength=count) for draw in draws])[:, units]
        parts.append(statistic(weights))
    return [_percentiles(column) for column in np.concatenate(parts).T]


def _percentiles(column: Any) -> tuple[float | None, float | None]:
    # A draw that lacks a label does not define its recall, and all else.
    defined = column[~np.isnan(column)]
    if not len(defined):
        return None, None
    tail = (100 - LEVEL) / 2
    low, high = np.percentile(defined, [tail, 100 - tail])
    return float(low), float(high)
