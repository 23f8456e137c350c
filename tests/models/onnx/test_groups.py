"""Clips in groups of similar length, and weights in blocks of eight bits: arithmetic."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emo2vec_plugins.models.onnx.groups import groups, padded
from emo2vec_plugins.models.onnx.quantize import block_of, in_blocks

LENGTHS = st.lists(st.integers(400, 2_000), max_size=8)


def cost(found, lengths, call):
    return sum(len(group) * max(lengths[index] for index in group) + call for group in found)


def every_partition(order):
    """Give all ways to cut a list into consecutive parts."""
    for cuts in range(1 << max(0, len(order) - 1)):
        edges = [0, *(i + 1 for i in range(len(order) - 1) if cuts >> i & 1), len(order)]
        yield [order[a:b] for a, b in pairwise(edges)]


@given(lengths=LENGTHS, most=st.integers(400, 8_000), call=st.integers(0, 1_000))
def test_groups_hold_every_clip_once_and_keep_the_limit(lengths, most, call):
    found = groups(lengths, most=most, call=call)

    assert sorted(index for group in found for index in group) == list(range(len(lengths)))
    for group in found:
        assert len(group) == 1 or len(group) * max(lengths[index] for index in group) <= most


@given(lengths=LENGTHS.filter(bool), most=st.integers(400, 8_000), call=st.integers(0, 1_000))
def test_no_other_borders_cost_less(lengths, most, call):
    order = sorted(range(len(lengths)), key=lambda index: lengths[index])
    allowed = [
        partition
        for partition in every_partition(order)
        if all(len(g) == 1 or len(g) * lengths[g[-1]] <= most for g in partition)
    ]

    assert cost(groups(lengths, most=most, call=call), lengths, call) == min(
        cost(partition, lengths, call) for partition in allowed
    )


def test_nothing_has_no_groups():
    assert groups([]) == []


def test_padded_rows_end_in_zeros():
    rows, lengths = padded([np.ones(3, np.float32), np.full(5, 2, np.float32)])

    assert rows.tolist() == [[1, 1, 1, 0, 0], [2, 2, 2, 2, 2]]
    assert (rows.dtype, lengths.dtype, lengths.tolist()) == (np.float32, np.int64, [3, 5])


@given(size=st.integers(1, 5_000))
def test_a_block_is_the_greatest_power_of_two_that_divides(size):
    block = block_of(size)

    fitting = [power for power in (16, 32, 64, 128, 256) if size % power == 0]
    assert block == (max(fitting) if fitting else None)


@given(seed=st.integers(0, 2**32 - 1), outer=st.integers(1, 5), spread=st.floats(1e-6, 1e6))
def test_eight_bits_are_half_a_step_from_the_weights_at_most(seed, outer, spread):
    weights = np.random.default_rng(seed).standard_normal((64, outer)).astype(np.float32) * spread
    weights[:16, 0] = 0

    steps, scales = in_blocks(weights, 16)

    assert (steps.dtype, steps.shape, scales.shape) == (np.int8, (64, outer), (4, outer))
    each = np.repeat(scales, 16, axis=0)
    assert (np.abs(steps * each - weights) <= each * 0.5001).all()
    assert (steps[:16, 0] == 0).all()
