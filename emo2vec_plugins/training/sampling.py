"""Batches of turns: sampled by label, and formed by Lhotse's sampler.

Lhotse's ``WeightedSimpleCutSampler`` uses numpy's global random state, so a resumed run would draw
other turns. It also never draws a cut twice in an epoch, so it cannot balance classes of unequal
size. Turns are therefore drawn here, and `SimpleCutSampler` forms the batches.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from lhotse import CutSet, MonoCut
from lhotse.dataset.sampling import SimpleCutSampler

from emo2vec_plugins.training.examples import Example
from emo2vec_plugins.training.recipe import Recipe


def batches(examples: Sequence[Example], recipe: Recipe, *, epoch: int) -> list[list[int]]:
    """Return the batches of an epoch, as indices into *examples*.

    The result depends only on the arguments, so a resumed run gets the same batches.

    Args:
        examples: The turns to draw from.
        recipe: Only the seed, *balance* and the limits of a batch are used.
        epoch: Number of the epoch, from 0.
    """
    order = draw([each.label for each in examples], recipe, epoch=epoch)
    return _batched(examples, order, recipe)


def in_order(examples: Sequence[Example], recipe: Recipe) -> list[list[int]]:
    """Return batches of all examples in order, for evaluation."""
    return _batched(examples, range(len(examples)), recipe)


def draw(labels: Sequence[str], recipe: Recipe, *, epoch: int) -> list[int]:
    """Return the turns of an epoch in random order; there are as many as *labels*.

    With *balance*, the counts of labels differ by at most one, and so do the counts of turns with
    the same label. So no turn is left out for many epochs by chance. Otherwise every turn is drawn
    once.

    Args:
        labels: Label of each turn.
        recipe: Only the seed and *balance* are used.
        epoch: Number of the epoch, from 0.
    """
    rng = np.random.default_rng([recipe.seed, epoch])
    if not recipe.balance:
        return [int(index) for index in rng.permutation(len(labels))]
    names = sorted(set(labels))
    # Equal shares; the labels with one turn more are drawn at random.
    shares = np.full(len(names), len(labels) // len(names))
    shares[rng.permutation(len(names))[: len(labels) % len(names)]] += 1
    drawn: list[int] = []
    for name, share in zip(names, shares.tolist(), strict=True):
        own = [index for index, label in enumerate(labels) if label == name]
        for left in range(share, 0, -len(own)):
            drawn += [own[i] for i in rng.permutation(len(own))[:left]]
    return [drawn[i] for i in rng.permutation(len(drawn))]


def _batched(examples: Sequence[Example], order: Sequence[int], recipe: Recipe) -> list[list[int]]:
    """Split indices into batches in order, up to the limits of a batch."""
    # One cut without audio per turn, as long as the turn is in training. The sampler would warn of
    # a cut longer than a batch; such a turn gets a batch of its own anyway.
    most = min(recipe.max_seconds, recipe.batch_seconds)
    cuts = CutSet.from_cuts(
        MonoCut(id=str(place), start=0.0, duration=min(examples[index].duration, most), channel=0)
        for place, index in enumerate(order)
    )
    limits = {"max_duration": recipe.batch_seconds, "max_cuts": recipe.batch_turns}
    # Not shuffled, as the order is random already. The world size is given, as the sampler would
    # otherwise ask torch.distributed.
    sampler = SimpleCutSampler(cuts, **limits, shuffle=False, world_size=1, rank=0)
    return [[order[int(cut.id)] for cut in batch] for batch in sampler]
