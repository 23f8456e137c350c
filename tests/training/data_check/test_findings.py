"""What is found in turns: each finding in data that have it, and none in balanced data."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from support.checked_turns import balanced, changed
from support.facts import assert_facts

from emo2vec_plugins.training.data_check.check import gathered
from emo2vec_plugins.training.data_check.content import doubtful, duplicates
from emo2vec_plugins.training.data_check.origins import origins


def found(turns, kind, *, longest=30.0):
    """Return the findings of a kind as text, with their weights."""
    findings = [*origins(turns), *doubtful(turns, longest=longest), *duplicates(turns)]
    return [f"{each.weight}: {each}" for each in findings if each.kind == kind]


def only(turns, kind, **more):
    (finding,) = found(turns, kind, **more)
    return finding


def number(turn):
    return int(turn.id.rpartition("-")[2])


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_found_in_balanced_data(seed):
    assert gathered(balanced(seed=seed), longest=30.0).findings == ()


def test_the_result_depends_on_the_turns_alone():
    assert gathered(balanced(), longest=30.0) == gathered(balanced(), longest=30.0)


# Corpora, languages, sexes and speakers.


@pytest.mark.parametrize(("field", "name"), [("corpus", "emodb"), ("language", "de")])
def test_a_single_origin_is_named(field, name):
    turns = changed(balanced(), lambda _: {field: name})

    assert_facts(only(turns, f"one-{field}"), "warning", field, name, len(turns), turns[0].id)
    assert not found(turns, f"unknown-{field}")


@pytest.mark.parametrize("field", ["corpus", "language"])
def test_unknown_origins_are_counted(field):
    turns = changed(balanced(), lambda turn: {field: None} if number(turn) == 0 else {})
    count = sum(number(turn) == 0 for turn in turns)

    assert_facts(only(turns, f"unknown-{field}"), "note", field, count, len(turns))


def test_unknown_corpora_in_one_folder_are_presumably_one():
    one = changed(balanced(), lambda _: {"corpus": None})
    several = changed(one, lambda turn: {"file": f"{turn.speaker}/{turn.id}.wav"})

    assert_facts(only(one, "unknown-corpus"), "in audio", "one corpus")
    assert "one corpus" not in only(several, "unknown-corpus")


@pytest.mark.parametrize(("field", "one"), [("corpus", "one"), ("language", "de"), ("sex", "male")])
def test_a_label_of_one_origin_only_is_tied_to_it(field, one):
    turns = [turn for turn in balanced() if turn.label != "angry" or getattr(turn, field) == one]
    angry = [turn for turn in turns if turn.label == "angry"]

    assert_facts(only(turns, f"tied-{field}"), "warning", "angry", len(angry), one, angry[0].id)


def test_a_corpus_with_one_label_only_is_tied_to_it():
    turns = [turn for turn in balanced() if turn.corpus == "one" or turn.label == "neutral"]

    assert_facts(only(turns, "tied-corpus"), "two", "neutral", "angry", "one")


@pytest.mark.parametrize(
    ("field", "value"), [("corpus", "one"), ("language", "de"), ("sex", "male")]
)
def test_an_origin_in_development_turns_only_is_not_seen(field, value):
    turns = changed(balanced(), lambda turn: {"is_dev": getattr(turn, field) == value})
    both = changed(balanced(), lambda turn: {"is_dev": number(turn) == 0})

    assert_facts(only(turns, f"unseen-{field}"), "warning", field, value)
    assert not found(both, f"unseen-{field}")


def test_a_label_with_few_turns_is_named():
    turns = [turn for turn in balanced() if turn.label != "sad" or number(turn) == 0]

    assert_facts(only(turns, "few-turns"), "warning", "sad 8", "20")
    assert "angry" not in only(turns, "few-turns").partition("(")[0]


def test_a_label_with_few_speakers_is_named():
    two = ("speaker0", "speaker1")
    turns = [turn for turn in balanced() if turn.label != "sad" or turn.speaker in two]

    assert_facts(only(turns, "few-speakers"), "warning", "sad 2")


def test_unknown_speakers_are_counted():
    turns = changed(balanced(), lambda turn: {"speaker": None} if number(turn) == 1 else {})
    count = sum(turn.speaker is None for turn in turns)

    assert_facts(only(turns, "unknown-speaker"), "warning", count, len(turns))


def test_speakers_with_one_label_are_named():
    turns = [turn for turn in balanced() if turn.speaker != "speaker3" or turn.label == "happy"]

    assert_facts(only(turns, "speakers-with-one-label"), "1 of 8 speakers", "speaker3")


# Content.


def test_short_and_long_turns_are_counted_by_label():
    seconds = {0: 0.2, 1: 40.0}
    turns = changed(balanced(), lambda turn: {"seconds": seconds.get(number(turn), turn.seconds)})

    assert_facts(only(turns, "short"), "warning", "32 of 192", "0.3 s", "angry 8 of 48")
    assert_facts(only(turns, "long"), "note", "32 of 192", "30 s")
    assert not found(turns, "long", longest=60.0)


@pytest.mark.parametrize(
    ("kind", "weight", "values"),
    [
        ("silent", "warning", {"loudest": -80.0}),
        ("clipped", "note", {"clipped": 0.01}),
        ("zeros", "note", {"zeros": 0.3}),
    ],
)
def test_doubtful_sounds_are_counted_by_label(kind, weight, values):
    turns = changed(balanced(), lambda turn: {"sound": values} if number(turn) == 0 else {})

    assert_facts(only(turns, kind), weight, "32 of 192", "sad 8 of 48", turns[0].id)


@pytest.mark.parametrize(
    ("kind", "values"), [("clipped", {"clipped": 0.01}), ("zeros", {"zeros": 0.3})]
)
def test_a_property_of_one_label_is_a_warning(kind, values):
    turns = changed(
        balanced(),
        lambda turn: {"sound": values} if turn.label == "sad" and number(turn) < 2 else {},
    )

    assert_facts(only(turns, kind), "warning", "16 of 192", "sad 16 of 48", "angry 0 of 48")


def test_sounds_that_were_not_measured_are_not_judged():
    turns = changed(balanced(), lambda _: {"sound": None})

    assert gathered(turns, longest=30.0).findings == ()


# Duplicates.


@pytest.mark.parametrize("by", ["sound", "place"])
def test_the_same_audio_with_different_labels_is_contradictory(by):
    turns = changed(balanced(), lambda _: {} if by == "sound" else {"sound": None})
    one, other = turns[0], next(turn for turn in turns if turn.label == "sad")
    turns = [replace(turn, **{by: getattr(one, by)}) if turn is other else turn for turn in turns]

    text = only(turns, "contradictory")

    assert_facts(text, "warning", "2 turns", f"{one.id} angry", f"{other.id} sad")
    assert not found(turns, "repeated")


def test_the_same_audio_on_both_sides_is_shared():
    turns = balanced()
    turns = [*turns, replace(turns[0], id="copy", is_dev=True)]

    assert_facts(only(turns, "shared"), "warning", "copy", turns[0].id)


def test_the_same_audio_twice_is_noted():
    turns = balanced()
    turns = [*turns, replace(turns[0], id="copy")]

    assert_facts(only(turns, "repeated"), "note", "copy", turns[0].id)


def test_many_copies_are_found_in_a_time_that_grows_as_they_do():
    """With 16,000 pairs, half of them contradictory, comparing these with the others is slow."""
    turns = [
        replace(
            turn,
            label="sad" if n % 4 == 1 else "happy",
            sound=replace(turn.sound, digest=f"{turn.id}-{n // 2}"),
        )
        for turn in balanced(each=5, speakers=4)[:80]
        for n in range(400)
    ]

    began = time.process_time()
    contradictory, repeated = duplicates(turns)

    assert time.process_time() - began < 5
    assert contradictory.what.endswith("16,000 turns in 8,000 groups")
    assert repeated.what.endswith("16,000 turns in 8,000 groups")
