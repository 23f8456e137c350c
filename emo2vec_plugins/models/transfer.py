"""To a device and back: pieces into one waveform, frames or their sums out of it, all in bulk.

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

from emo2vec_plugins.engine import Layout, Piece
from emo2vec_plugins.models.upload import upload


def pack(pieces: Sequence[Piece], layout: Layout, device: torch.device) -> Tensor:
    """Return the pieces' samples, normalised on the device, where *layout* has them.

    Returns:
        Shape (samples,), float32; zeros between the pieces.
    """
    counts = [len(piece.samples) for piece in pieces]
    ends = list(accumulate(counts))
    raw = torch.empty(ends[-1], device="cpu", pin_memory=device.type == "cuda")
    view = raw.numpy()
    for piece, end, count in zip(pieces, ends, counts, strict=True):
        view[end - count : end] = piece.samples
    shifts = [s - (end - n) for s, end, n in zip(layout.starts, ends, counts, strict=True)]
    spread = _spreader(counts, device)
    mean = spread([piece.mean for piece in pieces])
    scale = spread([piece.scale for piece in pieces])
    place = torch.arange(ends[-1], device=device) + spread(shifts)
    packed = torch.zeros(layout.samples, device=device)
    packed[place] = (raw.to(device, non_blocking=True) - mean) * scale
    return packed


def pooled(frames: Tensor, pieces: Sequence[Piece], counts: Sequence[int]) -> Tensor:
    """Return the sum of those frames of each piece that it wants pooled.

    Args:
        frames: Shape (frames, n), the frames of all pieces, one after another.
        pieces: All of which say what they want.
        counts: How many frames each has.

    Returns:
        Shape (pieces, n), float64. A piece's sum is made of its own frames
        alone, so that NaN in one is none in another.
    """
    wanted = np.concatenate([piece.pool for piece in pieces if piece.pool is not None])
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
    """Return what repeats a value of each piece for every sample of it."""
    repeats, total = upload(counts, device), sum(counts)

    def spread(values: Sequence[int] | Sequence[float]) -> Tensor:
        return upload(values, device).repeat_interleave(repeats, output_size=total)

    return spread
