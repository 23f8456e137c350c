"""The arithmetic of training: augmentation, sampling, class weights and tokens."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.training import corpus, tone

from emo2vec_plugins.engine.windows import frame_count
from emo2vec_plugins.training import augment
from emo2vec_plugins.training.examples import read_examples
from emo2vec_plugins.training.model import tokens_of
from emo2vec_plugins.training.optimization import class_weights
from emo2vec_plugins.training.recipe import Recipe
from emo2vec_plugins.training.sampling import batches, draw, in_order

EVERYTHING = Recipe(
    tune="new",
    speed=(0.8, 1.25),
    crop=(0.5, 0.9),
    tilt=0.4,
    noise=(10, 40),
    gain=(-6, 6),
    masks=3,
    mask_seconds=0.1,
)


def rng(seed=0):
    return np.random.default_rng(seed)


def wave(pitch=300.0, seconds=0.5):
    return torch.from_numpy(tone(pitch, seconds=seconds))


def db(ratio):
    return 20 * np.log10(float(ratio))


@given(samples=st.integers(400, 20_000), seed=st.integers(0, 1000))
def test_augmented_waveforms_have_a_frame_and_are_finite(samples, seed):
    waveform = torch.from_numpy(rng(seed).uniform(-1, 1, samples).astype(np.float32))
    before = waveform.clone()

    found = augment.prepare(waveform, EVERYTHING, normalize=True, rng=rng(seed))

    assert frame_count(len(found)) >= 1
    assert found.isfinite().all()
    assert torch.equal(waveform, before)


def test_the_same_random_state_gives_the_same_augmentation():
    one, two, other = (
        augment.prepare(wave(), EVERYTHING, normalize=True, rng=rng(seed)) for seed in (1, 1, 2)
    )

    assert torch.equal(one, two)
    assert len(other) != len(one)


def test_without_a_random_state_a_waveform_is_only_normalised():
    found = augment.prepare(wave(), EVERYTHING, normalize=True, rng=None)

    assert found.mean().abs() < 1e-6
    assert found.std(correction=0) == pytest.approx(1.0, abs=1e-3)
    assert augment.prepare(wave(), EVERYTHING, normalize=False, rng=None) is not None
    assert torch.equal(augment.prepare(wave(), EVERYTHING, normalize=False, rng=None), wave())


def test_a_recipe_without_augmentation_has_none():
    assert augment.augmentations(Recipe()) == ()
    assert augment.names(Recipe()) == []
    assert len(augment.augmentations(EVERYTHING)) == 5
    assert augment.names(EVERYTHING)[0] == "tempo times 0.8 to 1.25"


@pytest.mark.parametrize("level", [0.0, 20.0])
def test_noise_has_the_given_signal_to_noise_ratio(level):
    noise = augment.add_noise(wave(), rng(), snr=(level, level)) - wave()

    assert db(wave().std() / noise.std()) == pytest.approx(level, abs=0.3)


def test_gain_is_in_decibels_and_clips_at_full_scale():
    soft = augment.change_gain(wave(), rng(), decibels=(-20, -20))
    loud = augment.change_gain(wave(), rng(), decibels=(20, 20))

    assert torch.allclose(soft, wave() / 10)
    assert loud.abs().max() == 1.0


@pytest.mark.parametrize(("factor", "samples"), [(1.25, 6400), (1.0, 8000), (0.5, 16_000)])
def test_speed_changes_length_and_pitch_together(factor, samples):
    found = augment.change_speed(wave(1000), rng(), factor=(factor, factor))
    peak = torch.fft.rfft(found).abs().argmax() * 16_000 / len(found)

    assert len(found) == samples
    assert peak == pytest.approx(1000 * factor, rel=0.02)


def test_a_crop_is_a_stretch_of_the_waveform():
    ramp = torch.arange(8000.0)

    found = augment.crop(ramp, rng(), share=(0.5, 0.5))

    assert len(found) == 4000
    assert torch.equal(found, ramp[int(found[0]) : int(found[0]) + 4000])


def test_a_crop_keeps_at_least_one_frame():
    assert len(augment.crop(torch.ones(500), rng(), share=(0.01, 0.01))) == 400


def test_a_tilt_has_opposite_effects_on_high_and_low_frequencies():
    high, low = wave(7000), wave(100)
    tilted = [augment.tilt(x, rng(3), most=0.4).std() / x.std() for x in (high, low)]

    assert (tilted[0] - 1) * (tilted[1] - 1) < 0


def test_masks_cover_whole_frames_up_to_the_given_length():
    masked = [
        augment.mask(torch.ones(16_000), rng(seed), count=2, seconds=0.1) for seed in range(20)
    ]
    zeros = [int((x == 0).sum()) for x in masked]

    assert all(count % 320 == 0 for count in zeros)
    assert max(zeros) <= 2 * 1600
    assert min(zeros) == 0
    assert len(set(zeros)) > 3


def test_without_masks_no_random_number_is_drawn():
    state = rng()
    before = state.bit_generator.state

    augment.mask(torch.ones(16_000), state, count=0, seconds=0.1)

    assert state.bit_generator.state == before


def test_a_long_turn_is_cut_at_random_in_training_and_in_the_middle_in_evaluation():
    ramp = torch.arange(100.0)

    assert augment.stretch(ramp, 20, None).tolist() == list(range(40, 60))
    assert len({float(augment.stretch(ramp, 20, rng(seed))[0]) for seed in range(9)}) > 3
    assert augment.stretch(ramp, 200, None) is ramp


LABELS = st.lists(st.sampled_from(["angry", "happy", "sad"]), min_size=3, max_size=60)


@given(labels=LABELS, epoch=st.integers(0, 5), seed=st.integers(0, 5))
def test_classes_and_the_turns_of_a_class_are_drawn_equally_often(labels, epoch, seed):
    drawn = draw(labels, Recipe(seed=seed), epoch=epoch)

    assert len(drawn) == len(labels)
    by_class = Counter(labels[index] for index in drawn)
    assert max(by_class.values()) - min(by_class.get(name, 0) for name in set(labels)) <= 1
    for name in set(labels):
        times = Counter(drawn)
        own = [times[index] for index, label in enumerate(labels) if label == name]
        assert max(own) - min(own) <= 1


@given(labels=LABELS, epoch=st.integers(0, 5))
def test_without_balance_every_turn_is_drawn_once(labels, epoch):
    drawn = draw(labels, Recipe(balance=False), epoch=epoch)

    assert sorted(drawn) == list(range(len(labels)))


def test_the_order_depends_on_the_epoch_and_the_seed():
    labels = ["happy", "sad"] * 10
    orders = [draw(labels, Recipe(seed=s), epoch=e) for s, e in [(0, 0), (0, 0), (0, 1), (1, 0)]]

    assert orders[0] == orders[1]
    assert orders[0] != orders[2] != orders[3] != orders[0]


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    return read_examples(corpus(tmp_path_factory.mktemp("corpus")))  # of 0.2 and 0.25 s


def test_batches_respect_the_limits_of_seconds_and_turns(examples):
    by_seconds = batches(examples, Recipe(batch_seconds=1.0), epoch=0)
    by_turns = batches(examples, Recipe(batch_turns=3), epoch=0)

    assert all(sum(examples[i].duration for i in batch) <= 1.0 for batch in by_seconds)
    assert sum(map(len, by_seconds)) == 16
    assert [len(batch) for batch in by_turns] == [3, 3, 3, 3, 3, 1]


def test_turns_longer_than_a_batch_get_their_own_batch(examples):
    long = [replace(example, duration=100.0) for example in examples]

    assert [len(b) for b in batches(long, Recipe(batch_seconds=10.0), epoch=0)] == [1] * 16


def test_evaluation_keeps_the_order(examples):
    found = in_order(examples, Recipe(batch_seconds=1.0))

    assert [index for batch in found for index in batch] == list(range(16))
    assert all(sum(examples[i].duration for i in batch) <= 1.0 for batch in found)


def test_errors_in_rare_classes_have_more_weight():
    weights = class_weights(["sad", "sad", "sad", "happy"], ["happy", "sad"])

    assert weights.tolist() == pytest.approx([2.0, 2 / 3])


def test_tokens_come_from_the_model_or_from_the_published_ones():
    assert tokens_of(["angry", "unknown", "bored"]) == ("生气/angry", "<unk>", "bored")
    assert tokens_of(["angry", "sad"], ["ÄRGER/angry"]) == ("ÄRGER/angry", "难过/sad")
