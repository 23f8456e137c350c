"""The model card says of a model what is true of it."""

from __future__ import annotations

import pytest
from support.training import SMALL, corpus

from emo2vec_plugins.core.values import Provenance
from emo2vec_plugins.evaluation.metrics import evaluate
from emo2vec_plugins.evaluation.predictions import Prediction
from emo2vec_plugins.models.network import Network
from emo2vec_plugins.training.card import Story, model_card
from emo2vec_plugins.training.examples import read_examples
from emo2vec_plugins.training.fit import Fitted
from emo2vec_plugins.training.history import History
from emo2vec_plugins.training.model import InitialModel
from emo2vec_plugins.training.recipe import Recipe
from emo2vec_plugins.training.split import make_split


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    examples = read_examples(corpus(tmp_path_factory.mktemp("wav"), each=1))
    return make_split(examples, names=["dee"])


def card(split, *, base=None, labels=("happy", "sad"), story=None):
    """Return the card of a model, as one line of words."""
    initial = InitialModel(
        network=Network(SMALL, len(labels)),
        labels=labels,
        tokens=labels,
        base=base and Provenance(model=base),
    )
    predictions = [
        Prediction(id=e.id, truth=e.label, label=e.label, duration=1.0) for e in split.dev
    ]
    text = model_card(
        Fitted(config=SMALL, tensors={}, initial=initial, history=History()),
        split,
        Recipe(tune="head" if base else "new"),
        evaluation=evaluate(predictions, resamples=0),
        story=story or Story(),
    )
    return " ".join(text.split())


def test_a_new_model_knows_its_data_alone(split):
    text = card(split)

    assert "It was trained only on the people, the language, the rooms" in text
    assert "is not known" not in text


def test_what_the_base_model_was_trained_on_is_not_claimed_to_be_known(split):
    text = card(split, base="large")

    assert "It was trained only" not in text
    assert "of the data above, and what large was trained on before is not known;" in text
    assert "which flatters a little; what large was trained on before is not known. " in text


def test_turns_that_were_left_out_are_counted(split):
    story = Story(left_out="3 left out by the label map")

    assert "- Not used: 3 left out by the label map." in card(split, story=story)
    assert "Not used" not in card(split)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (("happy", "sad"), 'It has no class for "none of these".'),
        (("happy", "other"), "none of its other labels it can only call other, and of that"),
        (("other", "unknown"), "can only call other or unknown,"),
    ],
)
def test_a_class_of_the_rest_is_not_denied(split, labels, said):
    text = card(split, labels=labels)

    assert said in text
    assert ("no class for" in text) == (labels == ("happy", "sad"))
