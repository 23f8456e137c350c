"""Turns on tiers: no overlap, distinct names, and files with corrections."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.formats import HARD_NAMES, names

from emo2vec_plugins import Dialogue, Emotion, ScoredTurn, Turn
from emo2vec_plugins.errors import Emo2vecWarning, FormatError
from emo2vec_plugins.formats.tiers import (
    ReadTier,
    Span,
    emotion_of,
    label_of,
    speaker_of,
    tiers_of,
    turns_of,
)


def a_turn(start, end, speaker="A", label="sad"):
    return ScoredTurn(
        turn=Turn(start=start, end=end, speaker=speaker), emotion=Emotion(label=label)
    )


def laid(*turns):
    dialogue = Dialogue(recording="x", turns=turns)
    return [
        (tier.name, tier.speaker, [(each.start, each.end, each.label) for each in tier.segments])
        for tier in tiers_of(dialogue, rate=1000, least=1)
    ]


def understood(*tiers):
    return [
        (scored.turn.speaker, scored.turn.start, scored.turn.end, scored.emotion.label)
        for scored in turns_of(tiers)
    ]


def a_tier(name, *spans, participant=""):
    return ReadTier(
        name=name,
        participant=participant,
        spans=tuple(
            Span(start=start, end=end, label=more[0] if more else None)
            for start, end, *more in spans
        ),
    )


def test_speakers_are_in_order_and_overlaps_on_further_tiers():
    turns = (a_turn(2, 3, "B"), a_turn(0, 2), a_turn(1, 3, label="happy"), a_turn(2, 2.5))

    assert laid(*turns) == [
        ("B", "B", [(2000, 3000, "sad")]),
        ("A", "A", [(0, 2000, "sad"), (2000, 2500, "sad")]),
        ("A#2", "A", [(1000, 3000, "happy")]),
    ]


def test_a_lengthened_turn_moves_the_next_to_another_tier():
    assert laid(a_turn(1, 1), a_turn(1, 2)) == [
        ("A", "A", [(1000, 1001, "sad")]),
        ("A#2", "A", [(1000, 2000, "sad")]),
    ]


def test_a_dialogue_without_turns_has_one_tier():
    assert laid() == [("?", "?", [])]


def test_a_turn_before_0_is_an_error():
    with pytest.raises(FormatError, match=r"'A' from -0\.5 to 1\.0"):
        laid(a_turn(-0.5, 1.0))


@pytest.mark.parametrize(
    ("speaker", "name"),
    [
        (None, "?"),
        ("?", "%3F"),
        ("", "%"),
        ("Dr. Who", "Dr. Who"),
        (" edge ", "%20edge%20"),
        ("A#2", "A%232"),
        ("A#b", "A#b"),
        ("emotion@A", "emotion%40A"),
        ("who@example.org", "who@example.org"),
        ("two\nlines", "two%0Alines"),
        ("مريم", "مريم"),
    ],
)
def test_ambiguous_names_are_escaped(speaker, name):
    assert laid(a_turn(0, 1, speaker))[0][0] == name
    assert speaker_of(name) == speaker


@given(one=st.none() | names, other=st.none() | names)
@example("emotion@A#2", "emotion@A")
@example("% ", "%20")
def test_tier_names_of_speakers_are_one_to_one(one, other):
    tiers = laid(a_turn(0, 1, one), a_turn(2, 3, other), a_turn(2, 3, other))
    taken = [name for name, _, _ in tiers]

    assert len(set(taken)) == len(taken) == (2 if one == other else 3)
    assert speaker_of(taken[0], known=taken) == one
    assert {speaker_of(name, known=taken) for name in taken[1:]} == {other}
    assert not any(name.startswith("emotion@") or name != name.strip() for name in taken)


@given(label=st.none() | names)
@example("unscored")
@example(" ")
def test_every_label_survives_a_round_trip(label):
    text = label_of(Emotion(label=label))

    assert text == text.strip() != ""
    assert emotion_of(f" {text}\n") == Emotion(label=label)


def test_an_empty_text_is_no_emotion():
    assert emotion_of(None) == emotion_of(" ") == emotion_of("unscored") == Emotion()


@pytest.mark.parametrize("name", [*HARD_NAMES, "words", "A#2", "100%25"])
def test_names_of_other_tools_are_kept(name):
    if name not in ("", "?", "%", "%20"):
        assert speaker_of(name) == name


def test_a_numbered_tier_needs_the_first_tier_of_its_speaker():
    assert understood(a_tier("A", (0, 1)), a_tier("A#2", (0, 2)), a_tier("B#2", (0, 3))) == [
        ("A", 0, 1, None),
        ("A", 0, 2, None),
        ("B#2", 0, 3, None),
    ]


def test_a_participant_takes_precedence_over_the_tier_name():
    tiers = (a_tier("text", (0, 1), participant="A#2"), a_tier("A", (1, 2), participant="?"))

    assert understood(*tiers) == [("A#2", 0, 1, None), (None, 1, 2, None)]


def test_a_turn_has_the_emotion_with_the_largest_overlap():
    turns = a_tier("A", (0.0, 2.0), (2.0, 3.0), (3.0, 3.5), (3.5, 4.0))
    emotions = a_tier("emotion@A", (0.1, 2.2, "sad"), (2.2, 3.0, "happy"), (3.0, 4.0, "angry"))

    assert [label for *_, label in understood(turns, emotions)] == [
        "sad",
        "happy",
        "angry",
        "angry",
    ]


def test_a_small_overlap_does_not_match():
    turns = a_tier("A", (0.0, 2.0), (2.0, 4.0))
    emotions = a_tier("emotion@A", (1.9, 4.0, "sad"))

    assert understood(turns, emotions) == [("A", 0.0, 2.0, None), ("A", 2.0, 4.0, "sad")]


def test_emotions_without_a_turn_are_warned_about():
    turns = a_tier("A", (0.0, 2.0))
    emotions = a_tier(
        "emotion@A", (0.0, 1.5, "sad"), (1.5, 2.0, "happy"), (3.0, 4.0, "angry"), (5, 6, "unscored")
    )

    with pytest.warns(Emo2vecWarning, match=r"'emotion@A': .*2 emotions.* 'happy' at 1\.5 s"):
        assert understood(turns, emotions) == [("A", 0.0, 2.0, "sad")]


def test_emotions_without_a_tier_of_their_speaker_are_turns():
    assert understood(a_tier("emotion@A", (0, 1, "sad")), a_tier("emotion@A#2", (0, 2, ""))) == [
        ("A", 0, 1, "sad"),
        ("A", 0, 2, None),
    ]


def test_overlapping_emotions_are_all_considered():
    turns = a_tier("A", (5.0, 6.0))
    emotions = a_tier("emotion@A", (0.0, 9.0, "sad"), (1.0, 2.0, "unscored"), (3, 4, "unscored"))

    assert understood(turns, emotions) == [("A", 5.0, 6.0, "sad")]


def test_two_emotion_tiers_of_one_name_are_an_error():
    with pytest.raises(FormatError, match="one tier 'emotion@A', found two"):
        understood(a_tier("emotion@A"), a_tier("emotion@A"))


def test_two_tiers_of_a_speaker_may_have_one_name():
    assert understood(a_tier("A", (0, 1)), a_tier("A", (0, 2))) == [
        ("A", 0, 1, None),
        ("A", 0, 2, None),
    ]
