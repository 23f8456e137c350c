"""True labels and predictions from cuts and files, joined by turn id."""

from __future__ import annotations

import gzip
import json

import pytest
from lhotse import CutSet
from support.facts import assert_facts
from support.labelled_cuts import labelled_cut, save_cuts

from emo2vec_plugins.core.session import Options
from emo2vec_plugins.engine.engine import Engine
from emo2vec_plugins.errors import Emo2vecWarning, FormatError, LabelError, OptionsError
from emo2vec_plugins.evaluation.joining import joined
from emo2vec_plugins.evaluation.reading import Truth, predict, predictions_in
from emo2vec_plugins.formats import LabelMap
from emo2vec_plugins.integrations.lhotse.cuts import annotate_cuts
from emo2vec_plugins.testing import FakeBackend


@pytest.fixture
def cuts(write, noise):
    """Two cuts of 3 s: two turns by anna, one by bert."""
    return [
        labelled_cut(write("a.wav", noise(48000), 16000), "happiness", "anger", speaker="anna"),
        labelled_cut(write("b.wav", noise(48000, seed=1), 16000), "anger", speaker="bert"),
    ]


GERMAN = LabelMap({"happiness": "happy", "anger": "angry"})


def given(cuts, *customs):
    """Add *customs* to the supervisions, in order, and return the turns."""
    left = iter(customs)
    for cut in cuts:
        for supervision in cut.supervisions:
            supervision.custom.update(next(left))
    return Truth(label_map=GERMAN).turns(cuts)


def lines(path, *documents):
    text = "".join(json.dumps(each) + "\n" for each in documents)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def test_truth_and_prediction_are_two_fields(cuts):
    turns = given(
        cuts,
        {"predicted": "happy", "predicted_scores": {"happy": 0.7, "angry": 0.3}},
        {"predicted": None, "predicted_reason": "too short"},
        {"predicted": "Angry"},
    )

    first, second, third = predictions_in(turns, "predicted")

    assert (first.id, first.truth, first.label) == ("a-0", "happy", "happy")
    assert (first.speaker, first.recording) == ("anna", "a")
    assert (first.start, first.duration) == (0.0, 1.0)
    assert first.scores == {"happy": 0.7, "angry": 0.3}
    assert (second.label, second.reason, second.start) == (None, "too short", 1.0)
    assert (third.label, third.scores) == ("angry", None)


def test_scores_of_names_with_the_same_meaning_are_summed(cuts):
    other = LabelMap({"joy": "happy", "excited": "happy", "noise": None})
    turns = given(
        cuts,
        {"predicted": "joy", "predicted_scores": {"joy": 0.4, "excited": 0.3, "angry": 0.3}},
        {"predicted": "noise"},
        {"predicted": None, "predicted_scores": {"joy": 0.2, "angry": 0.8}},
    )

    first, second, third = predictions_in(turns, "predicted", label_map=other)

    assert first.scores == pytest.approx({"happy": 0.7, "angry": 0.3})
    assert second.label is None
    assert third.label == "angry"


def test_a_class_mapped_to_null_is_masked(cuts):
    masks = LabelMap({"other": None})
    turns = given(
        cuts,
        {"predicted": "happy", "predicted_scores": {"happy": 0.6, "angry": 0.2, "other": 0.2}},
        {"predicted": "other", "predicted_scores": {"happy": 0.1, "angry": 0.3, "other": 0.6}},
        {"predicted": "other", "predicted_scores": {"happy": 0.0, "other": 1.0}},
    )

    first, second, third = predictions_in(turns, "predicted", label_map=masks)

    assert first.scores == pytest.approx({"happy": 0.75, "angry": 0.25})
    assert (second.label, second.scores) == ("angry", pytest.approx({"happy": 0.25, "angry": 0.75}))
    assert (third.label, third.scores, third.reason) == (None, None, "no prediction")


def test_scores_are_checked_before_classes_are_masked(cuts):
    turns = given(
        cuts, {"predicted": "happy", "predicted_scores": {"happy": 1.0, "other": 0.5}}, {}, {}
    )

    with pytest.raises(FormatError, match=r"turn 'a-0', field 'predicted': .*prob.*1\.0.*0\.5"):
        predictions_in(turns, "predicted", label_map=LabelMap({"other": None}))


def test_a_field_that_no_turn_has_is_refused(cuts):
    with pytest.raises(OptionsError, match=r"'predicted'.*fields.*emotion"):
        predictions_in(given(cuts, {}, {}, {}), "predicted")


