"""Turns on tiers: nothing overlaps, names stay apart, and corrected files are understood."""

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


def test_speakers_stand_by_first_mention_and_overlaps_on_further_tiers():
    turns = (a_turn(2, 3, "B"), a_turn(0, 2), a_turn(1, 3, label="happy"), a_turn(2, 2.5))

    assert laid(*turns) == [
        ("B", "B", [(2000, 3000, "sad")]),
        ("A", "A", [(0, 2000, "sad"), (2000, 2500, "sad")]),
        ("A#2", "A", [(1000, 3000, "happy")]),
    ]


def test_a_turn_of_no_length_that_is_drawn_out_makes_room_for_the_next():
    assert laid(a_turn(1, 1), a_turn(1, 2)) == [
        ("A", "A", [(1000, 1001, "sad")]),
        ("A#2", "A", [(1000, 2000, "sad")]),
    ]


def test_nobody_has_a_tier_where_there_are_no_turns():
    assert laid() == [("?", "?", [])]


def test_a_turn_before_the_beginning_is_refused():
    with pytest.raises(FormatError, match=r"begin at 0.* from -0\.5 to 1\.0 of 'A'"):
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
def test_names_are_escaped_where_they_would_mean_something_else(speaker, name):
    assert laid(a_turn(0, 1, speaker))[0][0] == name
    assert speaker_of(name) == speaker


@given(one=st.none() | names, other=st.none() | names)
@example("emotion@A#2", "emotion@A")
@example("% ", "%20")
def test_two_speakers_have_tiers_of_two_names_and_have_their_own_back(one, other):
    tiers = laid(a_turn(0, 1, one), a_turn(2, 3, other), a_turn(2, 3, other))
    taken = [name for name, _, _ in tiers]

    assert len(set(taken)) == len(taken) == (2 if one == other else 3)
    assert speaker_of(taken[0], known=taken) == one
    assert {speaker_of(name, known=taken) for name in taken[1:]} == {other}
    assert not any(name.startswith("emotion@") or name != name.strip() for name in taken)


@given(label=st.none() | names)
@example("unscored")
@example(" ")
def test_every_label_has_its_own_back(label):
    text = label_of(Emotion(label=label))

    assert text == text.strip() != ""
    assert emotion_of(f" {text}\n") == Emotion(label=label)


def test_an_emotion_without_a_text_is_none():
    assert emotion_of(None) == emotion_of(" ") == emotion_of("unscored") == Emotion()


@pytest.mark.parametrize("name", [*HARD_NAMES, "words", "A#2", "100%25"])
def test_names_that_others_gave_are_names(name):
    if name not in ("", "?", "%", "%20"):
        assert speaker_of(name) == name


def test_a_further_tier_is_the_same_speakers_only_beside_the_first():
    assert understood(a_tier("A", (0, 1)), a_tier("A#2", (0, 2)), a_tier("B#2", (0, 3))) == [
        ("A", 0, 1, None),
        ("A", 0, 2, None),
        ("B#2", 0, 3, None),
    ]


def test_a_participant_is_the_speaker_whatever_the_tier_is_called():
    tiers = (a_tier("text", (0, 1), participant="A#2"), a_tier("A", (1, 2), participant="?"))

    assert understood(*tiers) == [("A#2", 0, 1, None), (None, 1, 2, None)]


def test_a_turn_has_the_emotion_that_overlaps_it_most():
    turns = a_tier("A", (0.0, 2.0), (2.0, 3.0), (3.0, 3.5), (3.5, 4.0))
    emotions = a_tier("emotion@A", (0.1, 2.2, "sad"), (2.2, 3.0, "happy"), (3.0, 4.0, "angry"))

    assert [label for *_, label in understood(turns, emotions)] == [
        "sad",
        "happy",
        "angry",
        "angry",
    ]


def test_a_neighbours_emotion_that_reaches_into_a_turn_is_not_its_own():
    turns = a_tier("A", (0.0, 2.0), (2.0, 4.0))
    emotions = a_tier("emotion@A", (1.9, 4.0, "sad"))

    assert understood(turns, emotions) == [("A", 0.0, 2.0, None), ("A", 2.0, 4.0, "sad")]


def test_emotions_that_are_no_turns_are_told_of():
    turns = a_tier("A", (0.0, 2.0))
    emotions = a_tier(
        "emotion@A", (0.0, 1.5, "sad"), (1.5, 2.0, "happy"), (3.0, 4.0, "angry"), (5, 6, "unscored")
    )

    with pytest.warns(Emo2vecWarning, match=r"'emotion@A': 2 emotions .* 'happy' at 1\.5 s"):
        assert understood(turns, emotions) == [("A", 0.0, 2.0, "sad")]


def test_emotions_without_a_tier_of_their_speaker_are_turns():
    assert understood(a_tier("emotion@A", (0, 1, "sad")), a_tier("emotion@A#2", (0, 2, ""))) == [
        ("A", 0, 1, "sad"),
        ("A", 0, 2, None),
    ]


def test_emotions_that_overlap_each_other_are_all_looked_at():
    turns = a_tier("A", (5.0, 6.0))
    emotions = a_tier("emotion@A", (0.0, 9.0, "sad"), (1.0, 2.0, "unscored"), (3, 4, "unscored"))

    assert understood(turns, emotions) == [("A", 5.0, 6.0, "sad")]


def test_two_tiers_of_emotions_with_one_name_are_refused():
    with pytest.raises(FormatError, match="two tiers are called 'emotion@A'"):
        understood(a_tier("emotion@A"), a_tier("emotion@A"))


def test_two_tiers_of_a_speaker_may_have_one_name():
    assert understood(a_tier("A", (0, 1)), a_tier("A", (0, 2))) == [
        ("A", 0, 1, None),
        ("A", 0, 2, None),
    ]
