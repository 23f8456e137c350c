"""Self-attention within each clip of a batch, clip by clip or in one kernel.

Attention scores have an ALiBi bias (Press et al., arXiv:2108.12409): a slope per head, and
optionally per layer, times the distance of two frames. Extra tokens have no bias. Unlike in the
paper, the bias is symmetric, because frames attend in both directions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from emo2vec_plugins.errors import warn
from emo2vec_plugins.models.packing import upload

Attend = Callable[[Tensor], Tensor]
"""Maps queries, keys and values, (..., rows, 3 x width), to the output, (..., rows, width)."""

MakeAttention = Callable[[Sequence[int], int, Tensor], list[Attend]]
"""Called with the rows per clip, the number of extra tokens per clip, and the slopes.

Slopes have shape (layers or 1, heads). The result has one function for each row of slopes.
"""

LEAST_DEPTH = 16
"""Smallest width of a head that FlexAttention supports."""

BLOCK = 128
"""Block size of FlexAttention in rows; its kernels are tuned for this size."""


def attention_for(device: torch.device, *, depth: int) -> MakeAttention:
    """Return the best implementation for a device: one kernel on CUDA, otherwise a loop over clips.

    Args:
        device: Device of the network.
        depth: Width of each head.
    """
    if device.type != "cuda" or depth < LEAST_DEPTH or not _can_compile(device):
        return one_by_one
    return all_at_once


def heads_of(qkv: Tensor, heads: int) -> Tensor:
    """Split (..., rows, 3 x width) into queries, keys and values, (3, ..., heads, rows, depth)."""
    x = qkv.view(*qkv.shape[:-1], 3, heads, -1)
    last = x.ndim - 1
    return x.permute(last - 2, *range(last - 3), last - 1, last - 3, last)


def alibi_slopes(heads: int) -> list[float]:
    """Return the slope of each head's attention bias, as in the ALiBi paper.

    For a power of two, a geometric sequence. Otherwise the slopes for the next smaller power,
    followed by every second slope for the next larger power.

    >>> alibi_slopes(4)
    [0.25, 0.0625, 0.015625, 0.00390625]
    """
    if math.log2(heads).is_integer():
        return [2.0 ** (-8.0 * (head + 1) / heads) for head in range(heads)]
    smaller = 2 ** math.floor(math.log2(heads))
    return alibi_slopes(smaller) + alibi_slopes(2 * smaller)[::2][: heads - smaller]


def alibi(rows: int, tokens: int, slopes: Tensor) -> Tensor:
    """Return the bias of one clip; its upper left corner is the bias of a shorter clip.

    Args:
        rows: Number of extra tokens and frames; the tokens come first.
        tokens: Number of extra tokens.
        slopes: Shape (..., heads).

    Returns:
        Shape (..., heads, rows, rows).
    """
    place = torch.arange(rows - tokens, device=slopes.device)
    distance = (place[None] - place[:, None]).abs()  # (frames, frames)
    return F.pad(slopes[..., None, None] * distance, (tokens, 0, tokens, 0))


def one_by_one(rows: Sequence[int], tokens: int, slopes: Tensor) -> list[Attend]:
    """Return attention that runs clip by clip, for CPUs."""

    def attend(bias: Tensor, qkv: Tensor) -> Tensor:
        parts = torch.split(heads_of(qkv, len(bias)), list(rows), dim=2)
        # One bias, cut to the size of each clip: distances are the same in every clip. On CPUs the
        # kernel accepts a float32 bias with any other type; casting it for each block was slower.
        mask = bias[None] if bias.is_cpu else bias.to(qkv.dtype)[None]
        clips = [
            F.scaled_dot_product_attention(q[None], k[None], v[None], mask[..., :n, :n])[0]
            for n, (q, k, v) in zip(rows, parts, strict=True)
        ]
        return torch.cat(clips, dim=1).transpose(0, 1).flatten(1)

    biases = alibi(max(rows), tokens, slopes)
    return [partial(attend, bias) for bias in biases]


def all_at_once(rows: Sequence[int], tokens: int, slopes: Tensor) -> list[Attend]:
    """Return attention that runs all clips in one FlexAttention kernel, for GPUs.

    On CUDA the kernel is compiled at the first call. Elsewhere torch's slow equivalent runs, for
    tests.
    """
    from torch.nn.attention.flex_attention import flex_attention

    # Uncompiled on a CPU it computes all pairs of rows with a mask: correct, but slow and quadratic.
    kernel: Any = _compiled() if slopes.is_cuda else flex_attention
    # Positions are computed on the device, so that only the counts are copied; output_size avoids
    # waiting for their sum.
    total, device = sum(rows), slopes.device
    counts = upload(rows, device)
    clip = torch.arange(len(rows), device=device).repeat_interleave(counts, output_size=total)
    first = (counts.cumsum(0) - counts)[clip]
    place = torch.arange(total, device=device) - first - tokens  # negative for extra tokens
    mask = block_mask(rows, clip)

    def attend(slope: Tensor, qkv: Tensor) -> Tensor:
        # Compiled into the kernel, so that the bias is never stored; a mask for all rows would need
        # heads x rows x rows values.
        def with_bias(score: Tensor, _: Tensor, head: Tensor, q: Tensor, kv: Tensor) -> Tensor:
            frames = (place[q] >= 0) & (place[kv] >= 0)
            return score + torch.where(frames, slope[head] * (place[q] - place[kv]).abs(), 0.0)

        q, k, v = heads_of(qkv, len(slope))[:, None]
        found: Tensor = kernel(q, k, v, score_mod=with_bias, block_mask=mask)
        return found[0].transpose(0, 1).flatten(1)

    return [partial(attend, slope) for slope in slopes]


def block_mask(rows: Sequence[int], clip: Tensor) -> Any:
    """Return FlexAttention's mask for concatenated clips, without evaluating all pairs of rows.

    Args:
        rows: Rows of each clip.
        clip: Index of the clip of each row, shape (rows,).
    """
    from torch.nn.attention.flex_attention import BlockMask

    # create_block_mask would evaluate the mask for all pairs of rows in every batch. The blocks of
    # a clip follow from the counts, on the CPU.
    spans = block_spans(rows)
    lengths = np.array([stop - start for start, stop in spans], dtype=np.int32)
    indices = np.zeros((len(spans), len(spans)), dtype=np.int32)
    for row, (start, stop) in zip(indices, spans, strict=True):
        row[: stop - start] = np.arange(start, stop)

    # Blocks are listed whole; within a block that clips share, this separates them.
    def same(_: Tensor, __: Tensor, q: Tensor, kv: Tensor) -> Tensor:
        return clip[q] == clip[kv]

    return BlockMask.from_kv_blocks(
        upload(torch.from_numpy(lengths), clip.device)[None, None],
        upload(torch.from_numpy(indices), clip.device)[None, None],
        BLOCK_SIZE=BLOCK,
        mask_mod=same,
        seq_lengths=(len(clip), len(clip)),
        compute_q_blocks=False,  # only needed for training
    )


def block_spans(rows: Sequence[int]) -> list[tuple[int, int]]:
    """Return, for each block of rows, the range of blocks that contain its clips: first and end.

    >>> block_spans([100, 100, 300])
    [(0, 2), (0, 4), (1, 4), (1, 4)]
    """
    ends = list(accumulate(rows))
    starts = [end - count for end, count in zip(ends, rows, strict=True)]
    spans, clip = [], 0
    for first in range(0, ends[-1], BLOCK):
        last = min(first + BLOCK, ends[-1]) - 1
        while ends[clip] <= first:
            clip += 1
        start, final = starts[clip], clip
        while ends[final] <= last:
            final += 1
        spans.append((start // BLOCK, -(-ends[final] // BLOCK)))
    return spans


@lru_cache(maxsize=1)
def _compiled() -> Any:
    from torch.nn.attention.flex_attention import flex_attention

    # dynamic, so that it is compiled once instead of for every number of rows, that is every batch.
    return torch.compile(flex_attention, dynamic=True)


@lru_cache(maxsize=8)
def _can_compile(device: torch.device) -> bool:
    """Try the kernel on two small clips; it needs Triton and, the first time, a C compiler."""
    try:
        with torch.inference_mode():
            qkv = torch.zeros(2 * LEAST_DEPTH, 3 * LEAST_DEPTH, device=device)
            slopes = torch.zeros(1, 1, device=device)
            all_at_once([LEAST_DEPTH, LEAST_DEPTH], 1, slopes)[0](qkv)
    except Exception as error:  # noqa: BLE001 - whatever a compiler raises
        reason = next(iter(str(error).splitlines()), "")
        warn(
            f"FlexAttention cannot be compiled ({type(error).__name__}: {reason}); attention runs "
            f"clip by clip on {device}, which is slower"
        )
        return False
    return True
