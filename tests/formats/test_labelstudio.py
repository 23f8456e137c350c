"""Label Studio: tasks that pass its own checks, and its exports."""

from __future__ import annotations

import json
import re
import warnings
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest
from hypothesis import given
from support.formats import HARD_NAMES, hard

from emo2vec_plugins import Dialogue, Emotion, Provenance, ScoredTurn, Turn
from emo2vec_plugins.core.labels import EMOTIONS
from emo2vec_plugins.errors import Emo2vecWarning, FormatError
from emo2vec_plugins.formats.labelstudio.writing import dumps, labelling_config, read_export

TURN = ScoredTurn(
    turn=Turn(start=6.69, end=7.12, speaker="Ann", channel=1),
    emotion=Emotion(
        label="angry",
        score=0.75,
        flags=("short", "overlapped"),
        provenance=Provenance(model="tiny", sha256="0123456789abcdef"),
    ),
)
SILENT = ScoredTurn(turn=Turn(start=8.0, end=8.5), emotion=Emotion(reason="no audio"))
TALK = Dialogue(recording="talk", turns=(TURN, SILENT), audio="talk.wav", duration=30.0)


def interface(config):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # from its imports
        from label_studio_sdk.label_interface import LabelInterface
    return LabelInterface(config)


def a_region(identity="r1", start=1.0, end=2.0, speaker="Ann", emotion="sad", **more):
    place = {"start": start, "end": end, "channel": 0}
    shared = {"id": identity, "to_name": "audio", "origin": "manual", "original_length": 9.0}
    found = []
    if speaker is not None:
        value = place | {"labels": [speaker]}
        found.append(shared | {"from_name": "speaker", "type": "labels", "value": value} | more)
    if emotion is not None:
        value = place | {"choices": [emotion]}
        found.append(shared | {"from_name": "emotion", "type": "choices", "value": value} | more)
    return found


def an_annotation(*regions, updated="2026-05-04T10:00:00.123456Z", by=1, **more):
    return {
        "id": 7,
        "completed_by": by,
        "result": [result for region in regions for result in region],
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": "2026-05-04T09:00:00.123456Z",
        "updated_at": updated,
        "lead_time": 12.5,
    } | more


def an_export(*annotations, **data):
    task = {
        "id": 17,
        "annotations": list(annotations),
        "predictions": [],
        "drafts": [],
        "data": {"audio": "/data/upload/1/0a1b2c3d-talk.wav", "recording": "talk"} | data,
        "meta": {},
        "project": 1,
    }
    return json.dumps([task])


def test_a_turn_is_a_region_with_a_speaker_and_an_emotion():
    [task] = json.loads(dumps([TALK]))

    assert task["data"] == {"audio": "talk.wav", "recording": "talk", "recording_duration": 30.0}
    [prediction] = task["predictions"]
    assert prediction["model_version"] == "tiny 0123456789ab"
    assert prediction["score"] == 0.75
    meta = {
        "text": ["short, overlapped"],
        "flags": ["short", "overlapped"],
        "channel": 1,
    }
    assert prediction["result"] == [
        {
            "id": "turn-0",
            "to_name": "audio",
            "meta": meta,
            "from_name": "speaker",
            "type": "labels",
            "value": {"start": 6.69, "end": 7.12, "channel": 1, "labels": ["Ann"]},
        },
        {
            "id": "turn-0",
            "to_name": "audio",
            "meta": meta,
            "from_name": "emotion",
            "type": "choices",
            "value": {"start": 6.69, "end": 7.12, "channel": 1, "choices": ["angry"]},
            "score": 0.75,
        },
        {
            "id": "turn-1",
            "to_name": "audio",
            "meta": {"text": ["no audio"], "reason": "no audio"},
            "from_name": "speaker",
            "type": "labels",
            "value": {"start": 8.0, "end": 8.5, "channel": 0, "labels": ["?"]},
        },
    ]


def test_the_configuration_offers_speakers_and_emotions():
    root = ElementTree.fromstring(labelling_config([TALK]))

    assert [tag.get("value") for tag in root.iter("Label")] == ["Ann", "?"]
    emotion, reviewed = root.findall("Choices")
    assert [tag.get("value") for tag in emotion] == list(EMOTIONS)
    assert [(tag.get("value"), tag.get("hotkey")) for tag in reviewed] == [("yes", "0")]
    assert reviewed.get("perRegion") == "true"
    assert reviewed.get("required") is None
    assert root.find("Choices").get("perRegion") == "true"
    assert root.find("Choices").get("required") == "true"
    angry = root.find("Choices/Choice")
    assert angry.attrib == {"value": "angry", "background": "#d55e00", "hotkey": "1"}