def test_labels_and_scores_of_the_wrong_type_are_refused(cuts):
    with pytest.raises(FormatError, match=r"turn 'a-0', field 'predicted': .*label, got 3"):
        predictions_in(given(cuts, {"predicted": 3}, {}, {}), "predicted")
    with pytest.raises(FormatError, match=r"turn 'a-0'.*number.*\[0\.5\]"):
        predictions_in(
            given(cuts, {"predicted": "sad", "predicted_scores": [0.5]}, {}, {}), "predicted"
        )


def test_a_model_scores_only_the_turns_to_evaluate(cuts):
    backend = FakeBackend()
    truth = Truth(label_map=LabelMap({"happiness": "happy", "anger": None}))
    done = []

    found = predict(cuts, truth=truth, score=Engine(backend), progress=done.append)

    assert [(each.id, each.truth) for each in found] == [("a-0", "happy")]
    assert backend.batches == [[16000]]
    assert set(found[0].scores) == set(backend.labels.names)
    assert done == [1]


def test_predictions_are_what_annotate_cuts_writes(cuts):
    engine = Engine(FakeBackend(), labels=["angry", "happy"])

    found = predict(cuts, truth=Truth(label_map=GERMAN), score=engine)

    annotated = annotate_cuts(cuts, score=engine, options=Options(field="predicted"))
    turns = [turn for cut in annotated for turn in cut.supervisions]
    assert [each.label for each in found] == [turn.predicted for turn in turns]
    for each, turn in zip(found, turns, strict=True):
        assert each.scores == pytest.approx(turn.predicted_scores)
    assert "emo2vec_predicted" not in cuts[0].supervisions[0].custom


def test_mixed_cuts_are_scored_too(cuts):
    mixed = cuts[0].append(cuts[1])

    found = predict([mixed], truth=Truth(label_map=GERMAN), score=Engine(FakeBackend()))

    assert [(each.id, each.start) for each in found] == [("a-0", 0.0), ("a-1", 1.0), ("b-0", 3.0)]


def test_a_model_without_a_head_is_refused(cuts):
    backend = FakeBackend()
    backend.labels = backend.labels.from_tokens(())

    with pytest.raises(OptionsError, match="head"):
        predict(cuts, truth=Truth(label_map=GERMAN), score=Engine(backend))


def test_turns_left_out_are_counted_by_reason(cuts):
    cuts[1].supervisions[0].custom.pop("emotion")
    truth = Truth(label_map=LabelMap({"happiness": None, "anger": "angry"}), skip_unlabelled=True)

    assert [each.label for each in truth.turns(cuts)] == ["angry"]
    assert truth.left_out(cuts) == {
        "unlabelled": 1,
        "by_label_map": 1,
        "pseudo_labels": 0,
        "other_labels": 0,
    }


def test_pseudo_labels_are_not_true_labels(cuts):
    truth = Truth(label_map=GERMAN)
    cuts[0].supervisions[1].custom["emotion_source"] = "pseudo"

    with pytest.warns(Emo2vecWarning, match=r"1 of 3 .*model.*emotion_source"):
        turns = truth.turns(cuts)
    with pytest.warns(Emo2vecWarning, match="model"):
        truth.turns(cuts)
    found = predict(cuts, truth=truth, score=Engine(FakeBackend()))

    assert [each.supervision.id for each in turns] == ["a-0", "b-0"]
    assert [each.id for each in found] == ["a-0", "b-0"]
    assert truth.left_out(cuts)["pseudo_labels"] == 1
    for cut in cuts:
        for turn in cut.supervisions:
            turn.custom["emotion_source"] = "pseudo"
    with pytest.raises(LabelError, match=r"'emotion'.*model.*3.*emotion_source"):
        truth.turns(cuts)


def test_mapped_labels_are_normalised_and_mistyped_ones_are_named(cuts):
    proper = LabelMap({"happiness": "Happy", "anger": "生气/Angry"})
    mistyped = LabelMap({"happiness": "happy", "anger": "angy"})

    assert [each.label for each in Truth(label_map=proper).turns(cuts)] == [
        "happy",
        "angry",
        "angry",
    ]
    with pytest.raises(LabelError, match=r"'anger' \(2, mapped to 'angy'\)"):
        Truth(label_map=mistyped).turns(cuts)


