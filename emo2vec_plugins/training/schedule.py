"""How fast a network learns at each moment of its training: pure functions, no state."""

from __future__ import annotations

import math

from emo2vec_plugins.training.recipe import Recipe

START = 1 / 25
"""Share of the highest rate that training begins with."""

FLOOR = {"one-cycle": 1e-4 / 25, "cosine": 0.1}
"""Share of the highest rate that training ends with."""


def rate(recipe: Recipe, progress: float) -> float:
    """Return the learning rate when *progress*, from 0 to 1, of the training is done.

    It rises from a 25th to the highest in the recipe's *warmup* and falls as a cosine does; the
    ``one-cycle`` of Smith, arXiv:1708.07120, as torch has it, with momentum left alone.
    """
    return recipe.peak_rate * _factor(recipe, min(max(progress, 0.0), 1.0))


def _factor(recipe: Recipe, progress: float) -> float:
    if progress < recipe.warmup:
        return _between(START, 1.0, progress / recipe.warmup)
    if recipe.schedule == "constant" or recipe.warmup == 1.0:
        return 1.0
    done = (progress - recipe.warmup) / (1.0 - recipe.warmup)
    return _between(1.0, FLOOR[recipe.schedule], done)


def _between(first: float, last: float, done: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * done)) / 2
