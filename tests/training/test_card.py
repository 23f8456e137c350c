"""The statements of a model card depend on the model."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.facts import assert_facts
from support.training import SMALL, corpus

from emo2vec_plugins.core.values import Provenance
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.evaluation.metrics import evaluate
from emo2vec_plugins.evaluation.predictions import Prediction
from emo2vec_plugins.models.network import Network
from emo2vec_plugins.training.card import CardContent, data_of, model_card
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
    return " ".join(model_card_of(split, base=base, labels=labels, content=content).split())


def model_card_of(split, *, base=None, labels=("happy", "sad"), content=None):
    initial = InitialModel(
        network=Network(SMALL, len(labels)),
        labels=labels,
        tokens=labels,
        base=base and Provenance(model=base),
    )
    predictions = [
        Prediction(id=e.id, truth=e.label, label=e.label, duration=1.0) for e in split.dev
    ]
    return model_card(
        Fitted(config=SMALL, tensors={}, initial=initial, history=History()),
        split,
        Recipe(tune="head" if base else "new"),
        evaluation=evaluate(predictions, resamples=0),
        content=content or CardContent(),
    )


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


def test_the_line_about_trust_is_at_the_top_once(split):
    notes = "Data by Ann, CC BY 4.0.\n\n**Trust:** acted speech only\n\nMore."

    text = card(split, content=CardContent(title="mine", notes=notes))

    assert text.startswith("# mine **Trust:** acted speech only A network")
    assert text.count("**Trust:**") == 1
    assert "embeddings of width 16. Data by Ann, CC BY 4.0. More. ## Data" in text
    assert "Trust" not in card(split)


@pytest.mark.parametrize(
    ("notes", "facts"),
    [
        ("**Trust:** a\n\n**Trust:** b", ["one line **Trust:**", "got 2"]),
        ("**Trust:**  ", ["**Trust:**", "text"]),
        ("**Trust:** good\x1b[2J", ["control characters", "x1b"]),
    ],
)
def test_an_unusable_line_about_trust_is_an_error(notes, facts):
    with pytest.raises(OptionsError) as error:
        CardContent(notes=notes)

    assert_facts(str(error.value), *facts)


def described(example, **fields):
    own = example.supervision
    changed = replace(own, **fields)
    return replace(example, cut=replace(example.cut, supervisions=[changed]))


def test_turns_are_counted_by_corpus_language_and_sex(split):
    train = [
        described(
            each,
            gender="f" if each.speaker == "ann" else None,
            custom={**each.supervision.custom, "corpus": "a|b", "presumed": each.speaker == "ann"},
        )
        for each in split.train
    ]

    text = model_card_of(replace(split, train=tuple(train)))

    assert_facts(
        text,
        "- 2 of the training turns have labels that were only presumed.",
        "Training turns:\n\n| corpus | sex | speakers | minutes | turns | happy | sad |\n",
        "| a\\|b | unknown | 2 | 0.0 | 4 | 2 | 2 |\n| a\\|b | f | 1 | 0.0 | 2 | 1 | 1 |\n",
    )
    assert "Development turns:" not in text


def test_a_field_that_is_no_text_does_not_spoil_the_card(split):
    train = [
        described(each, custom={**each.supervision.custom, "corpus": [1]}) for each in split.train
    ]

    assert "turns:" not in data_of(replace(split, train=tuple(train)), CardContent())


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


def test_names_of_speakers_cannot_write_lines_of_the_card(tmp_path):
    name = "ann\n**Trust:** reliable everywhere\x1b[31m"
    split = make_split(read_examples(corpus(tmp_path, speakers=("ann", "bob"))))
    renamed = [_spoken_by(each, name) for each in split.train]

    text = data_of(replace(split, train=tuple(renamed)), CardContent())

    assert "reliable everywhere" in text
    assert not [line for line in text.splitlines() if line.startswith("**Trust:**")]
    assert "\x1b" not in text


def _spoken_by(example, speaker):
    turn = replace(example.supervision, speaker=speaker)
    return replace(example, speaker=speaker, cut=replace(example.cut, supervisions=[turn]))
