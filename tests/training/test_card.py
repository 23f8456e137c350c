"""The statements of a model card depend on the model."""

from __future__ import annotations

import pytest
from support.training import SMALL, corpus

from emo2vec_plugins.core.values import Provenance
from emo2vec_plugins.evaluation.metrics import evaluate
from emo2vec_plugins.evaluation.predictions import Prediction
from emo2vec_plugins.models.network import Network
from emo2vec_plugins.training.card import CardContent, model_card
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


def card(split, *, base=None, labels=("happy", "sad"), content=None):
    """Return the card of a model with all whitespace collapsed."""
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
        content=content or CardContent(),
    )
    return " ".join(text.split())


def test_a_new_model_is_trained_only_on_its_own_data(split):
    text = card(split)

    assert "trained only on" in text
    assert "not known" not in text


def test_the_training_data_of_the_base_model_are_not_known(split):
    text = card(split, base="large")

    assert "trained only on" not in text
    for heading in ("## Results", "## Limitations"):
        section = text.partition(heading)[2].partition("## ")[0]
        assert "training data of large are not known" in section


def test_turns_that_were_left_out_are_counted(split):
    content = CardContent(left_out="3 left out by the label map")

    assert "- Not used: 3 left out by the label map." in card(split, content=content)
    assert "Not used" not in card(split)


@pytest.mark.parametrize(
    ("labels", "fact"),
    [
        (("happy", "sad"), "no class for other emotions"),
        (("happy", "other"), "only as other,"),
        (("other", "unknown"), "only as other or unknown,"),
    ],
)
def test_the_card_says_whether_a_class_for_other_emotions_exists(split, labels, fact):
    text = card(split, labels=labels)

    assert fact in text
    assert ("no class for" in text) == (labels == ("happy", "sad"))
