"""Augmentations of the spectrum, and codecs and rooms, which change it too."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from support.training import tone

from emo2vec_plugins.errors import MissingExtraError
from emo2vec_plugins.training.augment import filters, rooms
from emo2vec_plugins.training.augment.codecs import encode
from emo2vec_plugins.training.augment.rooms import Rooms
from emo2vec_plugins.training.recipe import CODECS


def rng(seed=0):
    return np.random.default_rng(seed)


def wave(pitch=300.0, seconds=0.5):
    return tone(pitch, seconds=seconds)


def noise(samples=16_000, seed=0):
    return 0.1 * rng(seed).standard_normal(samples, dtype=np.float32)


def change_in(found, waveform, low, high):
    """Return by how many dB a band of a waveform has changed."""
    hertz = np.fft.rfftfreq(len(waveform), 1 / 16_000)
    band = (hertz >= low) & (hertz < high)
    after, before = (np.linalg.norm(np.fft.rfft(x)[band]) for x in (found, waveform))
    return 20 * np.log10(after / before)


def delay_of(found, waveform):
    """Return the number of samples by which a waveform was moved."""
    size = 2 * len(waveform)
    spectrum = np.fft.rfft(found, size) * np.fft.rfft(waveform, size).conj()
    place = int(np.abs(np.fft.irfft(spectrum, size)).argmax())
    return place if place < len(waveform) else place - size


def test_a_tilt_has_opposite_effects_on_high_and_low_frequencies():
    tilted = [filters.tilt(x, rng(3), most=0.4).std() / x.std() for x in (wave(7000), wave(100))]

    assert (tilted[0] - 1) * (tilted[1] - 1) < 0


@pytest.mark.parametrize("seed", range(5))
def test_cuts_attenuate_one_side_of_a_frequency_by_half_at_the_frequency(seed):
    lows = filters.cut_lows(noise(), rng(seed), hertz=(400, 400))
    highs = filters.cut_highs(noise(), rng(seed), hertz=(3000, 3000))

    assert change_in(lows, noise(), 20, 100) < -10
    assert change_in(lows, noise(), 390, 410) == pytest.approx(-3, abs=0.5)
    assert change_in(lows, noise(), 3000, 8000) == pytest.approx(0, abs=0.2)
    assert change_in(highs, noise(), 7500, 8000) < -7
    assert change_in(highs, noise(), 2990, 3010) == pytest.approx(-3, abs=0.5)
    assert change_in(highs, noise(), 20, 400) == pytest.approx(0, abs=0.2)
    assert delay_of(lows, noise()) == delay_of(highs, noise()) == 0


def test_an_equaliser_is_smooth_and_within_its_limit():
    found = filters.equalize(noise(), rng(1), most=6)
    edges = np.geomspace(60, 8000, 25)
    changes = [change_in(found, noise(), low, high) for low, high in pairwise(edges)]

    assert max(np.abs(changes)) < 6.1
    assert np.ptp(changes) > 3
    assert max(np.abs(np.diff(changes))) < 5


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("samples", [400, 4801, 30_000])
def test_a_codec_keeps_length_place_and_level_but_not_the_samples(codec, samples):
    waveform = filters.cut_highs(noise(samples), rng(), hertz=(2500, 2500))

    found = encode(waveform, rng(), codecs=(codec,))

    assert found.shape == waveform.shape
    assert found.dtype == np.float32
    assert not np.array_equal(found, waveform)
    if samples > 400:  # shorter than a frame of some codecs, which is mostly noise
        assert delay_of(found, waveform) == 0
        assert change_in(found, waveform, 300, 2000) == pytest.approx(0, abs=3)


@pytest.mark.parametrize("codec", ["gsm", "mu-law", "a-law"])
def test_a_telephone_has_no_high_frequencies(codec):
    assert change_in(encode(noise(), rng(), codecs=(codec,)), noise(), 4500, 8000) < -25


def test_the_noise_of_a_codec_does_not_depend_on_the_level():
    loud, soft = (encode(level * wave(), rng(), codecs=("mu-law",)) / level for level in (1, 1e-4))

    np.testing.assert_allclose(loud, soft, atol=1e-4)


@pytest.mark.parametrize("codec", CODECS)
def test_a_codec_leaves_digital_silence_as_it_is(codec):
    assert not encode(np.zeros(4000, np.float32), rng(), codecs=(codec,)).any()


def reverberation_time(response):
    """Return the time of a fall by 60 dB, from that of 5 to 20 dB of the energy that remains."""
    left = np.cumsum(response[::-1].astype(float) ** 2)[::-1]
    decibels = 10 * np.log10(left / left[0])
    first, last = (np.argmax(decibels < fall) for fall in (-5, -20))
    return (last - first) / 16_000 * 4


@pytest.mark.parametrize("rt60", [0.2, 0.4, 0.6])
def test_rooms_have_about_the_reverberation_time_of_the_recipe(rt60):
    bank = Rooms((rt60, rt60), seed=1)
    times = [reverberation_time(bank.response(index)[0]) for index in range(8)]

    # A room whose walls are far apart in one direction only is not diffuse, so it varies.
    assert np.median(times) == pytest.approx(rt60, rel=0.3)


def test_a_room_keeps_length_and_place_and_adds_a_tail():
    bank = Rooms((0.3, 0.3), seed=1)
    waveform = np.zeros(16_000, np.float32)
    waveform[1000] = 1

    for seed in range(10):
        heard = bank.add_room(waveform, rng(seed))
        assert heard.shape == waveform.shape
        first = np.flatnonzero(np.abs(heard) > 0.1 * np.abs(heard).max())[0]
        assert first == pytest.approx(1000, abs=8)  # the filter of a fraction of a sample rings
        assert np.abs(heard[1500:3000]).max() > 1e-4


def test_rooms_depend_on_the_seed_and_are_simulated_once():
    one, same, other = (Rooms((0.1, 0.2), seed=seed) for seed in (1, 1, 2))

    np.testing.assert_array_equal(one.response(3)[0], same.response(3)[0])
    assert not np.array_equal(one.response(3)[0], other.response(3)[0])
    assert one.response(3)[0] is one.response(3)[0]


def test_threads_simulate_a_room_once(monkeypatch):
    bank, asked = Rooms((0.1, 0.2), seed=1), []

    def simulated(index):
        asked.append(index)
        time.sleep(0.05)
        return np.ones(1, np.float32), 0

    monkeypatch.setattr(bank, "_simulated", simulated)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(bank.response, [1, 2, 1, 2]))

    assert sorted(asked) == [1, 2]


def test_mouth_and_microphone_are_within_the_room_and_apart():
    for seed in range(300):
        state = rng(seed)
        size = state.uniform(rooms.SMALLEST, rooms.LARGEST)
        mouth, microphone = rooms.places(size, state)
        assert all(
            (place >= 0.5).all() and (place <= size - 0.5).all() for place in (mouth, microphone)
        )
        assert 0.29 < np.linalg.norm(mouth - microphone) < 4.01


def test_without_the_library_rooms_are_an_error_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyroomacoustics", None)

    with pytest.raises(MissingExtraError, match=r"rooms.*pyroomacoustics.*\[rooms\]"):
        Rooms((0.1, 0.2), seed=0)
