"""Corpora with a share of the epoch, and with a head of their own."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.facts import assert_facts
from support.training import CPU, corpus, cut, same, small_config, stopped, tone, weights
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from emo2vec_plugins.errors import OptionsError, ResumeError, TrainingError
from emo2vec_plugins.training.examples import read_examples
from emo2vec_plugins.training.heads import Heads, heads_of
from emo2vec_plugins.training.optimization import class_loss, loss_of_heads
from emo2vec_plugins.training.recipe import Recipe
from emo2vec_plugins.training.run import train
from emo2vec_plugins.training.sampling import batches, draw
from emo2vec_plugins.training.split import Split

SHARES = {"speech": 0.75, "bursts": 0.25}


def _named(cuts, name):
    for each in cuts:
        each.supervisions[0].custom["corpus"] = name
    return cuts


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """Return speech, happy and sad, and bursts, angry and happy."""
    folder = tmp_path_factory.mktemp("corpora")
    speech = _named(corpus(folder / "speech", speakers=("ann", "bob")), "speech")
    bursts = [
        cut(folder, f"{label}-{who}", tone(pitch, seed=who), speaker=f"eve{who}", emotion=label)
        for label, pitch in (("angry", 400.0), ("happy", 1200.0))
        for who in range(6)
    ]
    return read_examples([*speech, *_named(bursts, "bursts")])


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    network = small_config(tmp_path_factory.mktemp("network") / "config.yaml")
    return Recipe(
        tune="new",
        network=str(network),
        epochs=2,
        learning_rate=0.01,
        shares=SHARES,
        own_head=("bursts",),
    )


def test_a_corpus_with_a_head_of_its_own_adds_no_class(examples, recipe):
    heads = heads_of(examples, recipe)

    assert heads.labels == ("happy", "sad")
    assert heads.own == (("bursts", ("angry", "happy")),)
    assert (heads.extra, heads.spans) == (2, [slice(0, 2), slice(2, 4)])
    names = [*heads.labels, *heads.own[0][1]]
    assert [names[heads.row(each)] for each in examples] == [each.label for each in examples]
    rows = {each.value("corpus"): set() for each in examples}
    for each in examples:
        rows[each.value("corpus")].add(heads.row(each))
    assert rows == {"speech": {0, 1}, "bursts": {2, 3}}


def test_without_own_heads_the_corpus_is_not_needed(examples):
    anonymous = [replace(each, cut=_without_corpus(each.cut)) for each in examples]

    assert heads_of(anonymous, Recipe()) == Heads(labels=("angry", "happy", "sad"))
    with pytest.raises(TrainingError) as caught:
        heads_of(anonymous, Recipe(own_head=("bursts",)))
    assert_facts(str(caught.value), "own_head", "20 of 20", "corpus", anonymous[0].id)


def _without_corpus(given):
    turn = given.supervisions[0]
    custom = {name: value for name, value in turn.custom.items() if name != "corpus"}
    return replace(given, supervisions=[replace(turn, custom=custom)])


def test_a_corpus_of_the_recipe_without_turns_is_an_error(examples):
    with pytest.raises(TrainingError) as caught:
        heads_of(examples, Recipe(own_head=("laughs",)))
    assert_facts(str(caught.value), "own_head", "laughs", "bursts, speech")

    with pytest.raises(TrainingError) as caught:
        heads_of(examples, Recipe(own_head=("bursts", "speech")))
    assert_facts(str(caught.value), "own_head", "20 turns", "another corpus")


LOGITS = st.lists(st.lists(st.floats(-5, 5), min_size=5, max_size=5), min_size=1, max_size=6)


@given(logits=LOGITS, smoothing=st.floats(0, 0.5), data=st.data())
def test_the_loss_of_labels_is_that_of_torch(logits, smoothing, data):
    """The independent implementation, which takes the indices of the labels."""
    labels = torch.tensor([data.draw(st.integers(0, 4)) for _ in logits])
    weights = torch.tensor([1.0, 0.5, 2.0, 0.1, 3.0])
    expected = F.cross_entropy(torch.tensor(logits), labels, weights, label_smoothing=smoothing)

    targets = F.one_hot(labels, 5).float()
    found = class_loss(torch.tensor(logits), targets, weights=weights, smoothing=smoothing)

    assert torch.isclose(found, expected, rtol=1e-4, atol=1e-5)


@given(logits=LOGITS, data=st.data())
def test_the_loss_of_a_turn_is_among_the_labels_of_its_head(logits, data):
    """By the definition: the mean of each turn's own cross-entropy."""
    spans = [slice(0, 2), slice(2, 5)]
    rows = torch.tensor([data.draw(st.integers(0, 4)) for _ in logits])
    values = torch.tensor(logits)
    expected = [
        F.cross_entropy(values[i : i + 1, span], rows[i : i + 1] - span.start, label_smoothing=0.1)
        for i in range(len(logits))
        for span in spans
        if span.start <= rows[i] < span.stop
    ]

    found = loss_of_heads(
        values, F.one_hot(rows, 5).float(), spans, smoothing=0.1, offsets=torch.zeros(5)
    )

    assert torch.isclose(found, torch.stack(expected).mean(), atol=1e-5)


