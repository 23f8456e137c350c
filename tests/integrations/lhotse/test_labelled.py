"""Emotion labels of supervisions: those of people, and those of models."""

from __future__ import annotations

import warnings

import pytest
from lhotse import CutSet, SupervisionSegment
from lhotse.testing.dummies import dummy_cut

from emo2vec_plugins import Engine
from emo2vec_plugins.errors import Emo2vecWarning, OptionsError
from emo2vec_plugins.integrations.lhotse import annotate_manifest, labelled_turns
from emo2vec_plugins.testing import FakeBackend


def cut_with(**custom):
    turn = SupervisionSegment(id="s", recording_id="r", start=0, duration=0.5, custom=custom)
    return dummy_cut(0, supervisions=[turn])


def test_labels_of_a_model_are_warned_about():
    cuts = CutSet.from_cuts([cut_with(emotion="sad", emotion_model="tiny@1234")])

    with pytest.warns(Emo2vecWarning, match=r"1 label .*'emotion'.*tiny@1234.*--field"):
        turns = labelled_turns(cuts)

    assert [turn.label for turn in turns] == ["sad"]


@pytest.mark.parametrize(
    "custom",
    [
        {"emotion": "sad"},
        {"emotion": "sad", "emotion_model": None},
        {"emotion": "sad", "emotion_model": "tiny@1234", "emotion_source": "pseudo"},
        {"emotion": "sad", "model": "happy", "model_model": "tiny@1234"},
    ],
)
def test_labels_of_people_and_pseudo_labels_are_not(custom):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        [turn] = labelled_turns(CutSet.from_cuts([cut_with(**custom)]))

    assert turn.label == "sad"


def test_an_output_over_its_input_is_an_error(tmp_path):
    CutSet.from_cuts([cut_with()]).to_file(tmp_path / "in.jsonl")
    before = (tmp_path / "in.jsonl").read_bytes()
    (tmp_path / "link.jsonl").symlink_to("in.jsonl")

    for output in ("in.jsonl", "link.jsonl"):
        with pytest.raises(OptionsError, match=r"same.*in\.jsonl"):
            annotate_manifest(
                *(tmp_path / "in.jsonl", tmp_path / output), score=Engine(FakeBackend())
            )
    assert (tmp_path / "in.jsonl").read_bytes() == before
