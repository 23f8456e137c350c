"""Emotions as fields of plain dictionaries."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emo2vec_plugins.core.session import Options
from emo2vec_plugins.core.values import Emotion, Provenance
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.integrations.fields import is_labelled, is_wanted, refuse_frames, with_emotion

HAPPY = Emotion(
    label="happy",
    score=0.75,
    scores={"happy": 0.75, "sad": 0.25},
    flags=("short",),
    overlap_ratio=0.25,
    embedding=np.asarray([0.5, -1.25], dtype=np.float32),
    provenance=Provenance(model="tiny", sha256="0123456789abcdef"),
)
UNHEARD = Emotion(reason="no audio")
SAID = {"text": "hello", "start": 0}


def test_a_record_says_which_emotion_was_heard():
    assert with_emotion(SAID, HAPPY, Options()) == {
        "text": "hello",
        "start": 0,
        "emotion": "happy",
        "emotion_score": 0.75,
        "emotion_scores": {"happy": 0.75, "sad": 0.25},
        "emotion_flags": ["short"],
        "emotion_overlap_ratio": 0.25,
        "emotion_model": "tiny@0123456789ab",
    }


def test_a_record_that_could_not_be_scored_says_why():
    assert with_emotion(SAID, UNHEARD, Options()) == {
        "text": "hello",
        "start": 0,
        "emotion": None,
        "emotion_score": None,
        "emotion_scores": None,
        "emotion_flags": [],
        "emotion_overlap_ratio": None,
        "emotion_model": None,
        "emotion_reason": "no audio",
    }


def test_an_embedding_is_a_list_of_floats_for_json():
    found = with_emotion(SAID, HAPPY, Options(embeddings=True))

    assert found["emotion_embedding"] == [0.5, -1.25]
    assert json.loads(json.dumps(found)) == found


def test_what_was_given_is_not_changed():
    record = {"text": "hello"}

    with_emotion(record, HAPPY, Options())

    assert record == {"text": "hello"}


def test_a_field_of_the_users_choice_is_the_prefix_of_all():
    found = with_emotion({"emotion": "mine"}, HAPPY, Options(field="heard", embeddings=True))

    assert list(found) == [
        "emotion",
        *("heard", "heard_score", "heard_scores", "heard_flags", "heard_overlap_ratio"),
        *("heard_model", "heard_embedding"),
    ]


@pytest.mark.parametrize("label", ["sad", 0, ["sad"]])
def test_a_label_that_is_there_is_kept_with_its_fields(label):
    record = {"emotion": label, "emotion_score": 1.0, "emotion_by": "me"}

    assert with_emotion(record, HAPPY, Options()) == record


def test_a_label_that_is_there_gets_the_embedding_it_lacks_and_no_more():
    record = {"emotion": "sad", "emotion_embedding": None}

    found = with_emotion(record, HAPPY, Options(embeddings=True))

    assert found == {"emotion": "sad", "emotion_embedding": [0.5, -1.25]}
    assert with_emotion({"emotion": "sad", "emotion_embedding": [1.0]}, HAPPY, Options()) == {
        "emotion": "sad",
        "emotion_embedding": [1.0],
    }


@pytest.mark.parametrize("blank", [None, "", "  "])
def test_a_blank_label_is_none_and_an_earlier_reason_goes(blank):
    record = {"emotion": blank, "emotion_reason": "no audio", "text": "hello"}

    found = with_emotion(record, HAPPY, Options())

    assert found["emotion"] == "happy"
    assert found["text"] == "hello"
    assert "emotion_reason" not in found


def test_overwriting_replaces_a_label_and_all_its_fields():
    record = {"emotion": "sad", "emotion_embedding": [1.0], "emotion_by": "me"}

    found = with_emotion(record, HAPPY, Options(overwrite=True))

    assert found["emotion"] == "happy"
    assert "emotion_embedding" not in found
    assert found["emotion_by"] == "me"


records = st.dictionaries(
    st.sampled_from(["text", "emotion", "emotion_score", "emotion_reason", "emotion_embedding"]),
    st.one_of(st.none(), st.text(max_size=3), st.lists(st.floats(allow_nan=False), max_size=2)),
)


@given(record=records, embeddings=st.booleans(), emotion=st.sampled_from([HAPPY, UNHEARD]))
def test_doing_it_again_changes_nothing_and_nothing_of_others_is_lost(record, embeddings, emotion):
    options = Options(embeddings=embeddings)

    once = with_emotion(record, emotion, options)

    assert with_emotion(once, emotion, options) == once
    assert once.get("text") == record.get("text")
    if is_labelled(record, options):
        assert {name: once[name] for name in record if record[name] is not None} == {
            name: value for name, value in record.items() if value is not None
        }


def test_only_records_that_lack_something_are_to_be_scored():
    assert is_wanted({}, Options())
    assert is_labelled({"emotion": "sad"}, Options())
    assert not is_wanted({"emotion": "sad"}, Options())
    assert is_wanted({"emotion": "sad"}, Options(overwrite=True))
    assert is_wanted({"emotion": "sad"}, Options(embeddings=True))


def test_frames_are_refused_where_they_cannot_be_kept():
    with pytest.raises(OptionsError, match="a list of sentences holds plain values"):
        refuse_frames(Options(frames=True), "a list of sentences")
    refuse_frames(Options(), "a list of sentences")
