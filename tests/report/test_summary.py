"""Summaries of speakers."""

from __future__ import annotations

import pytest
from hypothesis import given
from support.formats import hard

from emo2vec_plugins import Dialogue, Emotion, ScoredTurn, Turn
from emo2vec_plugins.core.overlap import union
from emo2vec_plugins.report.summary import SpeakerSummary, summarise


def scored_turn(start, end, speaker="A", label="sad", score=0.5):
    emotion = Emotion(label=label, score=None if label is None else score)
    return ScoredTurn(turn=Turn(start=start, end=end, speaker=speaker), emotion=emotion)


def summed(*turns):
    return summarise(Dialogue(recording="talk", turns=turns))


def test_a_speaker_is_summarised():
    [found] = summed(
        scored_turn(0, 3),
        scored_turn(4, 5, label="happy", score=1.0),
        scored_turn(5, 6, label=None),
        scored_turn(6, 7),
    )

    assert found == SpeakerSummary(
        speaker="A",
        turns=4,
        unscored=1,
        seconds=6.0,
        emotions={"sad": 4.0, "happy": 1.0},
        unscored_seconds=1.0,
        changes=2,
        score=pytest.approx(2 / 3),
    )
    assert found.shares == pytest.approx({"sad": 4 / 6, "happy": 1 / 6})
    assert found.unscored_share == pytest.approx(1 / 6)


def test_speakers_are_in_order_of_their_first_turns():
    found = summed(
        scored_turn(5, 6, "B"),
        scored_turn(1, 2, None),
        scored_turn(0, 1, "C"),
        scored_turn(2, 3, "B"),
    )

    assert [each.speaker for each in found] == ["C", None, "B"]
    assert [each.turns for each in found] == [1, 1, 2]


def test_overlapping_time_of_a_speaker_counts_once_and_is_split():
    [found] = summed(scored_turn(0, 4), scored_turn(2, 6, label="happy"))

    assert found.seconds == 6.0
    assert found.emotions == {"happy": 3.0, "sad": 3.0}


def test_overlapping_speakers_each_have_the_full_time():
    assert [each.seconds for each in summed(scored_turn(0, 4), scored_turn(2, 6, "B"))] == [
        4.0,
        4.0,
    ]


def test_changes_are_counted_by_time_and_skip_unscored_turns():
    [found] = summed(
        scored_turn(4, 5, label="happy"),
        scored_turn(0, 1),
        scored_turn(2, 3, label=None),
        scored_turn(3, 4, label="sad"),
    )

    assert found.changes == 1


def test_turns_of_zero_length_have_a_label_and_no_share():
    [found] = summed(scored_turn(1, 1), scored_turn(2, 2, label=None))

    assert (found.seconds, found.emotions, found.shares) == (0.0, {"sad": 0.0}, {"sad": 0.0})
    assert (found.unscored, found.unscored_share) == (1, 0.0)


def test_without_turns_there_are_no_speakers():
    assert summed() == []


@given(hard)
def test_every_turn_and_second_belongs_to_a_speaker(dialogues):
    [dialogue] = dialogues

    found = summarise(dialogue)

    assert sum(each.turns for each in found) == len(dialogue.turns)
    assert sum(each.unscored for each in found) == sum(
        each.emotion.label is None for each in dialogue.turns
    )
    for each in found:
        turns = [s.turn for s in dialogue.turns if s.turn.speaker == each.speaker]
        spans = union((turn.start, turn.end) for turn in turns)
        assert each.seconds == pytest.approx(sum(end - start for start, end in spans))
        assert sum(each.emotions.values()) + each.unscored_seconds == pytest.approx(each.seconds)
        assert 0 <= each.changes <= max(0, each.turns - each.unscored - 1)
        assert list(each.emotions.values()) == sorted(each.emotions.values(), reverse=True)


@given(hard)
def test_the_order_of_turns_does_not_matter(dialogues):
    [dialogue] = dialogues
    starts = [(each.turn.start, each.turn.end) for each in dialogue.turns]
    if len(set(starts)) == len(starts):  # of turns at the same time, the first listed is first
        turned = Dialogue(recording=dialogue.recording, turns=dialogue.turns[::-1])
        assert [each.emotions for each in summarise(turned)] == [
            each.emotions for each in summarise(dialogue)
        ]
