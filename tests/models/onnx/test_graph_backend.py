"""Grouping clips by length."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emo2vec_plugins.models.onnx.graph_backend import groups, padded

LENGTHS = st.lists(st.integers(400, 2_000), max_size=8)


def cost(found, lengths, call):
    return sum(len(group) * max(lengths[index] for index in group) + call for group in found)


def every_partition(order):
    """Yield every way to cut a list into consecutive parts."""
    for cuts in range(1 << max(0, len(order) - 1)):
        edges = [0, *(i + 1 for i in range(len(order) - 1) if cuts >> i & 1), len(order)]
        yield [order[a:b] for a, b in pairwise(edges)]


@given(lengths=LENGTHS, most=st.integers(400, 8_000), call=st.integers(0, 1_000))
def test_groups_contain_every_clip_once_and_keep_the_limit(lengths, most, call):
    found = groups(lengths, most=most, call=call)

    assert sorted(index for group in found for index in group) == list(range(len(lengths)))
    for group in found:
        assert len(group) == 1 or len(group) * max(lengths[index] for index in group) <= most


@given(lengths=LENGTHS.filter(bool), most=st.integers(400, 8_000), call=st.integers(0, 1_000))
def test_no_other_partition_costs_less(lengths, most, call):
    order = sorted(range(len(lengths)), key=lambda index: lengths[index])
    allowed = [
        partition
        for partition in every_partition(order)
        if all(len(g) == 1 or len(g) * lengths[g[-1]] <= most for g in partition)
    ]

    assert cost(groups(lengths, most=most, call=call), lengths, call) == min(
        cost(partition, lengths, call) for partition in allowed
    )


def test_no_clips_give_no_groups():
    assert groups([]) == []


def test_padded_rows_end_in_zeros():
    rows, lengths = padded([np.ones(3, np.float32), np.full(5, 2, np.float32)])

    assert rows.tolist() == [[1, 1, 1, 0, 0], [2, 2, 2, 2, 2]]
    assert (rows.dtype, lengths.dtype, lengths.tolist()) == (np.float32, np.int64, [3, 5])
