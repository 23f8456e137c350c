"""Augmentations of time and of samples."""

from __future__ import annotations

import numpy as np
import pytest
from support.training import tone

from emo2vec_plugins.training.augment import shapes
from emo2vec_plugins.training.augment.pitch import shift_pitch, stretched


def rng(seed=0):
    return np.random.default_rng(seed)


def wave(pitch=300.0, seconds=0.5):
    return tone(pitch, seconds=seconds)


def peak_of(waveform):
    return np.abs(np.fft.rfft(waveform)).argmax() * 16_000 / len(waveform)


def test_gain_is_in_decibels_and_clips_at_full_scale():
    soft = shapes.change_gain(wave(), rng(), decibels=(-20, -20))
    loud = shapes.change_gain(wave(), rng(), decibels=(20, 20))

    np.testing.assert_allclose(soft, wave() / 10, rtol=1e-6)
    assert np.abs(loud).max() == 1.0


@pytest.mark.parametrize(("factor", "samples"), [(1.25, 6400), (1.0, 8000), (0.5, 16_000)])
def test_speed_changes_length_and_pitch_together(factor, samples):
    found = shapes.change_speed(wave(1000), rng(), tempo=(factor, factor))

    assert len(found) == samples
    assert peak_of(found) == pytest.approx(1000 * factor, rel=0.02)


def test_a_narrow_range_of_speed_has_an_effect_in_both_directions():
    lengths = {
        len(shapes.change_speed(wave(), rng(seed), tempo=(0.995, 1.005))) for seed in range(20)
    }

    assert min(lengths) < 8000 < max(lengths)


@pytest.mark.parametrize("semitones", [-5, -1, -0.3, 0, 0.1, 0.2, 0.5, 1, 2, 5])
def test_a_shift_of_pitch_is_in_semitones_and_keeps_the_length(semitones):
    found = shift_pitch(wave(400, seconds=1.0), rng(), semitones=(semitones, semitones))

    assert len(found) == 16_000
    assert 12 * np.log2(peak_of(found) / 400) == pytest.approx(semitones, abs=0.07)
    assert found.std() == pytest.approx(wave(400).std(), rel=0.15)


@pytest.mark.parametrize("samples", [12_000, 20_000])
def test_stretching_keeps_the_order_of_events(samples):
    waveform = 0.01 * wave(200, seconds=1.0)
    waveform[10_000:12_000] = wave(200, seconds=0.125)

    loud = np.flatnonzero(np.abs(stretched(waveform, samples)) > 0.1)

    assert loud.mean() / samples == pytest.approx(11_000 / 16_000, abs=0.03)


def test_a_crop_is_a_stretch_of_the_waveform():
    ramp = np.arange(8000.0, dtype=np.float32)

    found = shapes.crop(ramp, rng(), share=(0.5, 0.5), seconds=0.025)

    assert len(found) == 4000
    np.testing.assert_array_equal(found, ramp[int(found[0]) : int(found[0]) + 4000])


@pytest.mark.parametrize(("seconds", "samples"), [(0.025, 400), (0.3, 4800), (2.0, 8000)])
def test_a_crop_keeps_at_least_one_frame_and_the_seconds_of_the_recipe(seconds, samples):
    assert len(shapes.crop(wave(), rng(), share=(0.01, 0.01), seconds=seconds)) == samples


def test_clipping_is_at_a_percentile_of_the_speech_whatever_the_pauses():
    loud = wave()
    padded = np.concatenate([loud, np.zeros(24_000, np.float32)])

    found, longer = (shapes.clip(x, rng(), percentile=(80, 80)) for x in (loud, padded))

    assert np.abs(found).max() == np.float32(np.percentile(np.abs(loud), 80))
    np.testing.assert_allclose(longer[:8000], found, rtol=1e-5)


def test_masks_cover_whole_frames_up_to_the_given_length():
    masked = [
        shapes.mask(np.ones(16_000, np.float32), rng(seed), count=2, seconds=0.1)
        for seed in range(20)
    ]
    zeros = [int((x == 0).sum()) for x in masked]

    assert all(count % 320 == 0 for count in zeros)
    assert max(zeros) <= 2 * 1600
    assert min(zeros) == 0
    assert len(set(zeros)) > 3


def test_a_long_turn_is_cut_at_random_in_training_and_in_the_middle_in_evaluation():
    ramp = np.arange(100.0, dtype=np.float32)

    assert shapes.stretch(ramp, 20, None).tolist() == list(range(40, 60))
    assert len({float(shapes.stretch(ramp, 20, rng(seed))[0]) for seed in range(9)}) > 3
    assert shapes.stretch(ramp, 200, None) is ramp
