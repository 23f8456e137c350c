"""To a device and back: chunks into one waveform, frames or their sums out of it, all in bulk.

With CUDA nothing here is to wait: what is copied lies in pinned memory, and the copying in the
device's queue, so that the next batch is prepared while this one runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from torch import Tensor

from emo2vec_plugins.engine import Chunk, Layout
from emo2vec_plugins.models.upload import upload


def pack(chunks: Sequence[Chunk], layout: Layout, device: torch.device) -> Tensor:
    """Return the chunks' samples, normalised on the device, where *layout* has them.

    Returns:
        Shape (samples,), float32; zeros between the chunks.
    """
    counts = [len(chunk.samples) for chunk in chunks]
    ends = list(accumulate(counts))
    raw = torch.empty(ends[-1], device="cpu", pin_memory=device.type == "cuda")
    view = raw.numpy()
    for chunk, end, count in zip(chunks, ends, counts, strict=True):
        view[end - count : end] = chunk.samples
    shifts = [s - (end - n) for s, end, n in zip(layout.starts, ends, counts, strict=True)]
    spread = _spreader(counts, device)
    mean = spread([chunk.mean for chunk in chunks])
    scale = spread([chunk.scale for chunk in chunks])
    place = torch.arange(ends[-1], device=device) + spread(shifts)
    packed = torch.zeros(layout.samples, device=device)
    packed[place] = (raw.to(device, non_blocking=True) - mean) * scale
    return packed


def pooled(frames: Tensor, chunks: Sequence[Chunk], counts: Sequence[int]) -> Tensor:
    """Return the sum of those frames of each chunk that it wants pooled.

    Args:
        frames: Shape (frames, n), the frames of all chunks, one after another.
        chunks: All of which say what they want.
        counts: How many frames each has.

    Returns:
        Shape (chunks, n), float64. A chunk's sum is made of its own frames
        alone, so that NaN in one is none in another.
    """
    wanted = np.concatenate([chunk.pool for chunk in chunks if chunk.pool is not None])
    if frames.device.type not in ("cpu", "cuda"):
        frames = frames.cpu()  # others have neither float64 nor sums of segments
    mask = upload(torch.from_numpy(wanted), frames.device)[:, None]
    lengths = upload(counts, frames.device)
    kept = torch.where(mask, frames.double(), 0.0)
    return torch.segment_reduce(kept, "sum", lengths=lengths, axis=0, unsafe=True)


def send_back(tensors: Sequence[Tensor]) -> Callable[[], list[Any]]:
    """Start copies to the CPU; return what waits for them and gives them as numpy arrays."""
    if not all(tensor.is_cuda for tensor in tensors):
        arrays = [tensor.cpu().numpy() for tensor in tensors]
        return lambda: arrays
    copies = [torch.empty(t.shape, dtype=t.dtype, device="cpu", pin_memory=True) for t in tensors]
    for copy, tensor in zip(copies, tensors, strict=True):
        copy.copy_(tensor, non_blocking=True)
    done = torch.cuda.current_stream(tensors[0].device).record_event()

    def wait() -> list[Any]:
        done.synchronize()
        return [copy.numpy() for copy in copies]

    return wait


def _spreader(
    counts: Sequence[int], device: torch.device
) -> Callable[[Sequence[int] | Sequence[float]], Tensor]:
    """Return what repeats a value of each chunk for every sample of it."""
    repeats, total = upload(counts, device), sum(counts)

    def spread(values: Sequence[int] | Sequence[float]) -> Tensor:
        return upload(values, device).repeat_interleave(repeats, output_size=total)

    return spread
