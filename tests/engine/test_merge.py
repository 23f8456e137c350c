"""Selection of the frames that are pooled into a clip's emotion."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emo2vec_plugins.engine.merge import outside
from emo2vec_plugins.engine.windows import HOP


def test_frames_are_outside_by_their_middle():
    # Middles of the frames: 200, 520, 840, 1160.
    free = outside([(201, 521), (840, 841)], slice(0, 4))

    assert free.tolist() == [True, False, False, True]


@given(
    spans=st.lists(st.tuples(st.integers(-999, 9_999), st.integers(-999, 9_999)), max_size=5),
    first=st.integers(0, 20),
    count=st.integers(0, 20),
)
def test_outside_equals_looking_at_each_frame(spans, first, count):
    expected = [
        not any(start <= frame * HOP + 200 < stop for start, stop in spans)
        for frame in range(first, first + count)
    ]

    np.testing.assert_array_equal(outside(spans, slice(first, first + count)), expected)