@given(
    sizes=st.tuples(st.integers(2, 20), st.integers(2, 20)),
    share=st.floats(0.1, 0.9),
    epoch=st.integers(0, 3),
)
def test_each_corpus_gets_its_share_of_the_epoch(sizes, share, epoch):
    corpora = ["speech"] * sizes[0] + ["bursts"] * sizes[1]
    labels = ["happy" if index % 3 else "sad" for index in range(len(corpora))]
    recipe = Recipe(shares={"speech": share, "bursts": 1 - share})

    drawn = draw(labels, recipe, epoch=epoch, corpora=corpora)

    assert len(drawn) == len(labels)
    count = sum(corpora[index] == "speech" for index in drawn)
    assert abs(count - share * len(labels)) <= 1
    for corpus_name in set(corpora):
        own = Counter(labels[index] for index in drawn if corpora[index] == corpus_name)
        present = {labels[i] for i, each in enumerate(corpora) if each == corpus_name}
        assert max(own.values(), default=0) - min(own[name] for name in present) <= 1


def test_shares_must_name_the_corpora_and_add_up(examples):
    with pytest.raises(OptionsError) as caught:
        Recipe(shares={"speech": 0.5, "bursts": 0.4})
    assert_facts(str(caught.value), "shares", "add up to 1", "0.9")

    with pytest.raises(TrainingError) as caught:
        batches(examples, Recipe(shares={"speech": 1.0}), epoch=0)
    assert_facts(str(caught.value), "shares", "none for bursts", "are for speech")
    with pytest.raises(TrainingError) as caught:
        batches(examples, Recipe(shares={"speech": 0, "bursts": 0, "calls": 1}), epoch=0)
    assert_facts(str(caught.value), "shares", "speech, bursts", "share of 0")


def test_the_share_of_a_corpus_without_turns_goes_to_the_others():
    labels, corpora = ["happy"] * 20, ["speech"] * 15 + ["bursts"] * 5
    recipe = Recipe(shares={"calls": 0.5, "speech": 0.4, "bursts": 0.1})

    drawn = draw(labels, recipe, epoch=0, corpora=corpora)

    assert Counter(corpora[index] for index in drawn) == {"speech": 16, "bursts": 4}


def test_the_saved_model_has_only_the_labels_of_its_own_head(examples, recipe, tmp_path):
    split = Split(train=tuple(examples))
    train(split, recipe, out=tmp_path / "model", resources=CPU)

    found = weights(tmp_path / "model")

    assert found["proj.weight"].shape == (2, 16)
    assert not [name for name in found if "extra." in name]
    assert (tmp_path / "model" / "tokens.txt").read_text("utf-8").split() == [
        "开心/happy",
        "难过/sad",
    ]


def test_bursts_change_the_weights_below_the_heads(examples, recipe, tmp_path):
    speech = tuple(each for each in examples if each.value("corpus") == "speech")
    alone = recipe.but({"shares": {}, "own_head": ()})
    train(Split(train=tuple(examples)), recipe, out=tmp_path / "both", resources=CPU)
    train(Split(train=speech), alone, out=tmp_path / "alone", resources=CPU)

    assert not same(weights(tmp_path / "both"), weights(tmp_path / "alone"))


def test_a_resumed_run_gives_the_same_weights(examples, recipe, tmp_path):
    split = Split(train=tuple(examples))
    train(split, recipe, out=tmp_path / "whole", resources=CPU)
    stopped(split, recipe, tmp_path / "part", after=1)
    train(split, recipe, out=tmp_path / "part", resources=CPU)

    assert same(weights(tmp_path / "whole"), weights(tmp_path / "part"))


