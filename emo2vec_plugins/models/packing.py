"""Clips laid one after another in one waveform, copied to a device and back in bulk.

A batch is one waveform. Clips start at multiples of the hop, so a clip's frames are those it has
alone; at least `gap` frames that belong to no clip stand between two clips, which, set to zero,
are the padding that a positional convolution gives a clip alone.

No copy waits for a CUDA device: what is copied lies in pinned memory, and the copy takes its place
in the device's queue, so that the next batch is prepared while this one runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from torch import Tensor

from emo2vec_plugins.engine import HOP, RECEPTIVE, Chunk, frame_count


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each clip of a batch lies.

    Attributes:
        starts: First sample of each clip in the batch, multiples of the hop.
        frames: The frames of each clip, counted over the whole batch.
        samples: Length of the batch's waveform, `rounded` up.
    """

    starts: tuple[int, ...]
    frames: tuple[slice, ...]
    samples: int


def lay(lengths: Sequence[int], *, gap: int) -> Layout:
    """Lay clips of *lengths* samples one after another, *gap* frames or more apart.

    >>> lay([720, 400], gap=9)
    Layout(starts=(0, 3520), frames=(slice(0, 2, None), slice(11, 12, None)), samples=3968)
    """
    starts, frames, next_frame, end = [], [], 0, 0
    for length in lengths:
        count = frame_count(length)
        starts.append(next_frame * HOP)
        frames.append(slice(next_frame, next_frame + count))
        end = next_frame * HOP + length
        # Samples after the last frame may reach one hop further than the frames do.
        next_frame = max(next_frame + count + gap, -(-end // HOP))
    return Layout(tuple(starts), tuple(frames), rounded(max(end, RECEPTIVE)))


def rounded(samples: int) -> int:
    """Round a batch's length up, by at most a sixteenth, to one of 16 lengths in each octave.

    Libraries of convolutions prepare and keep something for every length that they meet; without
    this, memory would grow with the number of batches. What is added belongs to no clip.

    >>> [rounded(n) for n in (400, 16_000, 480_001)]
    [400, 16384, 491520]
    """
    step = max(1, 1 << (samples.bit_length() - 5))
    return -(-samples // step) * step


def upload(values: Tensor | Sequence[int] | Sequence[float], device: torch.device) -> Tensor:
    """Return values on a device.

    Args:
        values: A tensor on the CPU, or numbers for one of shape (numbers,).
        device: Where to.
    """
    made = values if isinstance(values, Tensor) else torch.tensor(values, device="cpu")
    if device.type != "cuda":
        return made.to(device)
    # An ordinary copy to a GPU waits until all that is in its queue is done. One from pinned
    # memory is queued, and torch keeps that memory until the copy is over.
    return made.pin_memory().to(device, non_blocking=True)


def pack(chunks: Sequence[Chunk], layout: Layout, device: torch.device) -> Tensor:
    """Return the chunks' samples, normalised on the device, where *layout* has them.

    Returns:
        Shape (samples,), float32; zeros between the chunks.
    """
    counts = [len(chunk.samples) for chunk in chunks]
    total = sum(counts)
    # One copy for the batch: a small one for each chunk costs more than the samples in it.
    raw = torch.empty(total, device="cpu", pin_memory=device.type == "cuda")
    np.concatenate([chunk.samples for chunk in chunks], out=raw.numpy())
    repeats = upload(counts, device)

    def spread(values: Sequence[int] | Sequence[float]) -> Tensor:
        # Without output_size the device would be waited for, to learn the length.
        return upload(values, device).repeat_interleave(repeats, output_size=total)

    mean = spread([chunk.mean for chunk in chunks])
    scale = spread([chunk.scale for chunk in chunks])
    starts = accumulate(counts, initial=0)
    shift = spread([start - here for start, here in zip(layout.starts, starts, strict=False)])
    packed = torch.zeros(layout.samples, device=device)
    samples = raw.to(device, non_blocking=True)
    packed[torch.arange(total, device=device) + shift] = (samples - mean) * scale
    return packed


def pooled(frames: Tensor, chunks: Sequence[Chunk], counts: Sequence[int]) -> Tensor:
    """Return the sum of those frames of each chunk that it wants pooled.

    Args:
        frames: Shape (frames, n), the frames of all chunks, one after another.
        chunks: Each with a *pool*.
        counts: How many frames each has.

    Returns:
        Shape (chunks, n), float64; on the CPU if the device has no float64.
    """
    wanted = np.concatenate([chunk.pool for chunk in chunks if chunk.pool is not None])
    if frames.device.type not in ("cpu", "cuda"):
        frames = frames.cpu()  # MPS has neither float64 nor sums of segments
    mask = upload(torch.from_numpy(wanted), frames.device)[:, None]
    lengths = upload(counts, frames.device)
    # Not a product with the mask, nor one of matrices: NaN times zero is NaN, and would get from
    # unwanted frames, or those of another chunk, into the sum.
    kept = torch.where(mask, frames.double(), 0.0)
    return torch.segment_reduce(kept, "sum", lengths=lengths, axis=0, unsafe=True)


def send_back(tensors: Sequence[Tensor]) -> Callable[[], list[Any]]:
    """Start copies to the CPU; return what waits for them and gives them as numpy arrays.

    Arrays have the shape and type of their tensor, and are the caller's.
    """
    if not all(tensor.is_cuda for tensor in tensors):
        arrays = [tensor.cpu().numpy() for tensor in tensors]
        return lambda: arrays
    copies = [torch.empty(t.shape, dtype=t.dtype, device="cpu", pin_memory=True) for t in tensors]
    for copy, tensor in zip(copies, tensors, strict=True):
        copy.copy_(tensor, non_blocking=True)
    # An event, not synchronize(): that would wait for the batches queued after this one, too.
    done = torch.cuda.current_stream(tensors[0].device).record_event()

    def wait() -> list[Any]:
        done.synchronize()
        return [copy.numpy() for copy in copies]

    return wait
