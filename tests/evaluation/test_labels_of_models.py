"""Labels that a model gave are no truth: they are left out or refused."""

from __future__ import annotations

import pytest
from lhotse import CutSet, SupervisionSegment
from lhotse.testing.dummies import dummy_cut
from support.facts import assert_facts

from emo2vec_plugins import LabelMap
from emo2vec_plugins.errors import Emo2vecWarning, FormatError, LabelError
from emo2vec_plugins.evaluation.joining import joined
from emo2vec_plugins.evaluation.reading import Truth

BY_MODEL = {"emotion": "sad", "emotion_model": "tiny@1234", "emotion_scores": {"sad": 1.0}}


def cuts_with(*customs):
    turns = [
        SupervisionSegment(id=f"s{n}", recording_id="r", start=0, duration=0.5, custom=custom)
        for n, custom in enumerate(customs)
    ]
    return CutSet.from_cuts([dummy_cut(0, supervisions=turns)])


@pytest.mark.filterwarnings("ignore:.*come from the model")
def test_a_manifest_that_a_model_labelled_is_refused():
    with pytest.raises(LabelError) as caught:
        Truth().turns(cuts_with(BY_MODEL, BY_MODEL))

    assert_facts(str(caught.value), "people", "model", "all 2")


@pytest.mark.filterwarnings("ignore:.*come from the model")
def test_labels_of_a_model_are_left_out():
    cuts = cuts_with(BY_MODEL, {"emotion": "happy"}, BY_MODEL | {"emotion_source": "review"})

    with pytest.warns(Emo2vecWarning, match="1 of 3"):
        turns = Truth().turns(cuts)

    assert [turn.label for turn in turns] == ["happy", "sad"]
    assert Truth().left_out(cuts)["pseudo_labels"] == 1


def test_errors_name_the_files_of_labels_and_predictions(tmp_path):
    (tmp_path / "map.yaml").write_text("angry: x\n")
    (tmp_path / "rows.jsonl").write_text('{"id": "s0", "label": "sad", "scores": {"sad": "no"}}\n')
    cuts = cuts_with({"emotion": "angry"})

    with pytest.raises(LabelError) as unknown:
        Truth(label_map=LabelMap.read(tmp_path / "map.yaml")).turns(cuts)
    with pytest.raises(FormatError) as wrong:
        joined(Truth().turns(cuts), tmp_path / "rows.jsonl")

    assert_facts(str(unknown.value), "'angry'", "'x'", str(tmp_path / "map.yaml"))
    assert_facts(str(wrong.value), str(tmp_path / "rows.jsonl"), "'s0'")