def test_labels_leave_out_turns_of_others(cuts):
    truth = Truth(label_map=GERMAN, labels=("happy", "sad"))

    assert [each.label for each in truth.turns(cuts)] == ["happy"]
    assert truth.left_out(cuts)["other_labels"] == 2
    with pytest.raises(LabelError, match=r"one of sad \(3 "):
        Truth(label_map=GERMAN, labels=("sad",)).turns(cuts)


def test_custom_labels_are_known(cuts):
    truth = Truth(label_map=LabelMap({"anger": "rage"}), labels=("rage", "happiness"))

    assert [each.label for each in truth.turns(cuts)] == ["happiness", "rage", "rage"]


def test_predictions_come_from_another_manifest_by_id(cuts, tmp_path):
    turns = Truth(label_map=GERMAN).turns(cuts)
    annotated = annotate_cuts(cuts, score=Engine(FakeBackend()), options=Options(field="predicted"))
    manifest = save_cuts(tmp_path / "predicted.jsonl.gz", *reversed(list(annotated)))

    found = joined(turns, manifest, field="predicted")

    written = {
        turn.id: turn.predicted for cut in CutSet.from_file(manifest) for turn in cut.supervisions
    }
    assert [(each.id, each.label) for each in found] == [
        (name, written[name]) for name in ("a-0", "a-1", "b-0")
    ]


def test_a_field_that_no_line_has_is_refused(cuts, tmp_path):
    turns = given(cuts, *[{"said": "happy"}] * 3)
    manifest = save_cuts(tmp_path / "said.jsonl", *cuts)

    with pytest.raises(OptionsError, match=r"field 'sad'.*emotion, said"):
        joined(turns, manifest, field="sad")
    turns = given(cuts, *[{"said_scores": {"happy": 1.0}}] * 3)
    for each in turns:
        del each.supervision.custom["said"]
    manifest = save_cuts(tmp_path / "scores.jsonl", *cuts)
    assert [each.label for each in joined(turns, manifest, field="said")] == ["happy"] * 3


def test_predictions_come_from_supervisions(cuts, tmp_path):
    turns = given(cuts, {"said": "happy"}, {"said": "sad"}, {"said": "angry"})
    path = tmp_path / "supervisions.jsonl"
    lines(path, *(each.supervision.to_dict() for each in turns))

    assert [each.label for each in joined(turns, path, field="said")] == ["happy", "sad", "angry"]


def test_predictions_come_from_lines_of_other_tools(cuts, tmp_path):
    turns = Truth(label_map=GERMAN).turns(cuts)
    path = lines(
        tmp_path / "others.jsonl.gz",
        {"id": "a-0", "label": "angry", "scores": {"angry": 0.6, "happy": 0.4}},
        {"key": "b-0", "labels": ["生气/angry", "开心/happy"], "scores": [0.1, 0.9]},
        {"id": "a-1", "label": None, "reason": "crashed"},
        {"id": "more", "label": "sad"},
    )

    first, second, third = joined(turns, path)

    assert (first.label, first.scores) == ("angry", {"angry": 0.6, "happy": 0.4})
    assert (second.label, second.reason) == (None, "crashed")
    assert (third.label, third.scores) == ("happy", {"angry": 0.1, "happy": 0.9})


def test_predicted_names_that_are_not_known_are_refused(cuts, tmp_path):
    turns = Truth(label_map=GERMAN).turns(cuts)
    path = lines(tmp_path / "p.jsonl", *({"id": n, "label": "calm"} for n in ("a-0", "a-1", "b-0")))

    with pytest.raises(LabelError, match=r"'calm' \(3\).*--predicted-label-map"):
        joined(turns, path)
    with pytest.raises(LabelError, match=r"'anger' \(2\), 'happiness' \(1\)"):
        predictions_in(turns, "emotion")
    found = joined(turns, path, label_map=LabelMap({"calm": "calm"}))
    assert [each.label for each in found] == ["calm"] * 3


def test_predictions_equal_to_the_true_labels_are_warned_of(cuts, tmp_path):
    manifest = save_cuts(tmp_path / "copy.jsonl", *cuts)

    with pytest.warns(
        Emo2vecWarning, match=r"copy\.jsonl.*'emotion'.*identical.*--predicted-field"
    ):
        joined(Truth(label_map=GERMAN).turns(cuts), manifest, label_map=GERMAN)


def test_a_turn_without_a_line_is_refused(cuts, tmp_path):
    path = lines(tmp_path / "p.jsonl", {"id": "a-0", "label": "sad"}, {"id": "x", "label": "sad"})

    with pytest.raises(FormatError, match=r"2 of 3 turns in the cuts: a-1, b-0; .* a-0, x"):
        joined(Truth(label_map=GERMAN).turns(cuts), path)


