"""``emo2vec review``: export to ELAN and Label Studio, and import of corrections."""

from __future__ import annotations

import copy
import csv
import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import lhotse
import pytest
import soundfile
from lhotse import CutSet
from support.cli_runner import run
from support.facts import assert_facts

from emo2vec_plugins import Dialogue, Emotion, Plugins, ScoredTurn, Turn
from emo2vec_plugins.formats.files import write_dialogues
from emo2vec_plugins.testing import tone

PLUGINS = Plugins(installed=False)


def turn(start, end, label, speaker="Ann"):
    return ScoredTurn(
        turn=Turn(start=start, end=end, speaker=speaker), emotion=Emotion(label=label, score=0.5)
    )


def corrected(path, *turns):
    write_dialogues([Dialogue(recording="talk", turns=turns)], path, plugins=PLUGINS)


READ = ("review", "read", "talk.emotions.jsonl")
TURNS = (turn(0.0, 1.0, "sad"), turn(0.5, 2.0, "happy", "Bob"), turn(2.0, 3.0, "angry"))


@pytest.fixture(autouse=True)
def desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    soundfile.write("talk.wav", tone(3.0), 16_000)
    talk = Dialogue(recording="talk", turns=TURNS, audio="talk.wav", duration=3.0)
    write_dialogues([talk], "talk.emotions.jsonl", plugins=PLUGINS)
    return tmp_path


def changed(desk, column="change"):
    with (desk / "out" / "changes.csv").open(newline="") as file:
        return [row[column] for row in csv.DictReader(file)]


def mark_in_elan(file, turn):
    """Write "yes" below a turn, as an annotator does in ELAN."""
    document = ElementTree.parse(file)
    [tier] = [
        each
        for each in document.iter("TIER")
        if each.get("TIER_ID").startswith("reviewed@")
        and document.find(
            f".//TIER[@TIER_ID='{each.get('PARENT_REF')}']//*[@ANNOTATION_ID='{turn}']"
        )
        is not None
    ]
    given = {"ANNOTATION_ID": f"mark-{turn}", "ANNOTATION_REF": turn}
    annotation = ElementTree.SubElement(
        ElementTree.SubElement(tier, "ANNOTATION"), "REF_ANNOTATION"
    )
    annotation.attrib.update(given)
    ElementTree.SubElement(annotation, "ANNOTATION_VALUE").text = "yes"
    document.write(file, "utf-8", xml_declaration=True)


def test_corrections_in_elan_are_imported(desk):
    out = run("review", "export", "talk.emotions.jsonl", "-o", "for_elan", "--format", "elan")
    file = desk / "for_elan" / "talk.eaf"
    text = file.read_text("utf-8")
    sad = "<ANNOTATION_VALUE>sad</ANNOTATION_VALUE>"
    assert text.count(sad) == 1
    file.write_text(text.replace(sad, sad.replace("sad", "surprised")), "utf-8")
    mark_in_elan(file, "a3")

    back = run(
        "review", "read", "talk.emotions.jsonl", "for_elan", "-o", "out", "--input-format", "elan"
    )

    assert (out.exit_code, back.exit_code) == (0, 0)
    for fact in ("3 turns", "for_elan/talk.eaf"):
        assert fact in out.stderr
    assert_facts(back.stderr, "2 of 3 turns reviewed", "1 changed (emotion 1)")
    assert changed(desk) == ["emotion", "", ""]
    assert changed(desk, "reviewed") == ["yes", "", "yes"]
    agreement = json.loads((desk / "out" / "agreement.json").read_text())
    assert [agreement[name] for name in ("unreviewed", "turns", "agreed")] == [1, 2, 1]
    assert back.stdout.splitlines()[1].split() == ["all", "0.333", "2", "2", "1"]
    [cut] = CutSet.from_file("out/cuts.jsonl.gz")
    lhotse.validate(cut)
    assert [each.emotion for each in cut.supervisions] == ["surprised", "angry"]
    assert [each.emotion_before for each in cut.supervisions] == ["sad", "angry"]
    assert cut.load_audio().shape == (1, 48_000)


