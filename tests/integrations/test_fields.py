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
from emo2vec_plugins.integrations.fields import (
    absent_fields,
    check_no_frames,
    field_names,
    is_labelled,
    is_wanted,
    label_fields,
    merged,
    missing_arrays,
    model_label,
    with_emotion,
)

HAPPY = Emotion(
    label="happy",
    score=0.75,
    scores={"happy": 0.75, "sad": 0.25},
    flags=("short",),
    overlap_ratio=0.25,
    embedding=np.asarray([0.5, -1.25], dtype=np.float32),
    provenance=Provenance(model="tiny", sha256="0123456789abcdef"),
)
UNSCORED = Emotion(reason="no audio")
SENTENCE = {"text": "hello", "start": 0}


def test_a_scored_record_has_all_fields():
    assert with_emotion(SENTENCE, HAPPY, Options()) == {
        "text": "hello",
        "start": 0,
        "emotion": "happy",
        "emotion_score": 0.75,
        "emotion_scores": {"happy": 0.75, "sad": 0.25},
        "emotion_flags": ["short"],
        "emotion_reason": None,
        "emotion_overlap_ratio": 0.25,
        "emotion_doubt": None,
        "emotion_model": "tiny@0123456789ab",
    }


def test_an_unscored_record_has_all_fields_and_a_reason():
    assert with_emotion(SENTENCE, UNSCORED, Options()) == {
        "text": "hello",
        "start": 0,
        "emotion": None,
        "emotion_score": None,
        "emotion_scores": None,
        "emotion_flags": [],
        "emotion_reason": "no audio",
        "emotion_overlap_ratio": None,
        "emotion_doubt": None,
        "emotion_model": None,
    }


def test_an_embedding_is_a_list_of_floats_for_json():
    found = with_emotion(SENTENCE, HAPPY, Options(embeddings=True))

    assert found["emotion_embedding"] == [0.5, -1.25]
    assert json.loads(json.dumps(found)) == found


def test_the_given_record_is_not_changed():
    record = {"text": "hello"}

    with_emotion(record, HAPPY, Options())

    assert record == {"text": "hello"}


def test_the_field_option_is_the_prefix_of_all_names():
    found = with_emotion({"emotion": "mine"}, HAPPY, Options(field="mood", embeddings=True))

    assert list(found) == [
        "emotion",
        *("mood", "mood_score", "mood_scores", "mood_flags", "mood_reason"),
        *("mood_overlap_ratio", "mood_doubt", "mood_model", "mood_embedding"),
    ]


@pytest.mark.parametrize("label", ["sad", 3, ["sad"]])
def test_an_existing_label_is_kept_with_its_fields(label):
    record = {"emotion": label, "emotion_score": 1.0, "emotion_by": "me"}

    assert with_emotion(record, HAPPY, Options()) == record


def test_a_new_label_is_not_said_to_be_a_persons():
    record = {"emotion": "sad", "emotion_source": "review", "emotion_before": "angry", "text": "a"}

    found = with_emotion(record, HAPPY, Options(overwrite=True))

    assert found["emotion"] == "happy"
    assert not {"emotion_source", "emotion_before"} & found.keys()


def test_an_existing_label_gets_only_a_missing_embedding():
    record = {"emotion": "sad", "emotion_embedding": None}

    found = with_emotion(record, HAPPY, Options(embeddings=True))

    assert found == {"emotion": "sad", "emotion_embedding": [0.5, -1.25]}
    assert with_emotion({"emotion": "sad", "emotion_embedding": [1.0]}, HAPPY, Options()) == {
        "emotion": "sad",
        "emotion_embedding": [1.0],
    }


@pytest.mark.parametrize("blank", [None, "", "  "])
def test_a_blank_label_and_its_reason_are_replaced(blank):
    record = {"emotion": blank, "emotion_reason": "no audio", "text": "hello"}

    found = with_emotion(record, HAPPY, Options())

    assert found["emotion"] == "happy"
    assert found["text"] == "hello"
    assert found["emotion_reason"] is None


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


@given(record=records, embeddings=st.booleans(), emotion=st.sampled_from([HAPPY, UNSCORED]))
def test_adding_fields_twice_changes_nothing_and_keeps_others(record, embeddings, emotion):
    options = Options(embeddings=embeddings)

    once = with_emotion(record, emotion, options)

    assert with_emotion(once, emotion, options) == once
    assert once.get("text") == record.get("text")
    if is_labelled(record, options):
        assert {name: once[name] for name in record if record[name] is not None} == {
            name: value for name, value in record.items() if value is not None
        }


def test_only_records_that_lack_something_are_scored():
    assert is_wanted({}, Options())
    assert is_labelled({"emotion": "sad"}, Options())
    assert not is_wanted({"emotion": "sad"}, Options())
    assert is_wanted({"emotion": "sad"}, Options(overwrite=True))
    assert is_wanted({"emotion": "sad"}, Options(embeddings=True))


def test_requested_arrays_are_missing_if_absent_or_if_the_label_is_new():
    both = Options(embeddings=True, frames=True)
    record = {"emotion": "sad", "emotion_embedding": [1.0]}

    assert missing_arrays(record, Options()) == []
    assert missing_arrays(record, both) == ["frames"]
    assert missing_arrays(record | {"emotion": None}, both) == ["embedding", "frames"]
    assert missing_arrays(None, both) == ["embedding", "frames"]


def test_a_requested_embedding_that_the_emotion_lacks_is_null():
    assert with_emotion({}, UNSCORED, Options(embeddings=True))["emotion_embedding"] is None


def test_field_names_include_the_arrays_of_every_run():
    assert field_names(Options(field="mood")) == {
        *("mood", "mood_score", "mood_scores", "mood_flags", "mood_reason"),
        *("mood_overlap_ratio", "mood_doubt", "mood_model"),
        *("mood_embedding", "mood_frames", "mood_frames_start", "mood_frames_shift"),
    }


def test_only_a_new_label_removes_fields_of_an_earlier_run():
    record = {"emotion": "sad", "emotion_frames": 1, "emotion_score": 0.5, "text": "hello"}

    assert merged(record, {"emotion_frames": 2}, Options()) == record | {"emotion_frames": 2}
    found = merged(record, {"emotion": "happy"}, Options())
    assert list(found.items()) == [("emotion", "happy"), ("text", "hello")]


def test_absent_fields_of_a_labelled_record_are_empty():
    record = {"emotion": "sad", "emotion_score": 0.5}

    found = absent_fields(record, Options())

    assert found == {
        "emotion_scores": None,
        "emotion_flags": [],
        "emotion_reason": None,
        "emotion_overlap_ratio": None,
        "emotion_doubt": None,
        "emotion_model": None,
    }
    assert (record | found).keys() == label_fields(HAPPY, Options()).keys()


@pytest.mark.parametrize(
    ("provenance", "label"),
    [
        (None, None),
        (Provenance(model="tiny"), "tiny"),
        (Provenance(model="tiny", sha256="0123456789abcdef"), "tiny@0123456789ab"),
        (Provenance(model="tiny", sha256="0" * 64, revision="v2.0.4"), "tiny@v2.0.4"),
    ],
)
def test_a_model_is_labelled_by_its_name_and_its_revision_or_digest(provenance, label):
    assert model_label(provenance) == label


def test_frames_are_rejected_where_they_cannot_be_stored():
    with pytest.raises(OptionsError, match=r"a list of sentences .*frames"):
        check_no_frames(Options(frames=True), "a list of sentences")
    check_no_frames(Options(), "a list of sentences")
