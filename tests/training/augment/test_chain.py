"""All augmentations of a recipe together: their order, their chances, and the same random state."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.training import tone

from emo2vec_plugins.core import Permissions
from emo2vec_plugins.engine.windows import frame_count
from emo2vec_plugins.training.augment.chain import Augmenter, augmentations, sometimes
from emo2vec_plugins.training.augment.described import names
from emo2vec_plugins.training.recipe import AUGMENTATIONS, CODECS, COLOURS, Recipe

RANGES = {
    "speed": (0.8, 1.25),
    "pitch": (-2, 2),
    "crop": (0.5, 0.9),
    "rooms": (0.05, 0.1),
    "babble": (0, 20),
    "noise": (10, 40),
    "low_cut": (50, 400),
    "high_cut": (3000, 7600),
    "gain": (-6, 6),
    "clip": (70, 99.9),
    "dither": (-60, -45),
}
OTHERS = {"silence": 0.1, "tilt": 0.4, "equalizer": 6, "masks": 3, "mask_seconds": 0.1}


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sounds")
    soundfile.write(folder / "rain.wav", tone(90.0), 16_000)
    names = {"codecs": CODECS, "noise_colours": COLOURS, "sounds": str(folder)}
    return Recipe(tune="new", **RANGES, **OTHERS, **names)


def rng(seed=0):
    return np.random.default_rng(seed)


def turns(state, samples):
    return state.standard_normal(samples, dtype=np.float32)


def augmenter(recipe, *, normalize=True):
    return Augmenter(recipe, normalize=normalize, turns=turns)


@pytest.fixture(scope="module")
def augment(everything):
    return augmenter(everything)


def wave(seconds=0.5):
    return tone(300.0, seconds=seconds)


def test_every_augmentation_is_a_field_and_is_listed_in_order(everything):
    assert {each.name for each in fields(Recipe)} >= set(AUGMENTATIONS)
    assert everything.augments == AUGMENTATIONS
    assert tuple(augmentations(everything, turns, Permissions())) == AUGMENTATIONS
    assert len(names(everything)) == len(AUGMENTATIONS)


def test_a_recipe_without_augmentation_has_none():
    assert Recipe().augments == ()
    assert augmentations(Recipe(), turns, Permissions()) == {}
    assert names(Recipe()) == []


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_each_augmentation_changes_a_turn_but_not_the_samples_it_is_given(everything, name):
    augment = augmentations(everything, turns, Permissions())[name]
    before = wave()
    before.flags.writeable = False  # an augmentation that wrote into it would fail

    found = [augment(before, rng(seed)) for seed in (1, 1, 2, 3)]

    assert all(each.dtype == np.float32 for each in found)
    assert all(len(each) >= 400 and np.isfinite(each).all() for each in found)
    np.testing.assert_array_equal(found[0], found[1])
    assert not all(np.array_equal(each, before) for each in found)


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("samples", [400, 401, 5000])
def test_silence_and_the_shortest_turns_are_augmented_without_warnings(everything, name, samples):
    augment = augmentations(everything, turns, Permissions())[name]

    for waveform in (np.zeros(samples, np.float32), tone(300.0, seconds=1)[:samples]):
        for seed in range(3):
            found = augment(waveform, rng(seed))
            assert len(found) >= 400
            assert np.isfinite(found).all()


@given(samples=st.integers(400, 20_000), seed=st.integers(0, 1000))
def test_augmented_waveforms_have_a_frame_and_are_finite(augment, samples, seed):
    waveform = rng(seed).uniform(-1, 1, samples).astype(np.float32)
    before = waveform.copy()

    found = augment(waveform, rng(seed))

    assert found.dtype == torch.float32
    assert frame_count(len(found)) >= 1
    assert found.isfinite().all()
    np.testing.assert_array_equal(waveform, before)


def test_the_same_random_state_gives_the_same_augmentation(everything, augment):
    one, two, other = (augment(wave(), rng(seed)) for seed in (1, 1, 2))

    assert torch.equal(one, two)
    assert torch.equal(one, augmenter(everything)(wave(), rng(1)))  # rooms are the same, too
    assert not torch.equal(one[:300], other[:300])


def test_without_a_random_state_a_waveform_is_only_normalised(everything, augment):
    found = augment(wave(), None)

    assert found.mean().abs() < 1e-6
    assert found.std(correction=0) == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_array_equal(augmenter(everything, normalize=False)(wave(), None), wave())


def test_masks_are_silent_after_normalisation():
    recipe = Recipe(tune="new", masks=3, mask_seconds=0.1)

    found = augmenter(recipe)(wave() + 1, rng(2))

    assert (found == 0).sum() >= 320


def test_a_chance_is_the_share_of_turns_that_are_changed():
    recipe = Recipe(tune="new", gain=(-6, -6), chance={"gain": 0.3})
    change = augmentations(recipe, turns, Permissions())["gain"]
    state = rng()

    changed = sum(not np.array_equal(change(wave(0.03), state), wave(0.03)) for _ in range(1000))

    assert changed == pytest.approx(300, abs=50)
    assert names(recipe) == ["gain of -6 to -6 dB, clipped (for 30% of the turns)"]


def test_without_a_chance_no_random_number_is_drawn_for_it():
    def augmentation(waveform, _):
        return waveform * 2

    state = rng()
    before = state.bit_generator.state
    sometimes(augmentation, chance=1.0)(wave(), state)

    assert state.bit_generator.state == before


def test_rooms_and_sounds_have_settings_in_descriptions(everything):
    recipe = replace(everything, chance={"rooms": 0.5})

    assert "simulated rooms with RT60 of 0.05 to 0.1 s (for 50% of the turns)" in names(recipe)
    assert names(recipe)[0] == "tempo times 0.8 to 1.25"