def test_corrections_in_label_studio_are_imported(desk):
    options = ("--format", "labelstudio", "--media-prefix", "https://example.org/")
    out = run("review", "export", "talk.emotions.jsonl", "-o", "tasks", *options)
    [task] = json.loads((desk / "tasks" / "tasks.labelstudio.json").read_text("utf-8"))
    result = task["predictions"][0]["result"]
    confirmed = next(each for each in result if each["value"].get("choices") == ["sad"])
    mark = confirmed | {"from_name": "reviewed"}
    mark["value"] = confirmed["value"] | {"choices": ["yes"]}
    result.append(mark)
    for each in result:
        if each["type"] == "choices" and each["value"]["choices"] == ["happy"]:
            each["value"]["choices"] = ["neutral"]
    annotation = {"id": 1, "completed_by": 1, "was_cancelled": False, "result": result}
    export = [{"id": 1, "data": task["data"], "annotations": [annotation]}]
    (desk / "export.json").write_text(json.dumps(export), "utf-8")

    back = run(
        *(
            "review",
            "read",
            "talk.emotions.jsonl",
            "export.json",
            "-o",
            "out",
            "--input-format",
            "labelstudio",
        )
    )

    assert (out.exit_code, back.exit_code) == (0, 0), back.stderr
    assert task["data"]["audio"] == "https://example.org/talk.wav"
    assert "<View>" in (desk / "tasks" / "labelling.xml").read_text("utf-8")
    assert changed(desk) == ["", "emotion", ""]
    [cut] = CutSet.from_file("out/cuts.jsonl.gz")
    assert [each.emotion for each in cut.supervisions] == ["sad", "neutral"]


def test_the_same_corrections_give_the_same_bytes(desk):
    corrected("edited.emotions.jsonl", turn(0.0, 1.0, "happy"), *TURNS[1:])
    for out in ("one", "two"):
        assert run(*READ, "edited.emotions.jsonl", "-o", out).exit_code == 0

    for name in ("changes.csv", "agreement.json", "cuts.jsonl.gz"):
        assert (desk / "one" / name).read_bytes() == (desk / "two" / name).read_bytes()


def test_missing_corrections_and_audio_are_reported_with_status_3(desk):
    silent = [Dialogue(recording=name, turns=TURNS[:1]) for name in ("talk", "other")]
    write_dialogues(silent, "both.emotions.jsonl", plugins=PLUGINS)
    corrected("one.emotions.jsonl", turn(0.0, 1.0, "happy"))

    back = run("review", "read", "both.emotions.jsonl", "one.emotions.jsonl", "-o", "out")

    assert back.exit_code == 3
    lines = back.stderr.splitlines()
    assert any("corrections" in line and "other" in line for line in lines)
    assert any("talk: " in line and "--audio FILE" in line for line in lines)
    assert changed(desk) == ["emotion"]
    assert not (desk / "out" / "cuts.jsonl.gz").exists()


def test_cuts_of_an_earlier_run_are_removed_if_no_turn_has_audio_now(desk):
    corrected("edited.emotions.jsonl", turn(0.0, 1.0, "happy"), *TURNS[1:])
    before = run(*READ, "edited.emotions.jsonl", "-o", "out")
    assert (desk / "out" / "cuts.jsonl.gz").exists()
    (desk / "talk.wav").unlink()

    after = run(*READ, "edited.emotions.jsonl", "-o", "out")

    assert (before.exit_code, after.exit_code) == (0, 3)
    assert changed(desk) == ["emotion", "", ""]
    assert not (desk / "out" / "cuts.jsonl.gz").exists()


def test_cuts_that_others_wrote_are_left_and_named_if_no_cuts_remain(desk):
    corrected("edited.emotions.jsonl", turn(0.0, 1.0, "happy"), *TURNS[1:])
    (desk / "talk.wav").unlink()
    (desk / "out").mkdir()
    (desk / "out" / "cuts.jsonl.gz").write_bytes(b"theirs")

    read = run(*READ, "edited.emotions.jsonl", "-o", "out", "--overwrite")

    assert read.exit_code == 3
    assert any("out/cuts.jsonl.gz" in line for line in read.stderr.splitlines()[1:])
    assert (desk / "out" / "cuts.jsonl.gz").read_bytes() == b"theirs"


