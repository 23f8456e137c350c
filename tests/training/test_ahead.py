"""Batches prepared ahead in threads, and waveforms kept in memory."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from support.training import corpus

from emo2vec_plugins.errors import AudioError
from emo2vec_plugins.training import features
from emo2vec_plugins.training.examples import read_examples
from emo2vec_plugins.training.features import Waveforms, ahead
from emo2vec_plugins.training.kept import Kept, Memory
from emo2vec_plugins.training.recipe import Recipe


class Numbers:
    """Features that are random numbers; the first batches take longest."""

    def __init__(self, *, fails_at=None):
        self.begun = []
        self._fails_at = fails_at

    def batch(self, indices, rng):
        self.begun.append(indices)
        if indices == self._fails_at:
            raise AudioError("no such file")
        return [torch.from_numpy(rng.standard_normal(1000 // (indices[0] + 1))) for _ in indices]


def plan(count):
    return [([index, index + 1], np.random.default_rng(index)) for index in range(count)]


@pytest.fixture(autouse=True, params=[1, 4])
def workers(request, monkeypatch):
    monkeypatch.setattr(features, "cores", lambda: request.param + 1)
    return request.param


def test_batches_are_in_order_and_as_without_threads():
    expected = [(indices, Numbers().batch(indices, rng)) for indices, rng in plan(30)]

    found = list(ahead(Numbers(), plan(30)))

    assert [indices for indices, _ in found] == [indices for indices, _ in expected]
    for (_, one), (_, other) in zip(found, expected, strict=True):
        assert all(map(torch.equal, one, other))


def test_only_some_batches_are_prepared_ahead(workers):
    numbers = Numbers()
    prepared = ahead(numbers, plan(100))

    next(prepared)
    prepared.close()

    assert len(numbers.begun) <= 2 * workers + 2
    assert not [each for each in threading.enumerate() if "prefetch" in each.name]


def test_an_error_is_raised_after_the_batches_before_it():
    found = []

    with pytest.raises(AudioError, match="no such file"):
        found.extend(indices for indices, _ in ahead(Numbers(fails_at=[7, 8]), plan(20)))
    assert not [each for each in threading.enumerate() if "prefetch" in each.name]


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    return read_examples(corpus(tmp_path_factory.mktemp("corpus")))


def test_augmented_waveforms_do_not_depend_on_threads(examples):
    recipe = Recipe(tune="new", noise=(0, 10), babble=(0, 10), rooms=(0.05, 0.1), codecs=("gsm",))
    batches = [([n, n + 1], 100 + n) for n in range(10)]

    def feed():
        return Waveforms(examples, recipe, normalize=True, memory=Memory())

    one = feed()
    expected = [one.batch(indices, np.random.default_rng(seed)) for indices, seed in batches]
    steps = ((indices, np.random.default_rng(seed)) for indices, seed in batches)

    for (_, found), wanted in zip(ahead(feed(), steps), expected, strict=True):
        assert all(map(torch.equal, found, wanted))


def test_long_turns_are_babble_in_part(examples):
    recipe = Recipe(tune="new", babble=(0, 0), max_seconds=0.05)
    own = [replace(each) for each in examples]
    feed = Waveforms(own, recipe, normalize=True, memory=Memory())

    assert {len(x) for x in feed.batch([0, 1], np.random.default_rng(0))} == {800}


def test_waveforms_are_kept_up_to_a_limit_and_read_again_beyond_it():
    read = []

    def waveform(index):
        read.append(index)
        return np.full(16_000, index, np.float32)

    kept = Kept(waveform, Memory(hours=2.5 / 3600))

    for _ in range(3):
        assert [int(kept(index)[0]) for index in (4, 5, 6)] == [4, 5, 6]
    assert read == [4, 5, 6, 6, 6]


def test_parts_of_a_training_share_the_memory():
    read = []

    def waveform(index):
        read.append(index)
        return np.zeros(16_000, np.float32)

    memory = Memory(hours=1.5 / 3600)
    turns, sounds = Kept(waveform, memory), Kept(waveform, memory)
    for _ in range(2):
        turns(1)
        sounds(2)

    assert read == [1, 2, 2]
