"""A prior: how often labels occur where a model will be used."""

from __future__ import annotations

import math

import pytest
import torch
from support.facts import assert_facts
from support.training import corpus, small_config

from emo2vec_plugins.errors import OptionsError, TrainingError
from emo2vec_plugins.training.checkpoints import Checkpoints
from emo2vec_plugins.training.examples import read_examples
from emo2vec_plugins.training.heads import Heads, heads_of
from emo2vec_plugins.training.model import new_model, trainable
from emo2vec_plugins.training.problems import problems
from emo2vec_plugins.training.recipe import Recipe
from emo2vec_plugins.training.split import Split
from emo2vec_plugins.training.trainer import Side, Trainer


class Alike:
    """Features of turns that cannot be told apart."""

    def batch(self, indices, rng):
        return [torch.linspace(-1, 1, 4000) for _ in indices]


@pytest.fixture(scope="module")
def turns(tmp_path_factory):
    """Return twelve turns, three happy ones for each sad one."""
    everyone = read_examples(corpus(tmp_path_factory.mktemp("corpus")))
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
    ("prior", "preference"),
    [
        ({}, math.log(3)),
        ({"happy": 1.0, "sad": 1.0}, 0.0),
        ({"happy": 0.25, "sad": 0.5}, -math.log(2)),
    ],
)
def test_a_label_is_preferred_as_often_as_the_prior_says(
    turns, recipe, tmp_path, prior, preference
):
    """Happy is drawn three times as often as sad, and nothing tells them apart."""
    recipe = recipe.but({"prior": prior})
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


def test_a_head_of_its_own_has_no_offset_and_no_share_is_zero():
    heads = Heads(labels=("happy", "sad"), own=(("bursts", ("angry", "sad")),))
    targets = torch.tensor([[1.0, 0, 0, 0]] * 3 + [[0, 0, 1.0, 0]])

    found = heads.offsets(targets, {"happy": 0.5, "sad": 1.0})

    assert found.exp().tolist() == pytest.approx([1.5, 0.25, 1, 1])
    assert heads.offsets(targets, {}).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("prior", [{"happy": 1.0}, {"happy": 1.0, "sad": 1.0, "angry": 1.0}])
def test_a_prior_for_other_labels_is_a_problem_before_training(turns, recipe, prior):
    split = Split(train=turns)

    [problem] = problems(split, recipe.but({"prior": prior}))
    assert isinstance(problem, TrainingError)
    assert_facts(str(problem), "prior", "happy, sad", ", ".join(prior))


@pytest.mark.parametrize(
    ("prior", "facts"),
    [({"sad": 0.0}, ["above 0", "sad"]), ({"glad": 0.5}, ["glad", "unknown"])],
)
def test_an_impossible_prior_is_refused(prior, facts):
    with pytest.raises(OptionsError) as caught:
        Recipe(prior=prior)
    assert_facts(str(caught.value), "prior", *facts)
