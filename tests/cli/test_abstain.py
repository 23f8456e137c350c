"""``--abstain``: withheld labels in every command that scores, and in those that read results."""

from __future__ import annotations

import json

import pytest
from lhotse import CutSet, Recording, SupervisionSegment
from support.cli_runner import run
from support.facts import assert_facts
from support.kaldi import make_folder

from emo2vec_plugins import Dialogue, Emotion, Plugins, ScoredTurn, Turn
from emo2vec_plugins.cli.counts import EmotionCounts
from emo2vec_plugins.formats.files import write_dialogues
from emo2vec_plugins.formats.labelstudio.writing import dumps as labelstudio
from emo2vec_plugins.report.notebook import notebook_html
from emo2vec_plugins.report.page_data import page_data
from emo2vec_plugins.testing import FakeBackend, FakeDoubt

REASON = "withheld: doubt 0.83 is above 0.60"


def withheld(start, end):
    emotion = Emotion(reason=REASON, scores={"sad": 0.75, "happy": 0.25}, doubt=0.83)
    return ScoredTurn(turn=Turn(start=start, end=end, speaker="A"), emotion=emotion)


def said(start, end):
    emotion = Emotion(label="sad", score=0.5)
    return ScoredTurn(turn=Turn(start=start, end=end, speaker="A"), emotion=emotion)


@pytest.fixture(autouse=True)
def desk(tmp_path, monkeypatch, write, noise):
    monkeypatch.chdir(tmp_path)
    write("t.wav", noise(32_000), 16_000)
    lines = [f"SPEAKER t 1 {start} 1 <NA> <NA> ann <NA> <NA>\n" for start in (0, 1)]
    (tmp_path / "t.rttm").write_text("".join(lines))
    (tmp_path / "nemo.json").write_text(json.dumps({"audio_filepath": "t.wav", "duration": 1.0}))
    cut = Recording.from_file(tmp_path / "t.wav").to_cut()
    cut.supervisions = [
        SupervisionSegment(id="s", recording_id=cut.recording_id, start=0.0, duration=1.0)
    ]
    CutSet.from_cuts([cut]).to_file("cuts.jsonl")
    make_folder(tmp_path, write, noise)
    return tmp_path


def scored(*arguments, threshold=0.0):
    backend = FakeBackend(doubt=FakeDoubt(threshold=threshold))
    return run(*arguments[:1], "--model", "fake", *arguments[1:], backend=backend)


