"""What training makes small: the error in the classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it


def class_loss(
    logits: Tensor, labels: Tensor, *, weights: Tensor | None, smoothing: float
) -> Tensor:
    """Return the cross-entropy, a scalar, in float32.

    Args:
        logits: Shape (turns, classes).
        labels: Shape (turns,).
        weights: Shape (classes,), of each class's errors; None for all alike.
        smoothing: Share of the target that all classes divide among them.
    """
    return F.cross_entropy(logits.float(), labels, weights, label_smoothing=smoothing)


def class_weights(labels: Sequence[str], classes: Sequence[str]) -> Tensor:
    """Return weights inverse to how frequent each class is; over all turns they average 1.

    >>> class_weights(["sad", "sad", "sad", "happy"], ["happy", "sad"])
    tensor([2.0000, 0.6667])
    """
    counts = Counter(labels)
    return torch.tensor([len(labels) / len(classes) / counts[name] for name in classes])