def test_the_configuration_escapes_names_for_xml():
    turns = tuple(
        ScoredTurn(turn=Turn(start=0, end=1, speaker=name), emotion=Emotion(label=name))
        for name in (*HARD_NAMES, "\x01")
    )
    config = labelling_config([Dialogue(recording="x", turns=turns)])
    root = ElementTree.fromstring(config)

    labels = [tag.get("value") for tag in root.iter("Label")]
    assert len(set(labels)) == len(HARD_NAMES) + 2
    assert {"<script>", 'say "so"', "a%0Ab", "%3F", "?", "%", "%01", "مريم"} <= set(labels)
    assert "a%09b" in [tag.get("value") for tag in root.iter("Choice")]
    assert len(root.find("Choices").findall("Choice[@hotkey]")) == 9


def test_label_studio_accepts_the_configuration_and_the_tasks():
    config = labelling_config([TALK])
    [task] = json.loads(dumps([TALK]))
    found = interface(config)

    found.validate()
    assert found.validate_task({"data": task["data"]})
    assert found.validate_prediction(task["predictions"][0], return_errors=True) == []
    assert found.validate_annotation(an_annotation(a_region(), a_region("r2", speaker="?")))


@given(dialogues=hard)
def test_label_studio_accepts_any_names(dialogues):
    found = interface(labelling_config(dialogues))

    found.validate()
    for task in json.loads(dumps(dialogues)):
        for prediction in task["predictions"]:
            assert found.validate_prediction(prediction, return_errors=True) == []


def test_a_region_of_label_studios_own_tests_is_a_turn(shared):
    source = (shared / "format_samples" / "label_studio" / "audio_regions.ts").read_text("utf-8")
    text = re.search(r"audioOneRegionResult = (\[.*?\]);", source, re.S)[1]
    quoted = re.sub(r",(\s*[}\]])", r"\1", re.sub(r"(\w+):", r'"\1":', text))
    annotation = an_annotation(json.loads(quoted))

    [talk] = read_export(an_export(annotation))

    turn = Turn(start=25.10367191523605, end=49.99549849785408, speaker="Music")
    assert talk.turns == (ScoredTurn(turn=turn, emotion=Emotion()),)


def test_corrections_are_read_without_the_models_scores():
    [result, choice] = a_region(
        meta={"text": ["short, no audio"], "flags": ["short"], "reason": "no audio"}
    )
    annotation = an_annotation(
        [result, choice | {"score": 0.9}], a_region("r2", 3, 4, None, "happy")
    )

    [talk] = read_export("\ufeff" + an_export(annotation))

    assert talk == Dialogue(
        recording="talk",
        turns=(
            ScoredTurn(
                turn=Turn(start=1.0, end=2.0, speaker="Ann"),
                emotion=Emotion(label="sad", flags=("short",)),
            ),
            ScoredTurn(turn=Turn(start=3.0, end=4.0), emotion=Emotion(label="happy")),
        ),
        audio="/data/upload/1/0a1b2c3d-talk.wav",
    )


def test_results_of_a_region_need_not_be_adjacent():
    one, other = a_region("r1"), a_region("r2", 3.0, 4.0, "Ben", "angry")
    mixed = [other[1], one[0], other[0], one[1]]

    [talk] = read_export(an_export(an_annotation(mixed)))

    found = [(turn.turn.speaker, turn.emotion.label) for turn in talk.turns]
    assert found == [("Ben", "angry"), ("Ann", "sad")]


def test_a_region_without_emotion_has_none():
    [talk] = read_export(an_export(an_annotation(a_region(emotion=None))))

    assert talk.turns[0].emotion == Emotion()


def test_an_unnamed_recording_is_named_after_its_audio():
    text = an_export(an_annotation(a_region()), recording=None)
    served = text.replace(
        "/data/upload/1/0a1b2c3d-talk.wav", "/data/local-files/?d=day.1/talk.2.wav"
    )

    assert [each.recording for each in read_export(text)] == ["talk"]
    assert [each.recording for each in read_export(served)] == ["talk.2"]


def test_the_latest_or_the_requested_annotation_is_read():
    text = an_export(
        an_annotation(a_region(emotion="happy"), updated="2026-05-04T12:00:00Z", by=1),
        an_annotation(a_region(emotion="sad"), updated="2026-05-04T11:00:00Z", by=2),
        an_annotation(a_region(emotion="other"), was_cancelled=True),
    )

    with pytest.warns(Emo2vecWarning, match=r"task 1 \(id 17\).*by 1, 2.*several"):
        assert read_export(text)[0].turns[0].emotion.label == "happy"
    assert read_export(text, annotator=2)[0].turns[0].emotion.label == "sad"


def test_an_annotator_may_be_given_by_email_address():
    text = an_export(an_annotation(a_region(), by={"id": 3, "email": "ann@example.org"}))

    assert len(read_export(text, annotator="ann@example.org")) == 1
    assert len(read_export(text, annotator=3)) == 1