COMMANDS = {
    "score": ("score", "t.wav", "-o", "out.jsonl", "--abstain"),
    "rttm": ("rttm", "t.wav", "--rttm", "t.rttm", "-o", "out", "--abstain"),
    "cuts": ("cuts", "cuts.jsonl", "-o", "out.jsonl", "--abstain"),
    "nemo": ("nemo", "nemo.json", "-o", "out.json", "--abstain"),
    "kaldi": ("kaldi", "data", "--abstain"),
    "demo": ("demo", "--abstain"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_withheld_labels_are_counted_and_no_failures(command):
    result = scored(*COMMANDS[command])

    assert result.exit_code == 0
    [line] = [each for each in result.stderr.splitlines() if " withheld: " in each]
    assert line.startswith("emo2vec: ")
    assert "warning" not in result.stderr
    assert "failed" not in result.stderr


def test_a_threshold_replaces_that_of_the_model():
    results = [scored(*COMMANDS["rttm"], value, threshold=0.0) for value in ("1", "0.0")]

    assert [" withheld: " in each.stderr for each in results] == [False, True]
    assert results[0].exit_code == results[1].exit_code == 0


@pytest.mark.parametrize("value", ["a.wav", "1.5", "nan", "inf"])
def test_a_threshold_is_a_number_from_0_to_1(value):
    result = scored("score", f"--abstain={value}", "t.wav")

    assert result.exit_code == 2
    assert_facts(result.stderr, "--abstain", "from 0 to 1", value)


def test_a_model_without_a_measure_cannot_withhold():
    result = run("score", "--model", "fake", "t.wav", "--abstain")

    assert result.exit_code == 1
    assert_facts(result.stderr, "'fake'", "emo2vec calibrate")


def test_demo_shows_the_best_score_of_a_withheld_label():
    first = scored(*COMMANDS["demo"]).stdout.splitlines()[1]

    assert_facts(first, "withheld (", "0.")


def test_annotated_cuts_are_not_scored_again(desk):
    scored(*COMMANDS["cuts"])

    again = scored("cuts", "out.jsonl", "-o", "again.jsonl", "--abstain")

    assert_facts(again.stderr, "1 turn")
    assert (desk / "again.jsonl").read_bytes() == (desk / "out.jsonl").read_bytes()


def test_pseudo_labels_are_not_given_to_withheld_turns(desk):
    result = scored("pseudo-label", "cuts.jsonl", "-o", "out.jsonl", "--abstain")

    assert result.exit_code == 0
    assert_facts(result.output, "withheld (1)")
    [cut] = CutSet.from_file(desk / "out.jsonl")
    assert cut.supervisions[0].emotion is None


def test_counts_have_a_row_of_their_own(capsys):
    counts = EmotionCounts()
    counts.add("sad", seconds=1.0, speaker="ann")
    counts.add(None, seconds=1.0, speaker="ann", reason=REASON)
    counts.print()

    text = capsys.readouterr().out
    assert_facts(text, "(withheld)  1", "(withheld) 50%")
    assert "no label because" not in text


def test_reports_tell_withheld_labels_from_failures():
    silent = ScoredTurn(turn=Turn(start=3, end=4), emotion=Emotion(reason="silent"))
    talk = Dialogue(recording="talk", turns=(said(0, 1), withheld(1, 2), silent))

    turns = page_data(talk)["turns"]

    assert (turns["withheld"], turns["doubt"]) == ([False, True, False], [None, 0.83, None])
    assert_facts(notebook_html(talk), "1 withheld", "1 unscored", REASON)
    assert REASON in notebook_html(withheld(1, 2))


def test_people_begin_with_withheld_labels(desk):
    dialogues = [
        Dialogue(recording=name, turns=turns, audio="t.wav")
        for name, turns in {
            "x": (said(0, 1), said(1, 2)),
            "y": (said(0, 1), withheld(1, 2)),
        }.items()
    ]
    write_dialogues(dialogues, "both.emotions.jsonl", plugins=Plugins(installed=False))

    result = run(
        "review", "export", "both.emotions.jsonl", "-o", "tasks", "--format", "labelstudio"
    )

    tasks = json.loads((desk / "tasks/tasks.labelstudio.json").read_text())
    assert [each["data"]["recording"] for each in tasks] == ["y", "x"]
    assert [each["predictions"][0]["score"] for each in tasks] == [0.25, 0.5]
    assert_facts(result.stderr, "1 turn whose label was withheld")
    assert json.loads(labelstudio(dialogues))[1]["predictions"][0]["score"] == 0.25


def test_a_label_in_place_of_a_withheld_one_is_that_of_a_person(desk):
    plugins = Plugins(installed=False)
    talk = Dialogue(recording="a", turns=(withheld(0, 1), withheld(1, 2)), audio="t.wav")
    write_dialogues([talk], "talk.emotions.jsonl", plugins=plugins)
    record = (desk / "talk.emotions.jsonl").read_text().splitlines()
    edited = record[0].replace('"emotion": null', '"emotion": "sad"')
    (desk / "edited.emotions.jsonl").write_text(f"{edited}\n{record[1]}\n")

    result = run("review", "read", "talk.emotions.jsonl", "edited.emotions.jsonl", "-o", "out")

    assert_facts(result.stderr, "1 of 2 turns reviewed")
