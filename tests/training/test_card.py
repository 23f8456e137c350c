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
from emo2vec_plugins.training.progress import Progress
from emo2vec_plugins.training.recipe import Recipe
from emo2vec_plugins.training.split import make_split
from emo2vec_plugins.training.start import Start


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    examples = read_examples(corpus(tmp_path_factory.mktemp("wav"), each=1))
    return make_split(examples, names=["dee"])


def card(split, *, base=None, classes=("happy", "sad"), story=None):
    """Return the card of a model, as one line of words."""
    start = Start(
        network=Network(SMALL, len(classes)),
        classes=classes,
        tokens=classes,
        base=base and Provenance(model=base),
    )
    heard = [Prediction(id=e.id, truth=e.label, label=e.label, duration=1.0) for e in split.dev]
    text = model_card(
        Fitted(config=SMALL, tensors={}, start=start, progress=Progress()),
        split,
        Recipe(tune="head" if base else "new"),
        evaluation=evaluate(heard, resamples=0),
        story=story or Story(),
    )
    return " ".join(text.split())


def test_a_new_model_has_heard_its_data_alone(split):
    text = card(split)

    assert "It has heard only the people, the language, the rooms" in text
    assert "nobody has checked" not in text


def test_what_a_model_has_heard_that_was_started_from_is_not_claimed_to_be_known(split):
    text = card(split, base="large")

    assert "It has heard only" not in text
    assert "of the data above, and what large has heard before, nobody has checked;" in text
    assert "which flatters a little; what large has heard before, nobody has checked. " in text


def test_turns_that_were_left_out_are_counted(split):
    story = Story(left_out="3 left out by the label map")

    assert "- Not used: 3 left out by the label map." in card(split, story=story)
    assert "Not used" not in card(split)


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        (("happy", "sad"), 'It has no class for "none of these".'),
        (("happy", "other"), "none of its other classes it can only call other, and of that"),
        (("other", "unknown"), "can only call other or unknown,"),
    ],
)
def test_a_class_of_the_rest_is_not_denied(split, classes, said):
    text = card(split, classes=classes)

    assert said in text
    assert ("no class for" in text) == (classes == ("happy", "sad"))
