"""A prior: how often labels occur where a model will be used."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from support.facts import assert_facts
from support.training import corpus, small_config
from torch.nn.functional import cross_entropy, one_hot

from emo2vec_plugins.errors import OptionsError, TrainingError
from emo2vec_plugins.training.checkpoints import Checkpoints
from emo2vec_plugins.training.examples import read_examples
from emo2vec_plugins.training.heads import heads_of
from emo2vec_plugins.training.model import new_model, trainable
from emo2vec_plugins.training.optimization import class_loss
from emo2vec_plugins.training.prior import chances, offsets
from emo2vec_plugins.training.problems import problems
from emo2vec_plugins.training.recipe import Recipe
from emo2vec_plugins.training.sampling import batches
from emo2vec_plugins.training.split import Split
from emo2vec_plugins.training.trainer import Side, Trainer


class Alike:
    """The same features for every turn."""

    def batch(self, indices, rng):
        return [torch.linspace(-1, 1, 4000) for _ in indices]


@pytest.fixture(scope="module")
def everyone(tmp_path_factory):
    return read_examples(corpus(tmp_path_factory.mktemp("corpus")))


@pytest.fixture(scope="module")
def turns(everyone):
    """Return eight turns, three happy ones for each sad one."""
    happy = [each for each in everyone if each.label == "happy"]
    sad = [each for each in everyone if each.label == "sad"]
    return (*happy[:6], *sad[:2])


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    network = small_config(tmp_path_factory.mktemp("network") / "config.yaml")
    return Recipe(
        tune="new",
        network=str(network),
        epochs=40,
        learning_rate=0.01,
        label_smoothing=0.0,
        balance=False,
    )


@pytest.mark.parametrize(
    ("changes", "preference"),
    [
        ({}, math.log(3)),
        ({"prior": {"happy": 1, "sad": 1}}, 0.0),
        ({"prior": {"happy": 200, "sad": 400}}, -math.log(2)),
        ({"prior": {"happy": 1, "sad": 1}, "label_smoothing": 0.3}, 0.0),
        ({"prior": {"happy": 1, "sad": 1}, "balance": True}, 0.0),
    ],
)
def test_a_label_is_preferred_as_often_as_the_prior_says(
    turns, recipe, tmp_path, changes, preference
):
    """Happy is drawn three times as often as sad, and nothing tells them apart."""
    recipe = recipe.but(changes)
    heads = heads_of(turns, recipe)
    model = trainable(new_model(recipe, heads.labels), recipe)
    trainer = Trainer(
        model,
        recipe,
        train=Side(turns, heads, Alike()),
        dev=None,
        checkpoints=Checkpoints(tmp_path, {}),
        found=None,
        device=torch.device("cpu"),
    )

    trainer.run()

    with torch.no_grad():
        happy, sad = model.eval()(Alike().batch([0], None))[0].tolist()
    assert happy - sad == pytest.approx(preference, abs=0.1)


def test_a_rare_label_is_not_given_to_clear_turns_of_others_by_smoothing():
    """The best logits for a turn that is certainly happy, drawn 39 times as often as sad."""
    logits = torch.zeros(1, 2, requires_grad=True)
    rare = torch.tensor([0.975, 0.025]).log()
    optimizer = torch.optim.LBFGS([logits], max_iter=100)

    def loss():
        optimizer.zero_grad()
        value = class_loss(logits, torch.tensor([[1.0, 0.0]]), smoothing=0.1, offsets=rare)
        value.backward()
        return value

    optimizer.step(loss)
    happy, sad = logits[0].tolist()
    assert happy - sad == pytest.approx(math.log(0.9975 / 0.0025) - math.log(39), abs=0.05)


def test_without_offsets_the_loss_is_that_of_torch():
    logits, truth = torch.randn(5, 3), torch.tensor([0, 2, 1, 1, 0])

    found = class_loss(logits, one_hot(truth).float(), smoothing=0.2)
    assert found.item() == pytest.approx(cross_entropy(logits, truth, label_smoothing=0.2).item())


@pytest.mark.parametrize("changes", [{}, {"balance": False}, {"shares": {"one": 0.9, "two": 0.1}}])
def test_the_expected_shares_are_those_of_many_epochs(turns, changes):
    recipe = Recipe().but(changes)
    named = [_named(each, "two" if place in (0, 6) else "one") for place, each in enumerate(turns)]
    drawn = [
        i for epoch in range(400) for batch in batches(named, recipe, epoch=epoch) for i in batch
    ]

    counts = np.bincount(drawn, minlength=len(named)) / len(drawn)
    assert chances(named, recipe) == pytest.approx(counts, abs=0.02)


def _named(example, name):
    turn = example.cut.supervisions[0]
    turn = replace(turn, custom=turn.custom | {"corpus": name})
    return replace(example, cut=replace(example.cut, supervisions=[turn]))


def test_a_head_of_its_own_has_no_offset(everyone):
    by_label = sorted(everyone, key=lambda each: each.label)
    named = [_named(each, "bursts" if i % 4 == 0 else "speech") for i, each in enumerate(by_label)]
    recipe = Recipe(own_head=("bursts",), prior={"happy": 0.5, "sad": 1.0}, balance=False)
    heads = heads_of(named, recipe)
    speech = Counter(each.label for each in named if each.value("corpus") == "speech")

    expected = [2 * speech["happy"] / len(named), speech["sad"] / len(named), 1, 1]
    assert offsets(named, heads, recipe).exp().tolist() == pytest.approx(expected)
    assert offsets(named, heads, recipe.but({"prior": {}})).tolist() == [0, 0, 0, 0]


def test_a_label_that_is_never_drawn_is_a_problem_before_training(turns, recipe):
    split = Split(train=tuple(_named(each, each.label) for each in turns))
    never = {"prior": {"happy": 1, "sad": 1}, "shares": {"happy": 1.0, "sad": 0.0}}

    [problem] = problems(split, recipe.but(never))
    assert isinstance(problem, TrainingError)
    assert_facts(str(problem), "prior", "sad", "share of 0")


@pytest.mark.parametrize("prior", [{"happy": 1.0}, {"happy": 1.0, "sad": 1.0, "angry": 1.0}])
def test_a_prior_for_other_labels_is_a_problem_before_training(turns, recipe, prior):
    split = Split(train=turns)

    [problem] = problems(split, recipe.but({"prior": prior}))
    assert isinstance(problem, TrainingError)
    assert_facts(str(problem), "prior", "happy, sad", ", ".join(prior))


@pytest.mark.parametrize(
    ("changes", "facts"),
    [
        ({"prior": {"sad": 0.0}}, ["prior of sad", "at least 1e-06", "0.0"]),
        ({"prior": {"glad": 0.5}}, ["prior", "glad", "unknown"]),
        ({"prior": [1, 2]}, ["prior", "must map names to numbers", "[1, 2]"]),
        (
            {"prior": {"sad": 1}, "class_weights": True, "balance": False},
            ["class_weights", "prior"],
        ),
    ],
)
def test_an_impossible_prior_is_refused(changes, facts):
    with pytest.raises(OptionsError) as caught:
        Recipe().but(changes)
    assert_facts(str(caught.value), *facts)
