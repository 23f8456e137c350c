"""The base session of hosts, over one recording."""

from __future__ import annotations

import numpy as np
import pytest

from emo2vec_plugins.core.session import Options, Recording
from emo2vec_plugins.core.values import Emotion, Turn
from emo2vec_plugins.engine.engine import Engine
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.files import spill
from emo2vec_plugins.integrations.recordings import (
    NOWHERE,
    RecordingSession,
    RecordsSession,
    unscored,
)
from emo2vec_plugins.testing import FakeBackend, check_session, tone

SOUND = (tone(4.0), 16_000)
ANN = Turn(start=0.0, end=2.0, speaker="Ann")
BOB = Turn(start=1.0, end=3.0, speaker="Bob")


def test_without_turns_the_recording_is_one_turn():
    dialogue = check_session(RecordingSession("talk", SOUND, None, Options()))

    assert dialogue.recording == "talk"
    assert [each.turn for each in dialogue.turns] == [Turn(start=0.0, end=4.0)]
    assert dialogue.duration == 4.0


def test_an_item_that_is_not_a_turn_keeps_its_place_and_reason():
    session = RecordingSession("talk", SOUND, [ANN, "no times", BOB], Options())

    assert [clip.key for clip in session.clips()] == [0, 2]
    session = RecordingSession("talk", SOUND, [ANN, "no times", BOB], Options())
    turns = check_session(session).turns
    assert [each.turn for each in turns] == [ANN, NOWHERE, BOB]
    assert [each.emotion.reason for each in turns] == [None, "no times", None]


def test_turns_that_are_not_wanted_count_as_overlap():
    session = RecordingSession("talk", SOUND, [ANN, BOB, "no times"], Options(), wanted={1})

    [clip] = session.clips()

    assert (clip.turn, clip.overlaps) == (BOB, ((1.0, 2.0),))
    session.take(clip, Emotion(label="sad"))
    assert session.emotions() == {1: Emotion(label="sad")}


def test_results_may_arrive_in_any_order():
    session = RecordingSession("talk", SOUND, [ANN, BOB], Options())

    for clip, label in zip(reversed(list(session.clips())), ("sad", "happy"), strict=True):
        session.take(clip, Emotion(label=label))

    assert [each.emotion.label for each in session.finish().turns] == ["happy", "sad"]


def test_frames_of_many_turns_go_to_disk_together(monkeypatch):
    turns = [Turn(start=i / 2, end=i / 2 + 1) for i in range(6)]
    frames = Engine(FakeBackend(), granularity="frame").score(SOUND, turns)
    size = frames[0].frame_embeddings.nbytes + frames[0].frame_logits.nbytes
    monkeypatch.setattr(spill, "MOST_BYTES", 3 * size)
    session = RecordingSession("talk", SOUND, turns, Options(frames=True))

    for clip, emotion in zip(session.clips(), frames, strict=True):
        session.take(clip, emotion)
    found = [each.emotion for each in session.finish().turns]

    assert [spill.is_on_disk(each.frame_embeddings) for each in found] == [True] * 4 + [False] * 2
    for ours, theirs in zip(found, frames, strict=True):
        np.testing.assert_array_equal(ours.frame_embeddings, theirs.frame_embeddings)
        np.testing.assert_array_equal(ours.frame_logits, theirs.frame_logits)


def test_records_get_fields_and_labelled_ones_are_not_scored():
    records = [{"text": "a"}, {"text": "b", "emotion": "mine"}, {"text": "c"}]
    session = RecordsSession(records, SOUND, [ANN, BOB, "no times"], Options())

    [clip] = session.clips()
    session.take(clip, Emotion(label="sad", score=0.5))

    first, second, third = session.records()
    assert (first["text"], first["emotion"], first["emotion_score"]) == ("a", "sad", 0.5)
    assert second == records[1]
    assert (third["emotion"], third["emotion_reason"]) == (None, "no times")
    assert records[0] == {"text": "a"}


def test_records_cannot_store_frames():
    with pytest.raises(OptionsError, match=r"transcript .* frames"):
        RecordsSession([], SOUND, [], Options(frames=True))


def test_a_failed_recording_keeps_its_turns():
    dialogue = unscored(Recording(recording="a", audio="x.wav", turns=[ANN]), ValueError("why"))

    assert [(each.turn, each.emotion) for each in dialogue.turns] == [(ANN, Emotion(reason="why"))]
    [whole] = unscored(Recording(recording="a", audio="x.wav"), ValueError("why")).turns
    assert whole.turn == NOWHERE
