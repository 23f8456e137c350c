"""``emo2vec convert``: between any two formats, with every loss reported."""

from __future__ import annotations

import pytest
import soundfile
from support.cli_runner import run
from support.facts import assert_facts
from support.paths import names_in

from emo2vec_plugins import Dialogue, Emotion, Format, Plugins, ScoredTurn, Turn, hookimpl
from emo2vec_plugins.formats.bundle import write_bundle
from emo2vec_plugins.formats.files import read_dialogues, write_dialogues
from emo2vec_plugins.testing import tone

PLUGINS = Plugins(installed=False)
TURN = ScoredTurn(
    turn=Turn(start=0.5, end=1.25, speaker="A"),
    emotion=Emotion(label="sad", score=0.75, scores={"sad": 0.75, "happy": 0.25}),
)
TALK = Dialogue(recording="talk", turns=(TURN,))
BOTH = [TALK, Dialogue(recording="a/b", turns=(TURN, TURN))]


@pytest.fixture(autouse=True)
def desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_dialogues(BOTH, "both.emotions.jsonl", plugins=PLUGINS)
    write_dialogues([TALK], "talk.emotions.jsonl", plugins=PLUGINS)
    soundfile.write("talk.wav", tone(1.0), 16_000)
    return tmp_path


def written(path, **format_):
    return read_dialogues(path, plugins=PLUGINS, **format_)


def test_a_file_becomes_one_of_another_format_and_every_loss_is_reported():
    result = run("convert", "talk.emotions.jsonl", "-o", "talk.spkemo.rttm")

    assert result.exit_code == 0
    assert result.stdout == ""
    written_to, lost = result.stderr.splitlines()
    assert_facts(written_to, "1 turn of 1 recording", "talk.spkemo.rttm")
    assert lost == "emo2vec: lost: the probability of every class"
    [talk] = written("talk.spkemo.rttm")
    assert talk.turns[0].turn == TURN.turn
    assert talk.turns[0].emotion == Emotion(label="sad", score=0.75)


def test_times_that_are_rounded_are_reported_unless_quiet():
    turn = ScoredTurn(turn=Turn(start=1 / 3, end=1.0, speaker="A"), emotion=Emotion())
    write_dialogues([Dialogue(recording="x", turns=(turn,))], "x.emotions.jsonl", plugins=PLUGINS)

    loud = run("convert", "x.emotions.jsonl", "-o", "x.rttm")
    quiet = run("convert", "x.emotions.jsonl", "-o", "x.rttm", "--quiet")

    assert "times were rounded to 1/1000000 s" in loud.stderr
    assert quiet.stderr == ""


def test_formats_are_named_where_files_are_called_otherwise():
    result = run("convert", "talk.emotions.jsonl", "-o", "talk.txt", "--format", "rttm")
    back = run("convert", "talk.txt", "-o", "back.emotions.jsonl", "--input-format", "rttm")

    assert (result.exit_code, back.exit_code) == (0, 0)
    assert written("back.emotions.jsonl")[0].turns[0].turn == TURN.turn


def test_a_folder_gets_the_bundle_of_each_recording_and_gives_them_back():
    run("convert", "both.emotions.jsonl", "-o", "results/")
    result = run("convert", "results", "-o", "again.emotions.jsonl")

    assert result.exit_code == 0
    assert {each.recording: each for each in written("again.emotions.jsonl")} == {
        each.recording: each for each in BOTH
    }


def test_a_folder_gets_one_file_for_each_recording_of_the_format_that_is_named(tmp_path):
    result = run("convert", "both.emotions.jsonl", "-o", "out/", "--format", "rttm")

    assert result.exit_code == 0
    assert names_in(tmp_path / "out") == [
        "a%2Fb.rttm",
        "talk.rttm",
    ]


def test_only_files_of_the_format_are_read_from_a_folder(tmp_path):
    write_bundle(TALK, tmp_path / "results")

    result = run("convert", "results", "-o", "all.emotions.jsonl", "--input-format", "rttm")

    assert result.exit_code == 0
    [talk] = written("all.emotions.jsonl")
    assert [each.turn.speaker for each in talk.turns] == ["A"]


def test_the_sound_is_linked_and_its_length_kept():
    result = run(
        "convert", "talk.emotions.jsonl", "-o", "new.emotions.jsonl", "--audio", "talk.wav"
    )

    assert result.exit_code == 0
    [talk] = written("new.emotions.jsonl")
    assert (talk.audio, talk.duration) == ("talk.wav", 1.0)
    assert_facts(result.stderr, "warning: talk: 1 of 1 turn ", "1.000 s", "0.500-1.250")


def test_a_recording_of_several_is_named_with_its_sound():
    named = run(
        "convert", "both.emotions.jsonl", "-o", "x.emotions.jsonl", "--audio", "a/b=talk.wav"
    )
    wrong = run("convert", "both.emotions.jsonl", "-o", "x.emotions.jsonl", "--audio", "c=talk.wav")

    assert named.exit_code == 0
    assert [each.audio for each in written("x.emotions.jsonl")] == [None, "talk.wav"]
    assert wrong.exit_code == 1
    assert_facts(wrong.stderr, "--audio c=talk.wav", "'c'", "talk, a/b")


def test_a_format_that_does_not_hold_what_it_says_writes_nothing(tmp_path):
    class Liar:
        @hookimpl
        def emo2vec_formats(self):
            return [
                Format(
                    name="liar",
                    suffixes=(".liar",),
                    description="",
                    dumps=lambda dialogues: "",
                    loads=lambda text: [],
                    holds=frozenset({"label"}),
                )
            ]

    result = run("convert", "talk.emotions.jsonl", "-o", "talk.liar", plugins=[Liar()])

    assert result.exit_code == 1
    assert "'liar'" in result.stderr
    assert not (tmp_path / "talk.liar").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.rttm", "-o", "x.rttm"], "none.rttm: No such file"),
        (["talk.emotions.jsonl", "-o", "x.foo"], "'x.foo'"),
        (["talk.emotions.jsonl", "-o", "x", "--format", "bundle"], "x/"),
        (["empty", "-o", "x.rttm"], ".emotions.jsonl"),
        (["talk.wav", "-o", "x.rttm", "--input-format", "rttm"], "audio"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path, arguments, message):
    (tmp_path / "empty").mkdir()

    result = run("convert", *arguments)

    assert result.exit_code == 1
    assert message in result.stderr


def test_two_recordings_that_would_be_one_file_are_refused(tmp_path):
    twins = [Dialogue(recording=name, turns=(TURN,)) for name in ("Talk", "talk")]
    write_dialogues(twins, "twins.emotions.jsonl", plugins=PLUGINS)

    result = run("convert", "twins.emotions.jsonl", "-o", "out/")

    assert result.exit_code == 1
    assert_facts(result.stderr, "'Talk'", "'talk'", "one file")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("format_", "warns"), [("elan", True), ("rttm", False)])
def test_audio_that_is_linked_but_missing_is_named(tmp_path, format_, warns):
    talk = Dialogue(
        recording="talk",
        audio=str(tmp_path / "gone.wav"),
        turns=(ScoredTurn(turn=Turn(start=0, end=1, speaker="A"), emotion=Emotion(label="happy")),),
    )
    write_dialogues([talk], tmp_path / "talk.emotions.jsonl", plugins=Plugins(installed=False))

    result = run(
        "convert", tmp_path / "talk.emotions.jsonl", "-o", tmp_path / "o", "--format", format_
    )

    assert result.exit_code == 0
    assert ("gone.wav" in result.stderr) == warns
