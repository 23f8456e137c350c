"""The filter bank, a front end that is set instead of trained."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.models.config import Config
from emo2vec_plugins.models.network import AudioEncoder
from emo2vec_plugins.training import filter_bank
from emo2vec_plugins.training.filter_bank import (
    CEILING,
    FLOOR,
    MEAN,
    SPREAD,
    band_centres,
    filters,
    freeze_filter_bank,
    layers,
    logarithm_of_hinges,
    set_filter_bank,
)

BANDS = 24


def small(conv_layers):
    return Config(width=32, heads=2, prenet_depth=1, depth=1, conv_layers=conv_layers)


@pytest.fixture(scope="module")
def encoder():
    config = small(layers(BANDS))
    encoder = AudioEncoder(config)
    set_filter_bank(encoder, config.conv_layers)
    return encoder


def front_end(encoder, waveform):
    with torch.no_grad():
        return encoder.project_features[1](encoder.local_encoder(waveform))


def log_magnitudes(waveform):
    """Compute the expected output of the front end, with a true logarithm."""
    windows = waveform.unfold(0, filter_bank.WINDOW, filter_bank.STEP)
    magnitudes = sum((windows @ each.T).abs() for each in filters(BANDS)) * math.pi / 4
    means = magnitudes.unfold(0, filter_bank.WINDOWS, 8).mean(-1)
    return (means.clamp(FLOOR, CEILING).log() - MEAN) / SPREAD


def speech_like(seed, seconds=1.0):
    """Return noise whose loudness varies by 60 dB, with unit variance."""
    rng = np.random.default_rng(seed)
    samples = int(16_000 * seconds)
    loudness = np.interp(np.arange(samples), np.linspace(0, samples, 9), rng.uniform(-5, 2, 9))
    noise = np.cumsum(rng.standard_normal(samples)) * 0.05 + rng.standard_normal(samples)
    x = torch.from_numpy((np.exp(loudness) * noise).astype(np.float32))
    return F.layer_norm(x, x.shape)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_the_front_end_gives_log_magnitudes(encoder, seed):
    waveform = speech_like(seed)

    wrong = (front_end(encoder, waveform)[:, :BANDS] - log_magnitudes(waveform)).abs()

    assert wrong.square().mean().sqrt() < 0.05
    assert wrong.max() < 0.15


def test_every_band_comes_with_its_negative(encoder):
    x = front_end(encoder, speech_like(1))

    assert x.shape == (49, 2 * BANDS)
    torch.testing.assert_close(x[:, :BANDS], -x[:, BANDS:], atol=1e-3, rtol=0)


def test_ten_times_the_amplitude_raises_every_band_by_log_ten(encoder):
    rng = np.random.default_rng(0)
    noise = torch.from_numpy(rng.standard_normal(4000, dtype=np.float32))

    risen = (front_end(encoder, noise) - front_end(encoder, noise / 10))[:, :BANDS].mean(0)

    torch.testing.assert_close(
        risen, torch.full((BANDS,), math.log(10) / SPREAD), atol=0.06, rtol=0
    )


def test_a_tone_is_loudest_in_its_own_band(encoder):
    centres = band_centres(BANDS)
    time = torch.arange(8000) / 16_000

    for band in (2, 9, 15, 22):
        tone = torch.sin(2 * math.pi * centres[band] * time)
        assert front_end(encoder, tone)[:, :BANDS].mean(0).argmax() == band


def test_silence_and_a_constant_are_at_the_floor(encoder):
    floor = (math.log(FLOOR) - MEAN) / SPREAD

    for waveform in (torch.zeros(1000), torch.full((1000,), 2.0)):
        x = front_end(encoder, waveform)[:, :BANDS]
        torch.testing.assert_close(x, torch.full_like(x, floor), atol=0.06, rtol=0)


def test_white_noise_leaves_every_filter_with_unit_variance():
    for bank in filters(40):
        torch.testing.assert_close(bank.norm(dim=1), torch.ones(40))


def test_bands_are_linear_below_a_kilohertz_and_logarithmic_above():
    centres = band_centres(40)
    steps, ratios = centres.diff(), centres[1:] / centres[:-1]

    assert centres[[0, -1]].tolist() == pytest.approx([60.0, 7600.0], abs=0.1)
    assert steps[:10].tolist() == pytest.approx([steps[0].item()] * 10, rel=1e-3)
    assert ratios[-10:].tolist() == pytest.approx([ratios[-1].item()] * 10, rel=1e-3)


def test_hinges_make_a_logarithm():
    thresholds = torch.logspace(-2, 1, 6)
    weights, constant = logarithm_of_hinges(thresholds)
    x = torch.logspace(-2, 1, 50)

    hinges = F.gelu(filter_bank.SHARPNESS * (1 - x[:, None] / thresholds))

    torch.testing.assert_close(hinges @ weights + constant, x.log(), atol=0.15, rtol=0)


def test_the_filter_bank_is_frozen():
    config = small(layers(BANDS))
    encoder = AudioEncoder(config)
    set_filter_bank(encoder, config.conv_layers)

    assert freeze_filter_bank(encoder, config)
    assert not any(p.requires_grad for p in encoder.local_encoder.parameters())
    assert not any(p.requires_grad for p in encoder.project_features[1].parameters())
    assert all(p.requires_grad for p in encoder.project_features[2].parameters())


def test_a_trained_front_end_of_the_same_shape_is_not_frozen():
    config = small(layers(BANDS))
    encoder = AudioEncoder(config)

    assert not freeze_filter_bank(encoder, config)
    assert all(p.requires_grad for p in encoder.parameters())


def test_other_convolutions_are_rejected_and_the_error_shows_suitable_ones():
    config = small(((32, 10, 5), *[(32, 3, 2)] * 4, *[(32, 2, 2)] * 2))

    with pytest.raises(OptionsError) as caught:
        set_filter_bank(AudioEncoder(config), config.conv_layers)
    for fact in ("feature_encoder_spec", "16 bands", "[(64, 240, 40), (32, 5, 8)", "(32, 10, 5)"):
        assert fact in str(caught.value)