def test_duplicate_ids_are_refused(cuts, tmp_path):
    turns = Truth(label_map=GERMAN).turns(cuts)
    path = lines(tmp_path / "p.jsonl", *[{"id": "a-0", "label": "sad"}] * 2)

    with pytest.raises(FormatError, match=r"p\.jsonl: .*1 duplicated: a-0"):
        joined(turns, path)
    with pytest.raises(FormatError, match=r"the cuts: .*3 duplicated: a-0, a-1, b-0"):
        joined([*turns, *turns], path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2: not JSON"),
        ("[1]", "line 2: .*object, got list"),
        ('{"id": "a-0"}', "line 2: .*keys .'id'"),
        ('{"supervisions": 3}', "line 2: expected a cut"),
        (
            '{"key": "a", "labels": ["x"], "scores": [0.5, 0.5]}',
            r"line 2: .*one score per label.*\['x'\]",
        ),
    ],
)
def test_a_line_without_a_prediction_is_named(cuts, tmp_path, line, message):
    path = tmp_path / "p.jsonl"
    path.write_text('{"id": "x", "label": "sad"}\n' + line + "\n")

    with pytest.raises(FormatError, match=message):
        joined(Truth(label_map=GERMAN).turns(cuts), path)


def test_a_torn_archive_of_predictions_is_named(cuts, tmp_path):
    path = lines(tmp_path / "p.jsonl.gz", *[{"id": f"t{n}", "label": "sad"} for n in range(99)])
    path.write_bytes(path.read_bytes()[:-20])

    with pytest.raises(FormatError, match=r"p\.jsonl\.gz: .*gzip"):
        joined(Truth(label_map=GERMAN).turns(cuts), path)


ODD = [True, 1.5, "x", [[]], [1]]


@pytest.mark.parametrize("custom", ODD, ids=repr)
def test_custom_fields_that_are_no_object_are_refused(cuts, tmp_path, custom):
    turns = given(cuts, {}, {}, {})
    path = lines(tmp_path / "p.jsonl", {"id": "a-0", "recording_id": "a", "custom": custom})

    with pytest.raises(FormatError) as caught:
        joined(turns, path)

    assert_facts(str(caught.value), path, "line 1", repr(custom))


@pytest.mark.parametrize("labels", [["sad", ["x"]], [{}, {}], ["sad", None], ["sad"]], ids=repr)
def test_labels_of_scores_that_are_no_strings_are_refused(cuts, tmp_path, labels):
    turns = given(cuts, {}, {}, {})
    path = lines(tmp_path / "p.jsonl", {"key": "a-0", "scores": [0.5, 0.5], "labels": labels})

    with pytest.raises(FormatError) as caught:
        joined(turns, path)

    assert_facts(str(caught.value), path, "line 1", repr(labels))


@pytest.mark.parametrize("score", [1.0, 1 / 20_000])
def test_the_message_about_many_scores_is_short(cuts, tmp_path, score):
    turns = given(cuts, {}, {}, {})
    scores = {f"label-{n}": score for n in range(20_000)}
    rows = [{"id": turn.supervision.id, "label": "sad", "scores": scores} for turn in turns]
    path = lines(tmp_path / "p.jsonl", *rows)

    with pytest.raises(FormatError) as caught:
        joined(turns, path)

    assert_facts(str(caught.value), path, "a-0", "label-0")
    assert len(str(caught.value)) < 500


def test_the_message_about_a_long_id_is_short(cuts, tmp_path):
    turns = given(cuts, {}, {}, {})
    path = lines(tmp_path / "p.jsonl", {"id": "x" * 100_000, "label": "sad"})

    with pytest.raises(FormatError) as caught:
        joined(turns, path)

    assert len(str(caught.value)) < 500


def test_numbers_are_names_of_turns_speakers_and_recordings(cuts, tmp_path):
    for number, cut in enumerate(cuts):
        for turn in cut.supervisions:
            turn.id, turn.speaker, turn.recording_id = len(turn.id) + number, 2**70, number
    del cuts[0].supervisions[1]
    turns = given(cuts, {}, {})
    path = lines(tmp_path / "p.jsonl", {"id": "3", "label": "sad"}, {"id": "4", "label": "sad"})

    first, second = joined(turns, path)

    assert [first.id, first.speaker, first.recording] == ["3", str(2**70), "0"]
    assert [second.id, second.speaker, second.recording] == ["4", str(2**70), "1"]
