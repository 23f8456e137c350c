"""Which turns are in which batch: drawn by label, put together by Lhotse's sampler.

Lhotse's ``WeightedSimpleCutSampler`` draws from numpy's global random state, never the same cut
twice in an epoch, and so cannot balance classes of unequal size, nor draw the same again after a
kill. So turns are drawn here, and `SimpleCutSampler` makes the batches.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from lhotse import CutSet, MonoCut
from lhotse.dataset.sampling import SimpleCutSampler

from emo2vec_plugins.training.examples import Example
from emo2vec_plugins.training.recipe import Recipe


def batches(examples: Sequence[Example], recipe: Recipe, *, epoch: int) -> list[list[int]]:
    """Return the batches of an epoch, as indices into *examples*; the same for the same epoch.

    Args:
        examples: To draw from.
        recipe: Of which the seed, *balance* and the limits of a batch count.
        epoch: From 0.
    """
    order = draw([each.label for each in examples], recipe, epoch=epoch)
    return _batched(examples, order, recipe)


def in_order(examples: Sequence[Example], recipe: Recipe) -> list[list[int]]:
    """Return batches of all examples in their order, for evaluation."""
    return _batched(examples, range(len(examples)), recipe)


def draw(labels: Sequence[str], recipe: Recipe, *, epoch: int) -> list[int]:
    """Return an epoch's turns in random order, as many as there are labels.

    Balanced, labels are drawn equally often, up to one turn, and each turn of a label as often as
    any other, up to once: no turn is missing for long by chance. Otherwise every turn is drawn
    once.
    """
    rng = np.random.default_rng([recipe.seed, epoch])
    if not recipe.balance:
        return [int(index) for index in rng.permutation(len(labels))]
    names = sorted(set(labels))
    # Equal parts; which are greater by one is drawn.
    shares = np.full(len(names), len(labels) // len(names))
    shares[rng.permutation(len(names))[: len(labels) % len(names)]] += 1
    drawn: list[int] = []
    for name, share in zip(names, shares.tolist(), strict=True):
        own = [index for index, label in enumerate(labels) if label == name]
        for left in range(share, 0, -len(own)):
            drawn += [own[i] for i in rng.permutation(len(own))[:left]]
    return [drawn[i] for i in rng.permutation(len(drawn))]


def _batched(examples: Sequence[Example], order: Sequence[int], recipe: Recipe) -> list[list[int]]:
    """Put indices together in their order, up to the limits of a batch."""
    # One cut a turn, without audio and as long as the turn is in training. Longer than a whole
    # batch, it would make the sampler warn, and comes alone anyway.
    most = min(recipe.max_seconds, recipe.batch_seconds)
    cuts = CutSet.from_cuts(
        MonoCut(id=str(place), start=0.0, duration=min(examples[index].duration, most), channel=0)
        for place, index in enumerate(order)
    )
    limits = {"max_duration": recipe.batch_seconds, "max_cuts": recipe.batch_turns}
    # Not shuffled, as turns are drawn already; of a world of one, or it asks torch.distributed.
    sampler = SimpleCutSampler(cuts, **limits, shuffle=False, world_size=1, rank=0)
    return [[order[int(cut.id)] for cut in batch] for batch in sampler]
