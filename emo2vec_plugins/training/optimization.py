"""The learning rate schedule, the loss, and the moving average of the weights."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from emo2vec_plugins.training.recipe import Recipe

START = 1 / 25
"""Initial learning rate, as a share of the highest."""

FLOOR = {"one-cycle": 1e-4 / 25, "cosine": 0.1}
"""Final learning rate of each schedule, as a share of the highest."""


def learning_rate(recipe: Recipe, progress: float) -> float:
    """Return the learning rate at *progress*, from 0 to 1, of the training.

    The rate rises from a 25th to the highest during the recipe's *warmup*, then falls like a
    cosine. ``one-cycle`` follows Smith, arXiv:1708.07120, as implemented in torch, with constant
    momentum.

    torch's scheduler is not used: it needs the number of batches in advance, which differs between
    epochs, and a pure function has no state to save.
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
    logits: Tensor,
    targets: Tensor,
    *,
    weights: Tensor | None = None,
    smoothing: float = 0.0,
    offsets: Tensor | None = None,
) -> Tensor:
    """Return the cross-entropy, a scalar, as `torch.nn.functional.cross_entropy` of one-hot targets.

    *offsets* are added to the logits. Smoothing is divided in proportion to their exponentials, so
    that the logits that suit a clear turn best are equal for all other labels, as without offsets.

    Args:
        logits: Shape (turns, labels).
        targets: Probability of each label for each turn, shape (turns, labels).
        weights: Weight of errors in each label, shape (labels,); None for equal weights. The result
            is divided by the weights of the targets.
        smoothing: Share of the target that is divided among all labels.
        offsets: Shape (labels,), as from `emo2vec_plugins.training.prior.offsets`; None for 0.
    """
    # In float32 even under autocast, as float16 is too coarse for a softmax.
    offsets = targets.new_zeros(targets.shape[1]) if offsets is None else offsets
    logs = (logits.float() + offsets).log_softmax(dim=1)
    weights = logs.new_ones(logs.shape[1]) if weights is None else weights
    smooth = (1 - smoothing) * targets + smoothing * offsets.softmax(dim=0)
    return -(smooth * weights * logs).sum() / (targets * weights).sum()


def loss_of_heads(
    logits: Tensor,
    targets: Tensor,
    spans: Sequence[slice],
    *,
    weights: Tensor | None = None,
    smoothing: float = 0.0,
    offsets: Tensor,
) -> Tensor:
    """Return the mean cross-entropy over all turns, each among the labels of its own head.

    Args:
        logits: Shape (turns, rows of all heads).
        targets: Probability of each row for each turn, of the same shape; zero for other heads.
        spans: The rows of each head; those of the model come first.
        weights: As in `class_loss`, for the model's head.
        smoothing: As in `class_loss`.
        offsets: As in `class_loss`, shape (rows of all heads,).
    """
    total = logits.new_zeros((), dtype=torch.float32)
    for span in spans:
        own = targets[:, span].sum(dim=1) > 0
        if own.any():
            mean = class_loss(
                logits[own, span],
                targets[own, span],
                weights=weights if span.start == 0 else None,
                smoothing=smoothing,
                offsets=offsets[span],
            )
            total = total + mean * (own.sum() / len(targets))
    return total


def class_weights(labels: Sequence[str], names: Sequence[str]) -> Tensor:
    """Return weights inversely proportional to label frequency, with mean 1 over all turns.

    >>> class_weights(["sad", "sad", "sad", "happy"], ["happy", "sad"])
    tensor([2.0000, 0.6667])
    """
    weights = compute_class_weight("balanced", classes=np.array(names), y=np.array(labels))
    return torch.tensor(weights, dtype=torch.float32)


def moving_average(model: nn.Module, steps: int | None) -> AveragedModel | None:
    """Return an exponential moving average of the weights over about *steps* steps.

    Returns:
        None if *steps* is None.
    """
    if steps is None:
        return None
    decay = get_ema_multi_avg_fn(1 - 1 / steps)  # type: ignore[no-untyped-call]
    return AveragedModel(model, multi_avg_fn=decay)


def _cosine(first: float, last: float, done: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * done)) / 2
