"""Batches of turns: sampled by label, and formed by Lhotse's sampler.

Lhotse's ``WeightedSimpleCutSampler`` uses numpy's global random state, so a resumed run would draw
other turns. It also never draws a cut twice in an epoch, so it cannot balance classes of unequal
size. Turns are therefore drawn here, and `SimpleCutSampler` forms the batches.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from lhotse import CutSet, MonoCut
from lhotse.dataset.sampling import SimpleCutSampler

from emo2vec_plugins.errors import TrainingError
from emo2vec_plugins.training.examples import Example
from emo2vec_plugins.training.heads import corpora
from emo2vec_plugins.training.recipe import Recipe


def batches(examples: Sequence[Example], recipe: Recipe, *, epoch: int) -> list[list[int]]:
    """Return the batches of an epoch, as indices into *examples*.

    The result depends only on the arguments, so a resumed run gets the same batches.

    Args:
        examples: The turns to draw from.
        recipe: Only the seed, *balance*, *shares* and the limits of a batch are used.
        epoch: Number of the epoch, from 0.
    """
    labels = [each.label for each in examples]
    names = corpora(examples) if recipe.shares else None
    return _batched(examples, draw(labels, recipe, epoch=epoch, corpora=names), recipe)


def in_order(examples: Sequence[Example], recipe: Recipe) -> list[list[int]]:
    """Return batches of all examples in order, for evaluation, without augmentation."""
    return _batched(examples, range(len(examples)), recipe.without_augmentation())


def draw(
    labels: Sequence[str], recipe: Recipe, *, epoch: int, corpora: Sequence[str] | None = None
) -> list[int]:
    """Return the turns of an epoch in random order; there are as many as *labels*.

    With *balance*, the counts of labels differ by at most one, and so do the counts of turns with
    the same label. So no turn is left out for many epochs by chance. Otherwise every turn is drawn
    once. With *shares*, the same is true within each corpus.

    Args:
        labels: Label of each turn.
        recipe: Only the seed, *balance* and *shares* are used.
        epoch: Number of the epoch, from 0.
        corpora: Corpus of each turn; needed for *shares*.

    Raises:
        TrainingError: As `shares_of` does.
    """
    rng = np.random.default_rng([recipe.seed, epoch])
    drawn: list[int] = []
    for own, count in _of_corpora(corpora, len(labels), recipe.shares):
        by_label = [
            [i for i in own if labels[i] == name] for name in sorted({labels[i] for i in own})
        ]
        groups = by_label if recipe.balance else [own]
        # Equal shares; the labels with one turn more are drawn at random.
        counts = np.full(len(groups), count // len(groups))
        counts[rng.permutation(len(groups))[: count % len(groups)]] += 1
        for group, wanted in zip(groups, counts.tolist(), strict=True):
            for left in range(wanted, 0, -len(group)):
                drawn += [group[i] for i in rng.permutation(len(group))[:left]]
    return [drawn[i] for i in rng.permutation(len(drawn))]


def _of_corpora(
    corpora: Sequence[str] | None, total: int, shares: Mapping[str, float]
) -> list[tuple[list[int], int]]:
    """Return the turns of each corpus and how many to draw; without shares, all turns at once."""
    if corpora is None:
        return [(list(range(total)), total)]
    own = shares_of(corpora, shares)
    # Rounded cumulative shares, so that the counts add up.
    edges = np.rint(np.cumsum([0.0, *own.values()]) / sum(own.values()) * total).astype(int)
    return [
        ([i for i, corpus in enumerate(corpora) if corpus == name], int(count))
        for name, count in zip(own, np.diff(edges), strict=True)
    ]


def shares_of(corpora: Collection[str], shares: Mapping[str, float]) -> dict[str, float]:
    """Return the shares of the corpora of training turns, without those of left-out corpora.

    Raises:
        TrainingError: If a corpus has no share, or all of them have a share of 0.
    """
    present = set(corpora)
    if unlisted := sorted(present - shares.keys()):
        raise TrainingError(
            "shares: expected a share for each corpus of the training turns, got none for "
            f"{', '.join(unlisted)}; the shares are for {', '.join(shares)}"
        )
    own = {name: share for name, share in shares.items() if name in present}
    if not any(own.values()):
        raise TrainingError(
            f"shares: all training turns are of {', '.join(own)}, with a share of 0"
        )
    return own


def _batched(examples: Sequence[Example], order: Sequence[int], recipe: Recipe) -> list[list[int]]:
    """Split indices into batches in order, up to the limits of a batch."""
    # One cut without audio per turn, as long as the turn may be in training. The sampler would warn
    # of a cut longer than a batch; such a turn gets a batch of its own anyway.
    cuts = CutSet.from_cuts(
        MonoCut(
            id=str(place),
            start=0.0,
            duration=min(recipe.longest(examples[index].duration), recipe.batch_seconds),
            channel=0,
        )
        for place, index in enumerate(order)
    )
    limits = {"max_duration": recipe.batch_seconds, "max_cuts": recipe.batch_turns}
    # Not shuffled, as the order is random already. The world size is given, as the sampler would
    # otherwise ask torch.distributed.
    sampler = SimpleCutSampler(cuts, **limits, shuffle=False, world_size=1, rank=0)
    return [[order[int(cut.id)] for cut in batch] for batch in sampler]
