"""The conversion of turns to samples: bounds, channels, blocks, and the reference's samples."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torchaudio
from hypothesis import given
from hypothesis import strategies as st
from support.audio import RATES, samples_of, whole_of
from support.facts import assert_facts

from emo2vec_plugins.audio import turns as turn_audio
from emo2vec_plugins.audio.sources import (
    MODEL_RATE,
    ArrayAudio,
)
from emo2vec_plugins.audio.turns import bounds, mono, resampled_length
from emo2vec_plugins.core.messages import shown
from emo2vec_plugins.core.values import Turn
from emo2vec_plugins.errors import AudioError

# The order of the steps: cut, average, resample.


def test_a_turn_is_cut_then_averaged_then_resampled(noise):
    native = noise(3 * 44_100, channels=2)
    cut = torch.from_numpy(native[:, round(0.7301 * 44_100) : round(1.9002 * 44_100)])
    expected = torchaudio.transforms.Resample(44_100, 16_000)(cut.mean(dim=0))

    found = samples_of(Turn(start=0.7301, end=1.9002), (native, 44_100))

    np.testing.assert_allclose(found, expected.numpy(), atol=1e-6, rtol=0)


def test_resampling_before_cutting_would_give_different_samples(noise):
    native = noise(3 * 44_100)
    whole = torchaudio.transforms.Resample(44_100, 16_000)(torch.from_numpy(native)).numpy()

    found = samples_of(Turn(start=1.0, end=2.0), (native, 44_100))

    assert np.abs(found - whole[16_000:32_000]).max() > 0.01


def test_audio_at_the_models_rate_is_not_changed(noise):
    native = noise(16_000)

    found = samples_of(Turn(start=0.25, end=0.5), (native, MODEL_RATE))

    np.testing.assert_array_equal(found, native[4_000:8_000])


@pytest.mark.parametrize("rate", [*RATES, 44_101])
@pytest.mark.parametrize("limit", ["BLOCK_SECONDS", "BLOCK_VALUES"])
def test_concatenated_blocks_equal_the_turn_resampled_as_a_whole(monkeypatch, noise, rate, limit):
    native = noise(5 * rate + 77, channels=2)
    turn = Turn(start=0.123, end=5.0)
    start = round(0.123 * rate)
    (expected,) = mono(turn, ArrayAudio(native, rate))
    monkeypatch.setattr(turn_audio, limit, 1 if limit == "BLOCK_SECONDS" else 2 * rate)

    blocks = list(mono(turn, ArrayAudio(native, rate)))

    assert 5 <= len(blocks) <= 10
    assert sum(map(len, blocks)) == resampled_length(5 * rate - start, rate) == len(expected)
    np.testing.assert_array_equal(np.concatenate(blocks), expected)


@given(samples=st.integers(1, 5_000), rate=st.sampled_from(RATES))
def test_lengths_equal_the_resamplers(samples, rate):
    resampled = torchaudio.transforms.Resample(rate, MODEL_RATE)(torch.zeros(samples))

    assert resampled_length(samples, rate) == len(resampled)


def test_a_long_turn_is_read_in_blocks(monkeypatch):
    reads = []

    class Endless:
        rate, length, channels = 48_000, 3_600 * 48_000, (0,)

        def read(self, start, stop, channels):
            reads.append(stop - start)
            return np.zeros((1, stop - start), np.float32)

    for _ in zip(range(3), mono(Turn(start=0.0, end=3_600.0), Endless()), strict=False):
        pass

    assert len(reads) == 3
    assert max(reads) < 61 * 48_000


def test_audio_of_many_channels_is_read_in_smaller_blocks():
    reads = []

    class Wide:
        rate, length, channels = 48_000, 3_600 * 48_000, tuple(range(1_000))

        def read(self, start, stop, channels):
            reads.append((stop - start) * len(channels))
            return np.zeros((len(channels), stop - start), np.float32)

    for _ in zip(range(2), mono(Turn(start=0.0, end=3_600.0), Wide()), strict=False):
        pass

    assert max(reads) < 25e6


@pytest.mark.parametrize("rate", [1, 16, 999, 10_000_001, 4_000_000_000, 10**300])
def test_a_rate_that_is_not_of_sound_is_an_error(noise, rate):
    with pytest.raises(AudioError) as caught:
        samples_of(Turn(start=0.0, end=1.0), (noise(1_000), rate))

    assert_facts(str(caught.value), "sampling rate", "1,000", "10,000,000", shown(rate))


# Bounds.


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0.5, 1.5, (8_000, 24_000)),
        (-3.0, 1.0, (0, 16_000)),
        (-3.0, -1.0, (0, 0)),
        (1.0, 99.0, (16_000, 32_000)),
        (50.0, 99.0, (32_000, 32_000)),
        (1.0, 1.0, (16_000, 16_000)),
        (0.00004, 1.00003, (1, 16_000)),
    ],
)
def test_turns_are_read_within_bounds(start, end, expected):
    two_seconds = ArrayAudio(np.zeros(32_000, np.float32), 16_000)

    assert bounds(Turn(start=start, end=end), two_seconds) == expected


def test_an_empty_turn_has_no_samples(noise):
    assert len(samples_of(Turn(start=1.0, end=1.0), (noise(32_000), 16_000))) == 0


def test_a_turn_with_extreme_bounds_is_read_within_the_audio(noise):
    sound = ArrayAudio(noise(16_000), 16_000)

    assert bounds(Turn(start=-1e306, end=1e306), sound) == (0, 16_000)
    assert bounds(Turn(start=1e306, end=1e307), sound) == (16_000, 16_000)


# Channels.


@pytest.mark.parametrize(
    ("channel", "rows"), [(None, [0, 1, 2]), (1, [1]), ((0, 2), [0, 2]), ((2,), [2])]
)
def test_channels_are_chosen_or_averaged(noise, channel, rows):
    native = noise(1_000, channels=3)

    found = samples_of(Turn(start=0.0, end=1_000 / 16_000, channel=channel), (native, 16_000))

    np.testing.assert_allclose(found, native[rows].mean(axis=0), atol=1e-7)


@pytest.mark.parametrize("channel", [2, (0, 5), ()])
def test_a_missing_channel_is_an_error(noise, channel):
    turn = Turn(start=0.0, end=0.05, channel=channel)

    with pytest.raises(AudioError) as caught:
        samples_of(turn, (noise(1_000, channels=2), 16_000))

    wanted = [channel] if isinstance(channel, int) else list(channel)
    facts = ("no such channel", str(wanted), "[0, 1]", "counted from 0, in RTTM from 1")
    assert_facts(str(caught.value), *facts)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinite_samples_are_an_error(noise, value):
    native = noise(16_000, channels=2)
    native[1, 8_000] = value

    with pytest.raises(AudioError, match=r"^1 NaN or infinite .*at 0\.500 s"):
        samples_of(Turn(start=0.25, end=1.0), (native, 16_000))


def test_nan_outside_the_turn_or_its_channel_is_ignored(noise):
    native = noise(16_000, channels=2)
    native[1, 8_000] = np.nan

    assert np.isfinite(samples_of(Turn(start=0.5001, end=1.0), (native, 16_000))).all()
    assert np.isfinite(samples_of(Turn(start=0.0, end=1.0, channel=0), (native, 16_000))).all()


# The samples of the reference.


@pytest.fixture(scope="module")
def reference_loader():
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings of FunASR's imports
        from funasr.utils.load_utils import load_audio_text_image_video
    return load_audio_text_image_video


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_samples_of_files_equal_funasrs(write, noise, reference_loader, rate, channels):
    path = write("a.wav", noise(rate, channels=channels), rate)

    expected = reference_loader(str(path), fs=16_000)

    np.testing.assert_allclose(whole_of(path), expected.numpy(), atol=1e-6, rtol=0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name",
    [
        "audio_formats/61-70968-0000.flac",
        "audio_formats/cold_corpus_24bit.wav",
        "audio_formats/common_voice_en_22058267.mp3",
        "audio_formats/test.mp3",
        "audio_formats/test.opus",
        "lhotse_fixtures/rir/real_8ch.wav",
        "lhotse_fixtures/stereo.mp3",
        "lhotse_fixtures/stereo.opus",
        "lhotse_fixtures/stereo.sph",
        "thorsten_emotional",
        "published_model/test.wav",
    ],
)
def test_samples_of_public_files_equal_funasrs(shared, reference_loader, name):
    path = shared / name
    path = next(path.glob("*.wav")) if path.is_dir() else path

    expected = reference_loader(str(path), fs=16_000)

    np.testing.assert_allclose(whole_of(path), expected.numpy(), atol=1e-6, rtol=0)