def test_a_run_does_not_resume_with_turns_of_other_corpora(examples, recipe, tmp_path):
    """The corpus decides which head a turn trains, so it is part of the run."""
    stopped(Split(train=tuple(examples)), recipe, tmp_path / "model", after=1)
    changed = [replace(each, cut=_moved(each.cut)) for each in examples]

    with pytest.raises(ResumeError):
        train(Split(train=tuple(changed)), recipe, out=tmp_path / "model", resources=CPU)


def _moved(given):
    turn = given.supervisions[0]
    other = {"speech": "bursts", "bursts": "speech"}[turn.custom["corpus"]]
    return replace(given, supervisions=[replace(turn, custom=turn.custom | {"corpus": other})])


def test_development_turns_cannot_be_of_a_head_that_is_not_kept(examples, recipe, tmp_path):
    dev = tuple(each for each in examples if each.speaker in ("eve0", "bob"))
    rest = tuple(each for each in examples if each not in dev)

    with pytest.raises(OptionsError) as caught:
        train(Split(train=rest, dev=dev), recipe, out=tmp_path / "model", resources=CPU)
    assert_facts(str(caught.value), "own_head", "bursts", "development")


def _voted(example, votes):
    turn = example.cut.supervisions[0]
    changed = replace(turn, custom=turn.custom | {"votes": votes})
    return replace(example, cut=replace(example.cut, supervisions=[changed]))


def test_votes_are_shares_among_the_labels_of_the_head(examples, recipe):
    heads = heads_of(examples, recipe)
    speech = _voted(examples[0], {"happy": 3, "sad": 1, "angry": 4})
    burst = _voted(examples[-1], {"生气/angry": 0.2, "happy": 0.6})

    assert heads.targets(speech, "votes").tolist() == [0.75, 0.25, 0, 0]
    assert heads.targets(burst, "votes") == pytest.approx([0, 0, 0.25, 0.75])
    twice = _voted(examples[0], {"happy": 1, "开心/happy": 2, "sad": 1})
    assert heads.targets(twice, "votes").tolist() == [0.75, 0.25, 0, 0]
    # Without the field, or without votes in the recipe, the label alone.
    assert heads.targets(examples[0], "votes").tolist() == heads.targets(speech, None).tolist()
    assert np.argmax(heads.targets(examples[0], "votes")) == heads.row(examples[0])


@pytest.mark.parametrize(
    ("votes", "facts"),
    [
        ({"angry": 5}, ["no votes", "happy, sad", "angry"]),
        ({"happy": 0, "sad": 0}, ["no votes"]),
        ({"happy": -1}, ["from 0 to", "-1"]),
        ({"happy": float("nan")}, ["from 0 to", "nan"]),
        ({"happy": 1e39}, ["1,000,000", "1e+39"]),
        ({"happy": True}, ["from 0 to", "True"]),
        ({"happy": 1, "joy": 2}, ["joy", "happy", "label maps"]),
        ("happy", ["a number", "happy"]),
        ([1, 2], ["a number"]),
    ],
)
def test_invalid_votes_are_an_error_that_names_the_turn(votes, facts, examples, recipe):
    heads = heads_of(examples, recipe)

    with pytest.raises(TrainingError) as caught:
        heads.targets(_voted(examples[0], votes), "votes")
    assert_facts(str(caught.value), examples[0].id, "votes", *facts)


def test_votes_change_what_is_learned_and_belong_to_the_run(examples, recipe, tmp_path):
    voted = recipe.but({"votes": "votes"})
    unsure = [_voted(each, {"happy": 1, "sad": 1, "angry": 1}) for each in examples]
    first = [_voted(examples[0], {examples[0].label: 1}), *examples[1:]]
    train(Split(train=tuple(first)), voted, out=tmp_path / "labels", resources=CPU)
    train(Split(train=tuple(unsure)), voted, out=tmp_path / "votes", resources=CPU)
    assert not same(weights(tmp_path / "labels"), weights(tmp_path / "votes"))

    stopped(Split(train=tuple(first)), voted, tmp_path / "part", after=1)
    with pytest.raises(ResumeError):
        train(Split(train=tuple(unsure)), voted, out=tmp_path / "part", resources=CPU)


def test_a_field_of_votes_that_no_turn_has_is_an_error(examples, recipe, tmp_path):
    with pytest.raises(TrainingError) as caught:
        train(
            Split(train=tuple(examples)),
            recipe.but({"votes": "vote"}),
            out=tmp_path / "model",
            resources=CPU,
        )
    assert_facts(str(caught.value), "votes", "no training turn", "vote")
