"""Labels that are drawn more often, and the adjustment for it."""

from __future__ import annotations

import math

import pytest
import torch
from support.facts import assert_facts
from support.training import corpus, small_config

from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.training.checkpoints import Checkpoints
from emo2vec_plugins.training.examples import read_examples
from emo2vec_plugins.training.heads import heads_of
from emo2vec_plugins.training.model import new_model, trainable
from emo2vec_plugins.training.optimization import log_shares
from emo2vec_plugins.training.recipe import Recipe
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


@pytest.mark.parametrize(("factor", "preference"), [(0.0, math.log(3)), (1.0, 0.0)])
def test_with_adjustment_the_more_frequent_label_is_not_preferred(
    turns, recipe, tmp_path, factor, preference
):
    """Happy is drawn three times as often as sad, and nothing tells them apart."""
    recipe = recipe.but({"logit_adjustment": factor})
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


def test_the_shares_are_of_drawn_turns_and_never_zero():
    targets = torch.tensor([[1.0, 0.0, 0.0]] * 3 + [[0.0, 1.0, 0.0]])

    assert log_shares(targets).exp().tolist() == pytest.approx([0.75, 0.25, 0.25])


def test_a_factor_below_zero_is_refused():
    with pytest.raises(OptionsError) as caught:
        Recipe(logit_adjustment=-1.0)
    assert_facts(str(caught.value), "logit_adjustment", "at least 0", "-1")
