"""Attention of clips that share a batch, each to itself: one clip after another, or all at once.

Attention scores get the bias of ALiBi (Press et al., arXiv:2108.12409): a slope, which depends on
the head and maybe the layer, times the distance of two frames. Where either side is an extra
token there is none. Unlike ALiBi's own, the bias is symmetric: frames attend to both sides.
"""

from __future__ import annotations

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
"""Queries, keys and values, (..., rows, 3 x width), to what is attended to, (..., rows, width)."""

MakeAttention = Callable[[Sequence[int], int, Tensor], list[Attend]]
"""Called with the rows of each clip, how many of them are extra tokens, and the slopes.

Slopes have shape (layers or 1, heads); there is one result for each of their rows.
"""

LEAST_DEPTH = 16
"""Smallest width of a head that FlexAttention takes."""

BLOCK = 128
"""Rows that FlexAttention computes or skips at a time; its kernels are tuned for this size."""


def attention_for(device: torch.device, *, depth: int) -> MakeAttention:
    """Return what suits a device: one kernel for all clips with CUDA, else a loop over clips.

    Args:
        device: Of the network.
        depth: Of each head.
    """
    if device.type != "cuda" or depth < LEAST_DEPTH or not _can_compile(device):
        return one_by_one
    return all_at_once


def heads_of(qkv: Tensor, heads: int) -> Tensor:
    """Split (..., rows, 3 x width) into queries, keys and values, (3, ..., heads, rows, depth)."""
    x = qkv.view(*qkv.shape[:-1], 3, heads, -1)
    last = x.ndim - 1
    return x.permute(last - 2, *range(last - 3), last - 1, last - 3, last)


def alibi(rows: int, tokens: int, slopes: Tensor) -> Tensor:
    """Return the bias of one clip, or of shorter ones in its upper left corner.

    Args:
        rows: Extra tokens, then frames.
        tokens: How many of them are extra tokens.
        slopes: Shape (..., heads).

    Returns:
        Shape (..., heads, rows, rows).
    """
    place = torch.arange(rows - tokens, device=slopes.device)
    distance = (place[None] - place[:, None]).abs()  # (frames, frames)
    return F.pad(slopes[..., None, None] * distance, (tokens, 0, tokens, 0))


def one_by_one(rows: Sequence[int], tokens: int, slopes: Tensor) -> list[Attend]:
    """Attend within one clip after another, as suits a CPU."""

    def attend(bias: Tensor, qkv: Tensor) -> Tensor:
        parts = torch.split(heads_of(qkv, len(bias)), list(rows), dim=2)
        # One bias for all clips, cut to each: distances are the same in every clip. The kernel of
        # CPUs takes float32 beside any other type; a copy for each block took longer.
        mask = bias[None] if bias.is_cpu else bias.to(qkv.dtype)[None]
        clips = [
            F.scaled_dot_product_attention(q[None], k[None], v[None], mask[..., :n, :n])[0]
            for n, (q, k, v) in zip(rows, parts, strict=True)
        ]
        return torch.cat(clips, dim=1).transpose(0, 1).flatten(1)

    biases = alibi(max(rows), tokens, slopes)
    return [partial(attend, bias) for bias in biases]


def all_at_once(rows: Sequence[int], tokens: int, slopes: Tensor) -> list[Attend]:
    """Attend within all clips in one kernel, FlexAttention, as suits a GPU.

    Compiled with CUDA, when first called; elsewhere torch's own slow equivalent, for tests.
    """
    from torch.nn.attention.flex_attention import flex_attention

    # Uncompiled on a CPU, it computes all pairs of rows, masked: correct, slow, and quadratic.
    kernel: Any = _compiled() if slopes.is_cuda else flex_attention
    # Where each row is in its clip is computed on the device: only the counts are copied, and
    # output_size saves waiting for their sum.
    total, device = sum(rows), slopes.device
    counts = upload(rows, device)
    clip = torch.arange(len(rows), device=device).repeat_interleave(counts, output_size=total)
    first = (counts.cumsum(0) - counts)[clip]
    place = torch.arange(total, device=device) - first - tokens  # negative: an extra token
    mask = block_mask(rows, clip)

    def attend(slope: Tensor, qkv: Tensor) -> Tensor:
        # Compiled into the kernel: the bias is never stored, where a mask for all rows would take
        # heads x rows x rows values.
        def with_bias(score: Tensor, _: Tensor, head: Tensor, q: Tensor, kv: Tensor) -> Tensor:
            frames = (place[q] >= 0) & (place[kv] >= 0)
            return score + torch.where(frames, slope[head] * (place[q] - place[kv]).abs(), 0.0)

        q, k, v = heads_of(qkv, len(slope))[:, None]
        found: Tensor = kernel(q, k, v, score_mod=with_bias, block_mask=mask)
        return found[0].transpose(0, 1).flatten(1)

    return [partial(attend, slope) for slope in slopes]


def block_mask(rows: Sequence[int], clip: Tensor) -> Any:
    """Return FlexAttention's mask of clips that lie one after another, without trying all pairs.

    Args:
        rows: Of each clip.
        clip: Which clip each row belongs to, shape (rows,).
    """
    from torch.nn.attention.flex_attention import BlockMask

    # create_block_mask would evaluate the mask for all pairs of rows, on each batch. Which blocks
    # a clip reaches follows from the counts, on the CPU.
    spans = block_spans(rows)
    lengths = np.array([stop - start for start, stop in spans], dtype=np.int32)
    indices = np.zeros((len(spans), len(spans)), dtype=np.int32)
    for row, (start, stop) in zip(indices, spans, strict=True):
        row[: stop - start] = np.arange(start, stop)

    # Blocks that clips share are listed whole; within them this separates the clips.
    def same(_: Tensor, __: Tensor, q: Tensor, kv: Tensor) -> Tensor:
        return clip[q] == clip[kv]

    return BlockMask.from_kv_blocks(
        upload(torch.from_numpy(lengths), clip.device)[None, None],
        upload(torch.from_numpy(indices), clip.device)[None, None],
        BLOCK_SIZE=BLOCK,
        mask_mod=same,
        seq_lengths=(len(clip), len(clip)),
        compute_q_blocks=False,  # which only learning needs
    )


def block_spans(rows: Sequence[int]) -> list[tuple[int, int]]:
    """Return, for each block of rows, the blocks that its clips lie in: first and end.

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

    # dynamic: compiled once, not again for every new number of rows, that is for every batch.
    return torch.compile(flex_attention, dynamic=True)


@lru_cache(maxsize=8)
def _can_compile(device: torch.device) -> bool:
    """Try the kernel on two small clips: it wants Triton, and a C compiler the first time."""
    try:
        with torch.inference_mode():
            qkv = torch.zeros(2 * LEAST_DEPTH, 3 * LEAST_DEPTH, device=device)
            slopes = torch.zeros(1, 1, device=device)
            all_at_once([LEAST_DEPTH, LEAST_DEPTH], 1, slopes)[0](qkv)
    except Exception as error:  # noqa: BLE001 - whatever a compiler raises
        why = next(iter(str(error).splitlines()), "")
        warn(
            f"attention runs clip by clip on {device}, which is slower: FlexAttention cannot be "
            f"compiled here: {type(error).__name__}: {why}"
        )
        return False
    return True
