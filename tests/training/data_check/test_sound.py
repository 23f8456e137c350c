"""Measurements of the sound of a turn."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from emo2vec_plugins.training.data_check.sound import HIGH, LEAST_LEVEL, measure

RATE = 16_000


def sine(frequency, *, amplitude=0.5, seconds=1.0):
    time = np.arange(round(seconds * RATE)) / RATE
    return (amplitude * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


def speech(noise, *, seconds=2.0):
    """Return noise in bursts like syllables."""
    samples = noise(round(seconds * RATE))
    time = np.arange(len(samples)) / RATE
    return (samples * (0.02 + np.sin(2 * np.pi * 2 * time) ** 2)).astype(np.float32)


def test_the_level_and_the_peak_of_a_sine():
    found = measure([sine(400, amplitude=0.1)])

    assert found.level == pytest.approx(-23.0, abs=0.1)
    assert found.peak == pytest.approx(-20.0, abs=0.1)


def test_the_result_does_not_depend_on_blocks(noise):
    samples = speech(noise)

    whole = asdict(measure([samples]))
    parts = asdict(measure(np.split(samples, [1, 7_000, 7_001, 20_000])))

    assert parts.pop("digest") == whole.pop("digest")
    assert parts == pytest.approx(whole, rel=1e-4)


def test_other_samples_have_another_digest(noise):
    one, other = speech(noise), speech(noise)
    other[100] += 0.01

    assert measure([one]).digest != measure([other]).digest


def test_energy_above_4_khz_is_high():
    assert measure([sine(HIGH + 2_000)]).high > -1
    assert measure([sine(HIGH - 2_000)]).high < -40


def test_digital_silence_is_a_share_of_frames():
    samples = np.concatenate([sine(400), np.zeros(RATE, np.float32)])

    found = measure([samples])

    assert found.zeros == pytest.approx(0.5, abs=0.02)
    assert found.floor == pytest.approx(3.0, abs=0.5)  # of the sine, as digital silence is left out


def test_samples_at_full_scale_are_clipped():
    loud = np.clip(sine(400, amplitude=2.0), -1, 1)

    assert measure([loud]).clipped == pytest.approx(2 / 3, abs=0.02)
    assert measure([sine(400, amplitude=0.9)]).clipped == 0


def test_a_floor_lies_below_the_level(noise):
    assert measure([speech(noise)]).floor < -20


def test_silence_hum_and_noise_are_no_speech(noise):
    assert measure([np.zeros(RATE, np.float32)]).is_silent
    assert measure([noise(RATE) * 1e-4]).is_silent
    assert measure([noise(RATE)]).is_silent
    assert measure([sine(100)]).is_silent


def test_bursts_are_not_silent(noise):
    assert not measure([speech(noise)]).is_silent


def test_a_turn_without_any_sound_has_the_lowest_level():
    found = measure([np.zeros(400, np.float32)])

    assert (found.level, found.peak, found.zeros) == (LEAST_LEVEL, LEAST_LEVEL, 1.0)


@pytest.mark.filterwarnings("error")
def test_samples_far_beyond_full_scale_are_measured_without_warnings():
    found = measure([np.full(1600, 1e30, np.float32)])

    assert found.clipped == 1
    assert all(np.isfinite(value) for value in asdict(found).values() if isinstance(value, float))
