"""The arithmetic of training: sampling, class weights and tokens."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.training import corpus

from emo2vec_plugins.training.examples import read_examples
from emo2vec_plugins.training.model import tokens_of
from emo2vec_plugins.training.optimization import class_weights
from emo2vec_plugins.training.recipe import Recipe
from emo2vec_plugins.training.sampling import batches, draw, in_order

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


@pytest.mark.parametrize(
    ("changes", "shortest"), [({"silence": 0.4}, 1.0), ({"speed": (0.5, 1.0)}, 0.4)]
)
def test_batches_have_space_for_what_augmentation_may_add(examples, changes, shortest):
    """The shortest turns are of 0.2 s."""
    recipe = Recipe(tune="new", batch_seconds=2.0, **changes)

    assert max(map(len, batches(examples, recipe, epoch=0))) <= 2.0 / shortest
    assert max(map(len, in_order(examples, recipe))) > 2.0 / shortest  # without augmentation


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
