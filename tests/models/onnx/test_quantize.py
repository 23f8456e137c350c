"""Block-wise 8-bit quantisation."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emo2vec_plugins.models.onnx.quantize import block_of, in_blocks


@given(size=st.integers(1, 5_000))
def test_a_block_is_the_largest_power_of_two_that_divides_the_size(size):
    block = block_of(size)

    fitting = [power for power in (16, 32, 64, 128, 256) if size % power == 0]
    assert block == (max(fitting) if fitting else None)


@given(seed=st.integers(0, 2**32 - 1), outer=st.integers(1, 5), spread=st.floats(1e-6, 1e6))
def test_the_quantisation_error_is_at_most_half_a_step(seed, outer, spread):
    weights = np.random.default_rng(seed).standard_normal((64, outer)).astype(np.float32) * spread
    weights[:16, 0] = 0

    steps, scales = in_blocks(weights, 16)

    assert (steps.dtype, steps.shape, scales.shape) == (np.int8, (64, outer), (4, outer))
    each = np.repeat(scales, 16, axis=0)
    assert (np.abs(steps * each - weights) <= each * 0.5001).all()
    assert (steps[:16, 0] == 0).all()