@pytest.mark.parametrize("annotator", [(), ("--annotator", "1", "--input-format", "labelstudio")])
def test_a_missing_input_is_named_before_the_outputs_are_checked(desk, annotator):
    (desk / "changes.csv").write_text("theirs")

    read = run(*READ, "missing", "-o", ".", *annotator)

    assert read.exit_code == 1
    assert_facts(read.stderr, "missing")
    assert "changes.csv" not in read.stderr


def test_unknown_labels_are_refused_unless_they_are_mapped(desk):
    joy = Dialogue(recording="talk", turns=(turn(0.0, 1.0, "joy"), *TURNS[1:]))
    write_dialogues([joy], "joy.emotions.jsonl", plugins=PLUGINS)
    (desk / "labels.yaml").write_text("joy: happy\n")
    command = ("review", "read", "talk.emotions.jsonl", "joy.emotions.jsonl", "-o", "out")

    refused = run(*command)
    mapped = run(*command, "--label-map", "labels.yaml")

    assert refused.exit_code == 1
    assert "'joy' (1, first at talk 0.000-1.000)" in refused.stderr
    assert mapped.exit_code == 0
    assert changed(desk) == ["emotion", "", ""]


def test_nothing_is_exported_without_audio():
    silent = Dialogue(recording="talk", turns=TURNS)
    write_dialogues([silent], "silent.emotions.jsonl", plugins=PLUGINS)

    refused = run("review", "export", "silent.emotions.jsonl", "-o", "out", "--format", "elan")

    assert refused.exit_code == 1
    for fact in ("talk", "--audio FILE", "--audio NAME=FILE"):
        assert fact in refused.stderr


@pytest.mark.parametrize("tool", ["elan", "labelstudio"])
def test_existing_files_are_not_overwritten(desk, tool):
    arguments = ("review", "export", "talk.emotions.jsonl", "-o", "out", "--format", tool)
    run(*arguments)
    [file, *_] = sorted((desk / "out").iterdir(), reverse=True)
    file.write_text("hours of work", "utf-8")

    again = run(*arguments)
    forced = run(*arguments, "--overwrite", "--quiet")

    assert again.exit_code == 1
    assert str(Path("out", file.name)) in again.stderr
    assert "--overwrite" in again.stderr
    assert (forced.exit_code, forced.output) == (0, "")
    assert file.read_text("utf-8") != "hours of work"


def test_linked_audio_that_is_missing_is_reported(desk):
    (desk / "talk.wav").unlink()

    out = run("review", "export", "talk.emotions.jsonl", "-o", "out", "--format", "elan")

    assert out.exit_code == 0
    for fact in ("warning: talk: ", "talk.wav", "--audio FILE"):
        assert fact in out.stderr


def test_file_names_are_percent_encoded_in_urls(desk):
    (desk / "talk.wav").rename(desk / "a & b#1.wav")
    prefix = "/data/local-files/?d=m/"

    run(
        *("review", "export", "talk.emotions.jsonl", "-o", "out", "--format", "labelstudio"),
        *("--audio", "a & b#1.wav", "--media-prefix", prefix),
    )

    [task] = json.loads((desk / "out" / "tasks.labelstudio.json").read_text("utf-8"))
    assert task["data"]["audio"] == prefix + "a%20%26%20b%231.wav"


@pytest.mark.parametrize("place", ["tasks", "tasks/tasks.labelstudio.json"])
def test_tasks_without_annotations_are_refused(desk, place):
    run("review", "export", "talk.emotions.jsonl", "-o", "tasks", "--format", "labelstudio")

    back = run(
        "review", "read", "talk.emotions.jsonl", place, "-o", "out", "--input-format", "labelstudio"
    )

    assert back.exit_code == 1
    assert_facts(back.stderr, "'talk'", "annotations", "model")
    assert not (desk / "out").exists()


@pytest.mark.parametrize("place", ["for_people", "for_people/talk.eaf"])
def test_an_unedited_elan_file_is_refused(desk, place):
    run("review", "export", "talk.emotions.jsonl", "-o", "for_people", "--format", "elan")

    back = run(*READ, place, "-o", "out", "--input-format", "elan")

    assert back.exit_code == 1
    assert_facts(back.stderr, place, "reviewed@SPEAKER")
    assert not (desk / "out").exists()


