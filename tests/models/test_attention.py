"""Every implementation of attention gives each clip the same result in any batch."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.attention import flex_attention as flex

from emo2vec_plugins.errors import Emo2vecWarning
from emo2vec_plugins.models import attention
from emo2vec_plugins.models.attention import (
    BLOCK,
    LEAST_DEPTH,
    all_at_once,
    attention_for,
    block_mask,
    block_spans,
    one_by_one,
)

TOKENS, HEADS, WIDTH = 3, 4, 64
ROWS = st.lists(st.integers(TOKENS + 1, 300), min_size=1, max_size=6)

# Uncompiled, FlexAttention warns that it is slow.
pytestmark = pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")


def batch(rows, layers=1):
    generator = torch.Generator().manual_seed(sum(rows))
    slopes = -torch.rand(layers, HEADS, generator=generator)
    return torch.randn(sum(rows), 3 * WIDTH, generator=generator), slopes


def naive(qkv, slope):
    """Compute attention of one clip by its definition."""
    q, k, v = qkv.view(len(qkv), 3, HEADS, -1).permute(1, 2, 0, 3)
    scores = q @ k.transpose(1, 2) / (WIDTH // HEADS) ** 0.5
    for i in range(TOKENS, len(qkv)):
        for j in range(TOKENS, len(qkv)):
            scores[:, i, j] += slope * abs(i - j)
    return (scores.softmax(-1) @ v).transpose(0, 1).reshape(len(qkv), WIDTH)


@pytest.mark.parametrize("make", [one_by_one, all_at_once])
def test_clips_attend_only_to_themselves_with_a_bias_between_frames(make):
    rows = [TOKENS + 9, TOKENS + 1, TOKENS + 20]
    qkv, slopes = batch(rows, layers=2)

    for slope, attend in zip(slopes, make(rows, TOKENS, slopes), strict=True):
        expected = torch.cat([naive(clip, slope) for clip in qkv.split(rows)])
        torch.testing.assert_close(attend(qkv), expected, atol=1e-5, rtol=0)


@settings(max_examples=25)
@given(rows=ROWS)
def test_all_at_once_equals_one_by_one(rows):
    qkv, slopes = batch(rows)
    (expected,) = one_by_one(rows, TOKENS, slopes)
    (found,) = all_at_once(rows, TOKENS, slopes)

    torch.testing.assert_close(found(qkv), expected(qkv), atol=1e-5, rtol=0)


@given(rows=ROWS)
def test_exactly_the_blocks_that_contain_pairs_of_one_clip_are_read(rows):
    clip = torch.repeat_interleave(torch.arange(len(rows)), torch.tensor(rows))
    pairs = clip[:, None] == clip[None]
    count = -(-len(clip) // BLOCK)
    padded = torch.zeros(count * BLOCK, count * BLOCK, dtype=torch.bool)
    padded[: len(clip), : len(clip)] = pairs
    needed = padded.view(count, BLOCK, count, BLOCK).any(3).any(1)

    listed = block_mask(rows, clip).to_dense()[0, 0].bool()

    assert bool((listed | ~needed).all())
    assert len(block_spans(rows)) == count
    for block, (start, stop) in enumerate(block_spans(rows)):
        assert needed[block].nonzero().flatten().tolist() == list(range(start, stop))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the compiler's imports raise many warnings
def test_the_compiled_kernel_reads_the_listed_blocks(monkeypatch):
    """The kernel for GPUs, compiled for a CPU, once for all lengths."""
    monkeypatch.setattr(flex, "flex_attention", torch.compile(flex.flex_attention, dynamic=True))
    for rows in ([60, 210, 11, 300], [15, 700], [11] * 40):
        qkv, slopes = batch(rows)
        (expected,) = one_by_one(rows, TOKENS, slopes)
        with torch.inference_mode():
            (found,) = all_at_once(rows, TOKENS, slopes)

            torch.testing.assert_close(found(qkv), expected(qkv), atol=1e-5, rtol=0)


def test_each_device_gets_the_best_attention(monkeypatch):
    cuda = torch.device("cuda", 1)
    assert attention_for(torch.device("cpu"), depth=64) is one_by_one
    monkeypatch.setattr(attention, "_can_compile", lambda device: True)
    assert attention_for(cuda, depth=LEAST_DEPTH) is all_at_once
    assert attention_for(cuda, depth=LEAST_DEPTH - 1) is one_by_one
    monkeypatch.setattr(attention, "_can_compile", lambda device: False)
    assert attention_for(cuda, depth=64) is one_by_one


def test_a_kernel_that_cannot_be_compiled_causes_one_warning():
    """Without CUDA, compiling fails in the same way as without a compiler."""
    attention._can_compile.cache_clear()
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.warns(Emo2vecWarning, match="FlexAttention .*cuda"):
        assert attention_for(torch.device("cuda"), depth=64) is one_by_one
    assert attention_for(torch.device("cuda"), depth=64) is one_by_one
    attention._can_compile.cache_clear()
