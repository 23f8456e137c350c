"""What an optimizer needs beside AdamW: the learning rate, the loss, an average of the weights."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from emo2vec_plugins.training.recipe import Recipe

START = 1 / 25
"""Share of the highest rate that training begins with."""

FLOOR = {"one-cycle": 1e-4 / 25, "cosine": 0.1}
"""Share of the highest rate that training ends with."""


def learning_rate(recipe: Recipe, progress: float) -> float:
    """Return the learning rate when *progress*, from 0 to 1, of the training is done.

    It rises from a 25th to the highest in the recipe's *warmup* and falls as a cosine does; the
    ``one-cycle`` of Smith, arXiv:1708.07120, as torch has it, with momentum left alone.

    Not torch's scheduler: epochs differ in their number of batches, which it would have to know
    beforehand, and a pure function has no state to save.
    """
    progress = min(max(progress, 0.0), 1.0)
    if progress < recipe.warmup:
        factor = _cosine(START, 1.0, progress / recipe.warmup)
    elif recipe.schedule == "constant" or recipe.warmup == 1.0:
        factor = 1.0
    else:
        done = (progress - recipe.warmup) / (1.0 - recipe.warmup)
        factor = _cosine(1.0, FLOOR[recipe.schedule], done)
    return recipe.peak_rate * factor


def class_loss(
    logits: Tensor, labels: Tensor, *, weights: Tensor | None = None, smoothing: float = 0.0
) -> Tensor:
    """Return the cross-entropy, a scalar.

    Args:
        logits: Shape (turns, labels).
        labels: Shape (turns,).
        weights: Shape (labels,), of the errors in each label; None for all alike.
        smoothing: Share of the target that all labels divide among them.
    """
    # In float32 whatever autocast made of them: float16 is too coarse for a softmax.
    return F.cross_entropy(logits.float(), labels, weights, label_smoothing=smoothing)


def class_weights(labels: Sequence[str], names: Sequence[str]) -> Tensor:
    """Return weights inverse to how frequent each label is; over all turns they average 1.

    >>> class_weights(["sad", "sad", "sad", "happy"], ["happy", "sad"])
    tensor([2.0000, 0.6667])
    """
    weights = compute_class_weight("balanced", classes=np.array(names), y=np.array(labels))
    return torch.tensor(weights, dtype=torch.float32)


def moving_average(model: nn.Module, steps: int | None) -> AveragedModel | None:
    """Return an exponential moving average of weights over about so many steps; None for none."""
    if steps is None:
        return None
    decay = get_ema_multi_avg_fn(1 - 1 / steps)  # type: ignore[no-untyped-call]
    return AveragedModel(model, multi_avg_fn=decay)


def _cosine(first: float, last: float, done: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * done)) / 2
