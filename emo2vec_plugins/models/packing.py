"""Packing clips into one waveform, and non-blocking copies to a device and back.

A batch is one waveform. Clips start at multiples of the hop, so their frames do not depend on the
batch. At least `gap` frames separate two clips. Set to zero, they are the padding that positional
convolutions add to a single clip.

No copy waits for a CUDA device: copies use pinned memory and are queued on the device, so the next
batch is prepared while the current one runs.
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
    """Positions of the clips in a batch.

    Attributes:
        starts: First sample of each clip, a multiple of the hop.
        frames: Frames of each clip among all frames of the batch.
        samples: Length of the batch's waveform, `rounded` up.
    """

    starts: tuple[int, ...]
    frames: tuple[slice, ...]
    samples: int


def lay(lengths: Sequence[int], *, gap: int) -> Layout:
    """Return a layout of clips with *lengths* samples, at least *gap* frames apart.

    >>> lay([720, 400], gap=9)
    Layout(starts=(0, 3520), frames=(slice(0, 2, None), slice(11, 12, None)), samples=3968)
    """
    starts, frames, next_frame, end = [], [], 0, 0
    for length in lengths:
        count = frame_count(length)
        starts.append(next_frame * HOP)
        frames.append(slice(next_frame, next_frame + count))
        end = next_frame * HOP + length
        # Samples after the last frame may extend one hop beyond the frames.
        next_frame = max(next_frame + count + gap, -(-end // HOP))
    return Layout(tuple(starts), tuple(frames), rounded(max(end, RECEPTIVE)))


def rounded(samples: int) -> int:
    """Round a batch length up by at most a sixteenth, to one of 16 lengths per octave.

    Convolution libraries cache data for every length, so without rounding memory would grow with
    the number of batches. The added samples belong to no clip.

    >>> [rounded(n) for n in (400, 16_000, 480_001)]
    [400, 16384, 491520]
    """
    step = max(1, 1 << (samples.bit_length() - 5))
    return -(-samples // step) * step


def upload(values: Tensor | Sequence[int] | Sequence[float], device: torch.device) -> Tensor:
    """Return values as a tensor on a device.

    Args:
        values: A tensor on the CPU, or a sequence of numbers.
        device: The target device.
    """
    tensor = values if isinstance(values, Tensor) else torch.tensor(values, device="cpu")
    if device.type != "cuda":
        return tensor.to(device)
    # An ordinary copy to a GPU waits until its queue is empty. A copy from pinned memory is queued,
    # and torch keeps that memory until the copy is done.
    return tensor.pin_memory().to(device, non_blocking=True)


def pack(chunks: Sequence[Chunk], layout: Layout, device: torch.device) -> Tensor:
    """Return a batch with the chunks at their positions in *layout*, normalised on the device.

    Returns:
        Shape (samples,), float32; zeros between the chunks.
    """
    counts = [len(chunk.samples) for chunk in chunks]
    total = sum(counts)
    # One copy per batch, because small copies per chunk cost more than the samples in them.
    raw = torch.empty(total, device="cpu", pin_memory=device.type == "cuda")
    np.concatenate([chunk.samples for chunk in chunks], out=raw.numpy())
    repeats = upload(counts, device)

    def spread(values: Sequence[int] | Sequence[float]) -> Tensor:
        # Without output_size, torch would wait for the device to compute the length.
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
    """Return the sum of the pooled frames of each chunk.

    Args:
        frames: Shape (frames, n), the concatenated frames of all chunks.
        chunks: The chunks, each with *pool*.
        counts: Frames per chunk.

    Returns:
        Shape (chunks, n), float64; on the CPU if the device has no float64.
    """
    wanted = np.concatenate([chunk.pool for chunk in chunks if chunk.pool is not None])
    if frames.device.type not in ("cpu", "cuda"):
        frames = frames.cpu()  # MPS has neither float64 nor segment_reduce
    mask = upload(torch.from_numpy(wanted), frames.device)[:, None]
    lengths = upload(counts, frames.device)
    # Neither a product with the mask nor a matrix product: NaN times zero is NaN, so NaN would
    # spread from excluded frames, or from other chunks, into the sum.
    kept = torch.where(mask, frames.double(), 0.0)
    return torch.segment_reduce(kept, "sum", lengths=lengths, axis=0, unsafe=True)


def send_back(tensors: Sequence[Tensor]) -> Callable[[], list[Any]]:
    """Start copies to the CPU; return a function that waits for them and returns NumPy arrays.

    Arrays have the shape and type of their tensors. The caller owns them.
    """
    if not all(tensor.is_cuda for tensor in tensors):
        arrays = [tensor.cpu().numpy() for tensor in tensors]
        return lambda: arrays
    copies = [torch.empty(t.shape, dtype=t.dtype, device="cpu", pin_memory=True) for t in tensors]
    for copy, tensor in zip(copies, tensors, strict=True):
        copy.copy_(tensor, non_blocking=True)
    # An event instead of synchronize(), which would also wait for batches queued later.
    done = torch.cuda.current_stream(tensors[0].device).record_event()

    def wait() -> list[Any]:
        done.synchronize()
        return [copy.numpy() for copy in copies]

    return wait
