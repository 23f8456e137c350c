"""``emo2vec picture``: from results to a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.cli_runner import run
from support.facts import assert_facts
from support.pictures import TALK, named

from emo2vec_plugins import Dialogue, Plugins
from emo2vec_plugins.formats.files import write_dialogues
from emo2vec_plugins.report.figures import rendered
from emo2vec_plugins.report.timelines import timeline
from emo2vec_plugins.report.trajectories import trajectories

PLUGINS = Plugins(installed=False)


@pytest.fixture(autouse=True)
def desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_dialogues([TALK], "talk.emotions.jsonl", plugins=PLUGINS)
    both = [TALK, Dialogue(recording="other", turns=TALK.turns[:1])]
    write_dialogues(both, "both.emotions.jsonl", plugins=PLUGINS)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "figure"),
    [
        ([], lambda: timeline(TALK)),
        (["--kind", "trajectories"], lambda: trajectories(TALK)),
        (["--kind", "trajectories", "--speaker", "A"], lambda: trajectories(TALK, speaker="A")),
        (["--start", "0:02", "--end", "4.5"], lambda: timeline(TALK, start=2.0, end=4.5)),
    ],
)
def test_the_file_is_what_python_draws(arguments, figure):
    result = run("picture", "talk.emotions.jsonl", "-o", "new/talk.png", *arguments)

    assert (result.exit_code, result.stdout) == (0, "")
    assert_facts(result.stderr, "talk", "new/talk.png")
    assert Path("new/talk.png").read_bytes() == rendered(figure(), suffix=".png")


@pytest.mark.parametrize(("name", "head"), [("a.svg", b"<?xml"), ("a.PDF", b"%PDF-")])
def test_the_ending_of_the_file_says_its_kind(name, head):
    result = run("picture", "talk.emotions.jsonl", "-o", name, "--quiet")

    assert (result.exit_code, result.output) == (0, "")
    assert Path(name).read_bytes().startswith(head)


def test_of_several_recordings_one_is_named():
    unnamed = run("picture", "both.emotions.jsonl", "-o", "a.svg")
    unknown = run("picture", "both.emotions.jsonl", "-o", "a.svg", "--recording", "x")
    named = run("picture", "both.emotions.jsonl", "-o", "a.svg", "--recording", "other")

    assert_facts(unnamed.stderr, "error: ", "found 2", "talk, other", "--recording")
    assert_facts(unknown.stderr, "error: ", "'x'", "talk, other")
    assert (unnamed.exit_code, unknown.exit_code, named.exit_code) == (1, 1, 0)


def test_a_format_may_be_named_and_a_folder_given(desk):
    (desk / "results").mkdir()
    write_dialogues([TALK], "results/talk.emotions.jsonl", plugins=PLUGINS)
    (desk / "lines.txt").write_bytes((desk / "talk.emotions.jsonl").read_bytes())

    assert run("picture", "results", "-o", "a.svg").exit_code == 0
    assert (
        run("picture", "lines.txt", "-o", "a.svg", "--input-format", "emotions.jsonl").exit_code
        == 0
    )


def test_speakers_are_chosen_by_name_and_the_axis_stays():
    result = run(
        "picture", "talk.emotions.jsonl", "-o", "a.png", "--speaker", "B", "--speaker", "A"
    )
    missing = run("picture", "talk.emotions.jsonl", "-o", "b.png", "--speaker", "C")

    assert result.exit_code == 0
    assert Path("a.png").read_bytes() == rendered(timeline(TALK), suffix=".png")
    assert_facts(missing.stderr, "talk: ", "'C'", "A, B")
    assert not Path("b.png").exists()


@pytest.mark.parametrize(
    ("time", "seconds"), [("75", 75.0), ("1:15.5", 75.5), ("1:01:15", 3675.0), ("-3", -3.0)]
)
def test_times_are_seconds_or_as_on_a_clock(time, seconds):
    from emo2vec_plugins.cli.picture import seconds as read

    assert read(None, None, time) == seconds


@pytest.mark.parametrize("time", ["", "soon", "1:-5", "-1:05", "1:2:3:4", "1.5:00"])
def test_other_times_are_wrong_usage(time):
    result = run("picture", "talk.emotions.jsonl", "-o", "a.png", "--start", time)

    assert result.exit_code == 2
    assert "expected seconds, m:ss or h:mm:ss" in result.stderr


@pytest.mark.parametrize(
    ("out", "message"), [("a.gif", "got 'a.gif'"), ("d.png", "the folder d.png")]
)
def test_other_files_are_wrong_usage_before_anything_is_read(desk, out, message):
    (desk / "d.png").mkdir()

    result = run("picture", "missing.emotions.jsonl", "-o", out)

    assert result.exit_code == 2
    assert message in result.stderr


def test_what_cannot_be_drawn_leaves_no_file():
    write_dialogues([named("a")], "r.emotion.rttm", plugins=PLUGINS)

    result = run("picture", "talk.emotions.jsonl", "-o", "a.png", "--start", "9", "--end", "3")
    plain = run("picture", "r.emotion.rttm", "-o", "a.png", "--kind", "trajectories")

    assert_facts(result.stderr, "start < end", "9 to 3")
    assert_facts(plain.stderr, "probabilities", "emotions.jsonl")
    assert (result.exit_code, plain.exit_code) == (1, 1)
    assert not Path("a.png").exists()
