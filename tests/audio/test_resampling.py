"""The resampler, compared with the reference."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest
import torch
import torchaudio
from hypothesis import given
from hypothesis import strategies as st

from emo2vec_plugins.audio import resampling
from emo2vec_plugins.audio.resampling import Resampler, resample

RATES = (8_000, 11_025, 12_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000)
PAIRS = [(rate, 16_000) for rate in RATES] + [(997, 1_000), (1_000, 997), (50, 47), (47, 50)]
ROUNDING = 1e-6
"""Largest difference of samples in [-1, 1] that float32 sums in another order make."""


def whole(filtering, samples):
    return filtering.part(samples, 0, 0, filtering.length(len(samples)))


def reference(samples, rate, target):
    return torchaudio.transforms.Resample(rate, target)(torch.from_numpy(samples)).numpy()


@pytest.mark.parametrize(("rate", "target"), PAIRS)
def test_samples_equal_the_references(noise, rate, target):
    native = noise(rate + 77)

    found = resample(native, rate, target)

    np.testing.assert_allclose(found, reference(native, rate, target), atol=ROUNDING, rtol=0)


@pytest.mark.parametrize("samples", [1, 2, 10, 100, 440, 441, 442])
@pytest.mark.parametrize("rate", [8_000, 44_100, 96_000])
def test_short_signals_equal_the_references(noise, rate, samples):
    native = noise(samples)

    found = resample(native, rate, 16_000)

    np.testing.assert_allclose(found, reference(native, rate, 16_000), atol=ROUNDING, rtol=0)


@pytest.mark.parametrize(("rate", "target"), PAIRS)
def test_filters_computed_for_each_tile_give_the_same_samples(monkeypatch, noise, rate, target):
    native = noise(rate // 4)
    kept = whole(Resampler(rate, target), native)
    monkeypatch.setattr(resampling, "MOST_COEFFICIENTS", 0)

    found = whole(Resampler(rate, target), native)

    np.testing.assert_allclose(found, kept, atol=ROUNDING, rtol=0)


@given(data=st.data(), rate=st.sampled_from((*RATES, 16_001, 44_101, 192_001)))
def test_parts_equal_the_whole_bit_for_bit(data, rate):
    filtering = resampling.resampler(rate, 16_000)
    native = np.random.default_rng(rate).uniform(-1, 1, rate // 2).astype(np.float32)
    expected = whole(filtering, native)
    tiles = len(expected) // filtering.tile
    start = filtering.tile * data.draw(st.integers(0, max(0, tiles - 1)))
    stop = data.draw(st.integers(start + 1, len(expected)))
    first, last = (min(max(at, 0), len(native)) for at in filtering.inputs(start, stop))

    found = filtering.part(native[first:last], first, start, stop)

    np.testing.assert_array_equal(found, expected[start:stop])


@given(
    rate=st.integers(1, 10**7), target=st.sampled_from([16_000, 1, 50]), start=st.integers(0, 10**9)
)
def test_inputs_contain_every_sample_under_the_windows(rate, target, start):
    first, stop = Resampler(rate, target).inputs(start, start + 1)
    # Six zero crossings of 0.99 times the lower rate.
    reach = 6 * rate / (0.99 * min(rate, target))

    assert first <= start * rate / target - reach
    assert stop > start * rate / target + reach


@pytest.mark.parametrize("rate", [16_000, 8_000, 44_101])
def test_nothing_becomes_nothing(rate):
    assert len(resample(np.empty(0, np.float32), rate, 16_000)) == 0


@pytest.mark.parametrize("rate", [16_001, 44_101, 192_001, 9_999_991])
def test_rates_without_a_common_divisor_take_little_memory_and_time(noise, rate):
    """torchaudio needs 8.8 GB at 16,001 Hz and 23 GB at 44,101 Hz."""
    native = noise(min(rate, 400_000))
    tracemalloc.start()
    started = time.perf_counter()

    found = whole(Resampler(rate, 16_000), native)

    assert time.perf_counter() - started < 20
    assert tracemalloc.get_traced_memory()[1] < 150e6
    tracemalloc.stop()
    assert len(found) == -(-len(native) * 16_000 // rate)


def test_a_tone_stays_a_tone_at_a_rate_without_a_common_divisor():
    rate, hertz = 44_101, 440
    native = np.sin(2 * np.pi * hertz * np.arange(rate) / rate).astype(np.float32)
    expected = np.sin(2 * np.pi * hertz * np.arange(16_000) / 16_000)

    found = resample(native, rate, 16_000)

    np.testing.assert_allclose(found[500:-500], expected[500:-500], atol=2e-3)


def test_rates_of_a_hertz_are_resampled(noise):
    found = resample(noise(3), 1, 16_000)

    assert len(found) == 48_000
    assert np.isfinite(found).all()