@pytest.mark.parametrize("annotations", [[], [an_annotation(a_region(), was_cancelled=True)]])
def test_a_task_without_annotations_is_dropped_with_a_warning(annotations):
    with pytest.warns(Emo2vecWarning, match=r"task 1 \(id 17\).*not annotated"):
        assert read_export(an_export(*annotations)) == []


def test_drafts_that_were_not_submitted_are_named():
    [task] = json.loads(an_export(an_annotation(a_region())))
    task["drafts"] = [{"result": a_region(emotion="angry")}]

    with pytest.warns(Emo2vecWarning, match=r"task 1 \(id 17\).*draft"):
        [talk] = read_export(json.dumps([task]))
    assert talk.turns[0].emotion.label == "sad"


def test_a_choice_named_reviewed_marks_a_region():
    mark = a_region(speaker=None, emotion="yes")[0] | {"from_name": "reviewed"}
    text = an_export(an_annotation(a_region(), [mark], a_region("r2", 3.0, 4.0)))

    [talk] = read_export(text)

    found = [(scored.emotion.label, scored.emotion.reviewed) for scored in talk.turns]
    assert found == [("sad", True), ("sad", False)]


def test_predictions_are_those_of_a_model():
    [task] = json.loads(dumps([TALK]))

    [talk] = read_export(json.dumps(task))

    assert talk.turns[0].emotion.provenance.model == "tiny 0123456789ab"


def test_an_annotation_may_have_no_regions():
    [talk] = read_export(an_export(an_annotation()))

    assert (talk.recording, talk.turns) == ("talk", ())


def test_other_results_are_dropped_with_a_warning():
    text = {"id": "r1", "type": "textarea", "value": {"start": 1, "end": 2, "text": ["hello"]}}
    whole = {"id": "c1", "type": "choices", "value": {"choices": ["noisy"]}}
    relation = {"type": "relation", "from_id": "r1", "to_id": "r2", "value": {}}

    with pytest.warns(Emo2vecWarning, match="1 x textarea, 1 x choices, 1 x relation$"):
        [talk] = read_export(an_export(an_annotation(a_region(), [text, whole, relation])))
    assert len(talk.turns) == 1


def test_a_single_task_is_read():
    [task] = json.loads(an_export(an_annotation(a_region())))

    assert len(read_export(json.dumps(task))) == 1


@pytest.mark.parametrize(
    ("region", "message"),
    [
        (a_region(start=3.0), r"task 1 \(id 17\), region 'r1': .*start <= end"),
        (a_region(start="1"), r"region 'r1', value: .*number.*'start'.*\"1\""),
        (a_region() + a_region(), r"region 'r1': .*one result with labels"),
        (a_region(type="labels"), r"region 'r1', value: .*'labels'"),
        ([{"id": "r1"}], r"region 'r1': .*'type'"),
        (["r1"], r"task 1 \(id 17\): .*object.*\"r1\""),
    ],
)
def test_a_malformed_region_is_named(region, message):
    with pytest.raises(FormatError, match=message):
        read_export(an_export(an_annotation(region)))


@pytest.mark.parametrize(
    ("name", "value"), [("flags", 3), ("flags", None), ("flags", [1.5]), ("reason", 1.5)]
)
def test_a_malformed_note_to_a_region_is_named(name, value):
    region = a_region(meta={"text": ["by a person"], name: value})

    with pytest.raises(FormatError, match=rf"region 'r1', meta: .*'{name}'"):
        read_export(an_export(an_annotation(region)))


def test_two_emotions_for_one_region_are_an_error():
    region = a_region()
    region[1]["value"]["choices"] = ["sad", "angry"]

    with pytest.raises(FormatError, match=r"region 'r1': .*choices.*sad.*angry"):
        read_export(an_export(an_annotation(region)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "line 1: .*JSON"),
        ("3", "list.*tasks"),
        ("[3]", "task 1: .*object.*3"),
        ('[{"id": 1, "audio": "x.wav", "emotion": "sad"}]', "task 1: .*'data'.*JSON-MIN"),
        ('[{"data": {}, "annotations": {}}]', "task 1: .*list.*'annotations'"),
        ('[{"data": {}, "annotations": [{}]}]', "task 1: .*'result'"),
    ],
)
def test_a_malformed_export_is_an_error(text, message):
    with pytest.raises(FormatError, match=message):
        read_export(text)


def test_a_turn_before_its_recording_is_an_error():
    early = replace(TURN, turn=Turn(start=-0.5, end=1.0))

    with pytest.raises(FormatError, match=r"'talk', turn 0: .*start.*-0\.5"):
        dumps([replace(TALK, turns=(early,))])


def test_a_nan_score_is_an_error():
    odd = replace(TURN, emotion=Emotion(label="sad", score=float("nan")))

    with pytest.raises(FormatError, match=r"recording 'talk', turn 0: .*nan"):
        dumps([replace(TALK, turns=(odd,))])
