"""``emo2vec report``: from results to a page."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.cli_runner import run
from support.facts import assert_facts
from support.pages import data_of
from support.pictures import TALK

from emo2vec_plugins import Dialogue, Emotion, Plugins, Provenance, ScoredTurn
from emo2vec_plugins.formats.files import write_dialogues
from emo2vec_plugins.report.page import page, write_page
from emo2vec_plugins.report.page_sound import embedded

PLUGINS = Plugins(installed=False)


@pytest.fixture(autouse=True)
def desk(tmp_path, monkeypatch, write, noise):
    monkeypatch.chdir(tmp_path)
    write_dialogues([TALK], "talk.emotions.jsonl", plugins=PLUGINS)
    both = [TALK, Dialogue(recording="a/b", turns=TALK.turns[:1])]
    write_dialogues(both, "both.emotions.jsonl", plugins=PLUGINS)
    write("talk.wav", noise(192_000), 16_000)
    return tmp_path


def test_the_file_is_what_python_makes():
    result = run("report", "talk.emotions.jsonl", "--audio", "talk.wav", "-o", "new/talk.html")

    assert (result.exit_code, result.stdout) == (0, "")
    assert_facts(result.stderr, "talk", "new/talk.html")
    assert Path("new/talk.html").read_text("utf-8") == page(TALK, sound=embedded("talk.wav"))


def test_without_sound_it_is_written_and_reported():
    result = run("report", "talk.emotions.jsonl")

    used = write_page(TALK, "expected.html")
    warning, summary = result.stderr.splitlines()
    assert_facts(warning, "warning: ", used.about, "--audio FILE")
    assert_facts(summary, "talk.html")
    assert Path("talk.html").read_text("utf-8") == Path("expected.html").read_text("utf-8")


def test_it_says_how_far_models_can_be_trusted_according_to_the_results():
    known = {"tiny": "for calls", "emotion2vec_plus_large": None, "mine": "a\x1b[31mb"}
    emotions = [
        Emotion(label="sad", score=1.0, provenance=Provenance(model=name, trust=trust))
        for name, trust in (*known.items(), *known.items())
    ]
    turns = tuple(ScoredTurn(turn=TALK.turns[0].turn, emotion=each) for each in emotions)
    known = [Dialogue(recording="talk", turns=turns)]
    write_dialogues(known, "known.emotions.jsonl", plugins=PLUGINS)

    loud = run("report", "known.emotions.jsonl", "--sound", "none")
    quiet = run("report", "known.emotions.jsonl", "--sound", "none", "--quiet")

    lines = loud.stderr.splitlines()
    assert [line for line in lines if ": wrote" not in line] == ["emo2vec: tiny: for calls"]
    assert quiet.stderr == ""
    [trust] = data_of(Path("talk.html").read_text("utf-8"))["trust"]
    assert trust == lines[0].removeprefix("emo2vec: ")


def test_sound_is_linked_or_left_out():
    linked = run("report", "talk.emotions.jsonl", "--audio", "talk.wav", "--sound", "link", "-q")
    content = Path("talk.html").read_text("utf-8")
    without = run("report", "talk.emotions.jsonl", "--sound", "none", "--quiet")

    assert (linked.exit_code, linked.output, without.exit_code, without.output) == (0, "", 0, "")
    assert '"url":"talk.wav"' in content


def test_of_several_recordings_one_is_named():
    unnamed = run("report", "both.emotions.jsonl")
    named = run("report", "both.emotions.jsonl", "--recording", "a/b", "--sound", "none")

    assert_facts(unnamed.stderr, "error: ", "found 2", "talk, a/b", "--recording")
    assert (unnamed.exit_code, named.exit_code) == (1, 0)
    assert_facts(named.stderr, "a/b", "a%2Fb.html")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["gone.jsonl"], 1, "No such file"),
        (["talk.wav"], 1, "the audio talk.wav"),
        (["both.emotions.jsonl", "--recording", "tlk"], 1, "did you mean 'talk'"),
        (["talk.emotions.jsonl", "-o", "."], 2, "the folder ."),
        (["talk.emotions.jsonl", "--audio", "gone.wav"], 1, "gone.wav: no such audio file"),
        (
            ["talk.emotions.jsonl", "--audio", "talk.wav", "--sound", "none"],
            1,
            "'none'",
        ),
        (
            ["talk.emotions.jsonl", "--audio", "https://example.org/a.wav"],
            1,
            "URL",
        ),
    ],
)
def test_an_error_is_reported_and_nothing_is_written(arguments, status, message, desk):
    result = run("report", *arguments)

    assert (result.exit_code, message in result.stderr) == (status, True), result.stderr
    assert not list(desk.glob("*.html"))
