"""Values that mean "no label" are replaced by every host; all others are kept."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from lhotse import CutSet, Recording, SupervisionSegment

from emo2vec_plugins import Engine, annotate_cuts
from emo2vec_plugins.errors import LabelError
from emo2vec_plugins.evaluation.joining import joined
from emo2vec_plugins.evaluation.reading import Truth, predictions_in
from emo2vec_plugins.integrations.fields import is_by_model, is_label
from emo2vec_plugins.integrations.funasr.sentences import annotate_sentences
from emo2vec_plugins.integrations.lhotse import labelled_turns
from emo2vec_plugins.integrations.nemo import annotate_nemo
from emo2vec_plugins.integrations.whisper import annotate_segments
from emo2vec_plugins.testing import FakeBackend, tone

IN_JSON = [
    *(None, float("nan"), 0, 0.0, -1, False, "", " \t", [], {}),
    *("nan", "NaN", "<NA>", "NaT", "unscored", "undefined", "EMO_UNKNOWN"),
    *("<|EMO_UNKNOWN|>", "<|emo:undefined|>", "<|undefined|>", "<||>"),
]
"""Values that JSON can store."""

NO_LABELS = [
    *IN_JSON,
    *(np.nan, np.float32("nan"), np.bool_(False), np.int64(-1), np.str_(""), pd.NA, pd.NaT),
]
LABELS = [
    "sad",
    "unknown",
    "None",
    " angry ",
    "<|HAPPY|>",
    "<|emo:neutral|>",
    "生气/angry",
    3,
    ["a"],
]
SAMPLES = (tone(2.0), 16_000)


@pytest.fixture(scope="module")
def engine():
    return Engine(FakeBackend())


@pytest.fixture
def sound(write):
    return str(write("talk.wav", *SAMPLES))


def cut_with(sound, **custom):
    cut = Recording.from_file(sound).to_cut()
    cut.supervisions = [
        SupervisionSegment(
            id="s", recording_id=cut.recording_id, start=0, duration=1, custom=custom
        )
    ]
    return cut


@pytest.mark.parametrize("value", NO_LABELS, ids=repr)
def test_some_values_are_no_labels(value):
    assert not is_label(value)


@pytest.mark.parametrize("value", [*LABELS, np.array([0.5, 0.5]), np.str_("sad")], ids=repr)
def test_others_are(value):
    assert is_label(value)


@pytest.mark.parametrize("value", NO_LABELS, ids=repr)
def test_lhotse_cuts(sound, engine, value):
    [cut] = annotate_cuts([cut_with(sound, emotion=value)], score=engine)

    [turn] = cut.supervisions
    assert is_label(turn.emotion)
    assert turn.emotion_score is not None


@pytest.mark.parametrize("value", [*NO_LABELS, "sad"], ids=repr)
def test_whisper_segments_and_funasr_sentences(engine, value):
    segment = {"text": "a", "start": 0, "end": 1, "emotion": value}
    sentence = {"text": "a", "start": 0, "end": 1000, "emotion": value}

    [found] = annotate_segments([segment], SAMPLES, score=engine)
    result = annotate_sentences({"sentence_info": [sentence]}, SAMPLES, score=engine)

    for record in (found, *result["sentence_info"]):
        assert is_label(record["emotion"])
        assert ("emotion_score" in record) == (record["emotion"] != "sad")


@pytest.mark.parametrize("value", [*IN_JSON, "sad"], ids=repr)
def test_nemo_manifests(tmp_path, sound, engine, value):
    line = {"audio_filepath": sound, "duration": 1.0, "emotion": value}
    (tmp_path / "in.json").write_text(json.dumps(line) + "\n")

    annotate_nemo(tmp_path / "in.json", tmp_path / "out.json", score=engine)

    found = json.loads((tmp_path / "out.json").read_text())
    assert is_label(found["emotion"])
    assert ("emotion_score" in found) == (value != "sad" if isinstance(value, str) else True)


@pytest.mark.parametrize("value", NO_LABELS, ids=repr)
def test_the_reference_of_training_and_evaluation(sound, value):
    cuts = CutSet.from_cuts([cut_with(sound, emotion=value)])

    with pytest.raises(LabelError, match="1 of 1 supervisions have no label"):
        labelled_turns(cuts)


@pytest.mark.parametrize("value", NO_LABELS, ids=repr)
def test_predictions(sound, value):
    cuts = CutSet.from_cuts([cut_with(sound, emotion="sad", guess=value)])

    [found] = predictions_in(Truth().turns(cuts), "guess")

    assert (found.label, found.reason) == (None, "no prediction")


@pytest.mark.parametrize("value", IN_JSON, ids=repr)
def test_predictions_in_a_file(tmp_path, sound, value):
    cuts = CutSet.from_cuts([cut_with(sound, emotion="sad")])
    (tmp_path / "rows.jsonl").write_text(json.dumps({"id": "s", "label": value}) + "\n")

    [found] = joined(Truth().turns(cuts), tmp_path / "rows.jsonl")

    assert found.label is None


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"emotion": "sad"}, False),
        ({"emotion": "sad", "emotion_score": 0.9}, False),
        ({"emotion": "sad", "emotion_model": None, "emotion_scores": {"sad": 1.0}}, False),
        ({"emotion": "sad", "emotion_model": "tiny"}, True),
        (
            {"emotion": "sad", "emotion_model": "tiny", "emotion_scores": {"sad": 0.9, "x": 0.1}},
            True,
        ),
        # A person changed the label in the manifest and left the rest.
        (
            {"emotion": "x", "emotion_model": "tiny", "emotion_scores": {"sad": 0.9, "x": 0.1}},
            False,
        ),
        ({"emotion": "sad", "emotion_model": "tiny", "emotion_scores": {"sad": "0.9"}}, True),
        ({"emotion": "sad", "emotion_source": "pseudo"}, True),
        ({"emotion": "sad", "emotion_source": "review", "emotion_model": "tiny"}, False),
        ({"emotion": None, "emotion_model": "tiny"}, False),
        (None, False),
    ],
)
def test_labels_of_models_are_told_from_those_of_people(record, expected):
    assert is_by_model(record, "emotion") is expected