def test_an_unedited_annotation_of_label_studio_is_refused(desk):
    run("review", "export", "talk.emotions.jsonl", "-o", "tasks", "--format", "labelstudio")
    [task] = json.loads((desk / "tasks" / "tasks.labelstudio.json").read_text("utf-8"))
    task["annotations"] = [{"completed_by": 1, "result": task["predictions"][0]["result"]}]
    (desk / "export.json").write_text(json.dumps([task]), "utf-8")

    back = run(*READ, "export.json", "-o", "out", "--input-format", "labelstudio")

    assert back.exit_code == 1
    assert_facts(back.stderr, "export.json", "Is the emotion right?")
    assert not (desk / "out").exists()


def test_a_field_of_lhotse_is_refused(desk):
    corrected("edited.emotions.jsonl", turn(0.0, 1.0, "happy"), *TURNS[1:])

    back = run(*READ, "edited.emotions.jsonl", "-o", "out", "--field", "speaker")

    assert back.exit_code == 1
    assert_facts(back.stderr, "'speaker'")
    assert not (desk / "out").exists()


def test_results_that_were_not_exported_are_refused(desk):
    run("review", "export", "talk.emotions.jsonl", "-o", "for_elan", "--format", "elan")
    mark_in_elan(desk / "for_elan" / "talk.eaf", "a3")
    corrected("new.emotions.jsonl", *TURNS[:2], turn(2.0, 3.0, "happy"))

    back = run(
        *("review", "read", "new.emotions.jsonl", "for_elan", "-o", "out"),
        *("--input-format", "elan"),
    )

    assert back.exit_code == 1
    assert_facts(back.stderr, "for_elan", "'talk'", "exported")
    assert not (desk / "out").exists()


def test_a_format_that_stores_no_export_is_read_with_a_warning(desk):
    corrected("edited.emotions.jsonl", turn(0.0, 1.0, "happy"), *TURNS[1:])

    back = run(*READ, "edited.emotions.jsonl", "-o", "out")

    assert back.exit_code == 0
    assert_facts(back.stderr, "warning: talk: ", "exported", "marked as reviewed")


def test_only_files_of_the_read_format_are_judged_in_a_folder(desk):
    run("review", "export", "talk.emotions.jsonl", "-o", "answers", "--format", "labelstudio")
    corrected("answers/talk.emotions.jsonl", turn(0.0, 1.0, "happy"), *TURNS[1:])

    back = run(*READ, "answers", "-o", "out")

    assert back.exit_code == 0
    assert changed(desk) == ["emotion", "", ""]


def test_the_annotations_of_one_person_are_read(desk):
    options = ("--input-format", "labelstudio", "-o", "out")
    run("review", "export", "talk.emotions.jsonl", "-o", "tasks", "--format", "labelstudio")
    [task] = json.loads((desk / "tasks" / "tasks.labelstudio.json").read_text("utf-8"))
    task["id"], task["annotations"] = 1, []
    for who, label in ((1, "surprised"), (2, "happy")):
        result = copy.deepcopy(task["predictions"][0]["result"])
        next(each for each in result if each["type"] == "choices")["value"]["choices"] = [label]
        task["annotations"].append({"completed_by": who, "result": result})
    # Label Studio exports a single task as an object.
    (desk / "one.json").write_text(json.dumps(task), "utf-8")

    chosen = run(*READ, "one.json", *options, "--annotator", "1")
    wrong = run(*READ, "one.emotions.jsonl", "-o", "out", "--annotator", "1")

    assert chosen.exit_code == 0, chosen.stderr
    assert changed(desk, "emotion_after")[0] == "surprised"
    assert wrong.exit_code == 2
    assert_facts(wrong.stderr, "--annotator", "labelstudio")


@pytest.mark.parametrize("library", ["sklearn", "lhotse"])
def test_a_missing_library_is_reported_before_anything_is_read(desk, monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)

    result = run("review", "read", "talk.emotions.jsonl", "no-such-file", "-o", "out")

    assert result.exit_code == 1
    assert_facts(result.stderr, library, "pip install", "[train]")
    assert not (desk / "out").exists()
