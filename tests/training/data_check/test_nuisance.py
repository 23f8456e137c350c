"""Values that should tell nothing about the label."""

from __future__ import annotations

import pytest
from support.checked_turns import balanced, changed
from support.facts import assert_facts

from emo2vec_plugins.training.data_check.nuisance import giveaways, tell

LOUDNESS = {"angry": -20.0, "happy": -25.0, "neutral": -38.0, "sad": -36.0}


def told(turns, name, corpus=None):
    """Return what a value tells among all turns or in a corpus."""
    (found,) = (each for each in tell(turns) if (each.nuisance.name, each.corpus) == (name, corpus))
    return found


def louder(turn):
    return {"sound": {"level": LOUDNESS[turn.label] + turn.sound.level / 10}}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("level dB", louder),
        ("peak dB", lambda turn: {"sound": {"peak": LOUDNESS[turn.label] + 10}}),
        ("floor dB", lambda turn: {"sound": {"floor": LOUDNESS[turn.label]}}),
        ("above 4 kHz dB", lambda turn: {"sound": {"high": LOUDNESS[turn.label]}}),
        ("digital zeros", lambda turn: {"sound": {"zeros": 0.04 * (turn.label == "sad")}}),
        ("seconds", lambda turn: {"seconds": turn.seconds + 5 * (turn.label == "sad")}),
        ("file type", lambda turn: {"file": f"x.{'mp3' if turn.label == 'sad' else 'wav'}"}),
        ("sampling rate", lambda turn: {"rate": 8000 if turn.label == "sad" else 16_000}),
        ("sex", lambda turn: {"sex": "male" if turn.label == "sad" else "female"}),
    ],
)
def test_a_value_that_tells_the_label_is_named_with_its_recall(name, change):
    turns = changed(balanced(), change)

    (text,) = (
        f"{finding.weight} {finding}"
        for finding in giveaways(tell(turns), turns)
        if f"'{name}'" in finding.what and "in corpus" not in finding.what
    )

    found = told(turns, name)
    assert found.recall > found.most
    recall, chance = f"{100 * found.recall:.1f} %", f"{100 * found.chance:.1f} %"
    assert_facts(text, "warning", recall, chance, "sad", found.nuisance.advice)


def test_no_value_of_balanced_data_tells_the_label():
    for seed in range(3, 6):
        assert not any(each.is_strong for each in tell(balanced(seed=seed)))


def test_chance_is_one_of_the_number_of_labels():
    assert told(balanced(each=20), "level dB").chance == pytest.approx(0.25, abs=0.01)


def test_a_value_that_tells_the_label_in_one_corpus_is_found_there():
    turns = changed(balanced(), lambda turn: louder(turn) if turn.corpus == "one" else {})

    assert told(turns, "level dB", "one").is_strong
    assert not told(turns, "level dB", "two").is_strong


def test_a_level_of_each_speaker_tells_nothing_of_others():
    # Each speaker has a level and mostly one label: among the same speakers, it would tell all.
    turns = changed(
        [turn for turn in balanced() if turn.label == ("angry", "sad")[int(turn.id[0]) % 2]],
        lambda turn: {"sound": {"level": -3.0 * int(turn.id[0])}, "corpus": None},
    )

    assert told(turns, "level dB").recall < 0.7


def test_too_few_turns_are_not_judged():
    assert tell(balanced(each=1)) == []


def test_turns_that_could_not_be_measured_are_left_out():
    turns = changed(balanced(), lambda turn: {"sound": None} if turn.id.endswith("-0") else {})

    assert told(turns, "level dB").chance == pytest.approx(0.25, abs=0.02)
