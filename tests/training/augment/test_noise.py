"""Augmentations that add sound: levels, colours, recordings and babble."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from lhotse import CutSet
from support.facts import assert_facts
from support.training import cut, tone

from emo2vec_plugins.core import Permissions
from emo2vec_plugins.errors import AudioError, FormatError, OptionsError
from emo2vec_plugins.training.augment import levels, noise
from emo2vec_plugins.training.augment.sounds import Sounds


def rng(seed=0):
    return np.random.default_rng(seed)


def wave(pitch=300.0, seconds=0.5):
    return tone(pitch, seconds=seconds)


def db(ratio):
    return 20 * np.log10(float(ratio))


@pytest.mark.parametrize("colour", noise.SLOPES)
@pytest.mark.parametrize("level", [0.0, 20.0])
def test_noise_has_the_given_signal_to_noise_ratio(level, colour):
    added = noise.add_noise(wave(), rng(), snr=(level, level), colours=(colour,)) - wave()

    assert db(wave().std() / added.std()) == pytest.approx(level, abs=0.3)


@pytest.mark.parametrize(("colour", "slope"), [("white", 0), ("pink", -3), ("brown", -6)])
def test_a_colour_is_a_slope_in_decibels_an_octave(colour, slope):
    spectrum = np.abs(np.fft.rfft(noise.coloured(2**17, rng(), colours=(colour,)))) ** 2
    octaves = [spectrum[2**n : 2 ** (n + 1)].mean() for n in range(8, 16)]

    np.testing.assert_allclose(np.diff(10 * np.log10(octaves)), slope, atol=0.7)


def test_colours_are_drawn_at_random():
    def drawn(seed):
        return float(noise.coloured(100, rng(seed), colours=("white", "brown"))[0])

    own = {noise.coloured(100, rng(seed), colours=("white",))[0] for seed in range(20)}
    assert len(own & {drawn(seed) for seed in range(20)}) < 20


def test_the_level_of_speech_does_not_depend_on_its_pauses():
    padded = np.concatenate([np.zeros(16_000, np.float32), wave(), np.zeros(9000, np.float32)])

    assert db(levels.speech_level(padded) / levels.speech_level(wave())) == pytest.approx(
        0, abs=0.2
    )
    assert db(levels.level(padded) / levels.level(wave())) < -5


@pytest.mark.parametrize("snr", [-5.0, 0.0, 15.0])
def test_a_sound_has_a_signal_to_noise_ratio_relative_to_the_speech(snr):
    padded = np.concatenate([np.zeros(16_000, np.float32), wave()])

    def draw(state, samples):
        return 7 * state.standard_normal(samples, dtype=np.float32)

    added = noise.add_sound(padded, rng(), snr=(snr, snr), draw=draw) - padded

    assert db(levels.level(wave()) / levels.level(added)) == pytest.approx(snr, abs=0.3)


def test_silence_is_added_on_both_sides_and_is_not_digital_silence():
    lengths = set()
    for seed in range(20):
        found = noise.add_silence(wave(), rng(seed), seconds=0.2)
        at = next(n for n in range(len(found)) if np.array_equal(found[n : n + 8000], wave()))
        around = np.delete(found, np.s_[at : at + 8000])
        lengths.add((at, len(around) - at))
        assert len(around) <= 2 * 3200
        assert -75 < db(levels.level(around) / levels.speech_level(wave())) < -35

    assert len(lengths) == 20


def test_dither_leaves_no_zeros_and_is_soft():
    padded = np.concatenate([np.zeros(8000, np.float32), wave()])

    added = noise.dither(padded, rng(), decibels=(-50, -50)) - padded

    assert not (padded + added == 0).any()
    assert db(levels.level(added[:8000]) / levels.level(wave())) == pytest.approx(-50, abs=0.5)


def test_a_short_sound_is_repeated_and_a_long_one_cut():
    ramp = np.arange(5.0, dtype=np.float32)

    for seed in range(9):
        long = noise.looped(ramp, rng(seed), 12)
        assert ((np.diff(long) == 1) | (np.diff(long) == -4)).all()
        assert (np.diff(noise.looped(ramp, rng(seed), 3)) == 1).all()
    assert len(noise.looped(ramp, rng(), 5)) == 5


def test_babble_is_a_mixture_of_equally_loud_turns():
    asked = []

    def turns(state, samples):
        asked.append(samples)
        return 10 ** state.uniform(-3, 0) * state.standard_normal(samples, dtype=np.float32)

    counts = set()
    for seed in range(30):
        asked.clear()
        mixture = noise.babble_of(turns)(rng(seed), 8000)
        counts.add(len(asked))
        assert levels.level(mixture) == pytest.approx(len(asked) ** 0.5, rel=0.1)
        assert set(asked) == {8000}

    assert counts == set(range(3, 9))


def sounds(path):
    return Sounds(path, Permissions())


def test_sounds_are_those_of_a_folder_and_the_folders_in_it(tmp_path):
    (tmp_path / "deep").mkdir()
    soundfile.write(tmp_path / "a.wav", np.full(32_000, 0.25), 32_000)
    soundfile.write(tmp_path / "deep" / "b.FLAC", np.full(160, -0.5), 16_000, format="FLAC")
    (tmp_path / "notes.txt").write_text("rain")

    found = {round(float(np.median(sounds(tmp_path).draw(rng(n), 900))), 2) for n in range(9)}

    assert found == {0.25, -0.5}


def test_sounds_may_be_a_manifest_of_cuts(tmp_path):
    own = cut(tmp_path, "rain", np.full(16_000, 0.5), speaker="x", emotion=None)
    CutSet.from_cuts([own.truncate(offset=0.5)]).to_file(tmp_path / "cuts.jsonl.gz")

    assert set(sounds(tmp_path / "cuts.jsonl.gz").draw(rng(), 9000).tolist()) == {0.5}


def test_a_sound_is_read_once(tmp_path):
    soundfile.write(tmp_path / "a.wav", wave(), 16_000)
    bank = sounds(tmp_path)

    first = bank.draw(rng(), 500)
    (tmp_path / "a.wav").unlink()

    np.testing.assert_array_equal(bank.draw(rng(), 500), first)


def test_a_folder_without_recordings_and_a_missing_one_are_errors(tmp_path):
    (tmp_path / "notes.txt").write_text("rain")

    with pytest.raises(OptionsError) as caught:
        sounds(tmp_path)
    assert_facts(str(caught.value), "sounds", tmp_path, "no recordings", ".wav")
    with pytest.raises(OptionsError) as caught:
        sounds(tmp_path / "missing.jsonl")
    assert_facts(str(caught.value), "sounds", "missing.jsonl", "folder", "manifest", "nothing")
    with pytest.raises(FormatError, match=r"notes\.txt"):
        sounds(tmp_path / "notes.txt")


def test_hidden_files_and_folders_with_the_name_of_a_sound_are_left_out(tmp_path):
    (tmp_path / "old.wav").mkdir()
    (tmp_path / ".trash").mkdir()
    for name in ("rain.wav", "old.wav/wind.wav"):
        soundfile.write(tmp_path / name, wave(), 16_000)
    for name in ("._rain.wav", ".trash/broken.wav"):
        (tmp_path / name).write_bytes(b"no audio")

    bank = sounds(tmp_path)

    bank.check()
    assert sorted(name for name, _ in bank.facts) == ["old.wav/wind.wav", "rain.wav"]


def test_a_link_to_nothing_is_an_error(tmp_path):
    (tmp_path / "rain.wav").symlink_to(tmp_path / "gone.wav")

    with pytest.raises(OptionsError, match=r"sounds.*link.*rain\.wav"):
        sounds(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no audio"])
def test_an_unreadable_sound_is_an_error_that_names_it(tmp_path, content):
    (tmp_path / "rain.wav").write_bytes(content)

    with pytest.raises(AudioError, match=r"rain\.wav"):
        sounds(tmp_path).draw(rng(), 100)
    with pytest.raises(AudioError, match=r"rain\.wav"):
        sounds(tmp_path).check()


def test_an_empty_sound_is_an_error_that_names_it(tmp_path):
    soundfile.write(tmp_path / "rain.wav", np.zeros(0), 16_000)

    with pytest.raises(AudioError, match=r"rain\.wav.*no samples"):
        sounds(tmp_path).check()
    with pytest.raises(AudioError, match=r"rain\.wav.*no samples"):
        sounds(tmp_path).draw(rng(), 100)
