"""Numbers on their way to a device, for which nobody waits."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def upload(values: Tensor | Sequence[int] | Sequence[float], device: torch.device) -> Tensor:
    """Return values on a device.

    An ordinary copy to a GPU waits until all that is in its queue is done; one from pinned memory
    takes its place in the queue.
    """
    made = values if isinstance(values, Tensor) else torch.tensor(values, device="cpu")
    if device.type != "cuda":
        return made.to(device)
    return made.pin_memory().to(device, non_blocking=True)
