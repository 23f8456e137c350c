"""Tests of the format and of the installed plugin: ``pytest examples/plugin_srt``."""

from __future__ import annotations

import pytest
from emo2vec_plugin_srt import dumps, loads

from emo2vec_plugins import (
    Dialogue,
    Emotion,
    Engine,
    Plugins,
    Recording,
    ScoredTurn,
    Turn,
    annotate,
)
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats import write_any
from emo2vec_plugins.testing import FakeBackend, check_format, tone

MEETING = Dialogue(
    recording="",
    turns=(
        ScoredTurn(
            turn=Turn(start=0.5, end=2.25, speaker="Anna: the first"),
            emotion=Emotion(label="happy", score=0.87),
        ),
        ScoredTurn(
            turn=Turn(start=3_661.5, end=3_661.5, speaker="B"), emotion=Emotion(reason="too short")
        ),
        ScoredTurn(turn=Turn(start=1.0, end=2.0), emotion=Emotion(label="sad", score=0.5)),
    ),
)

TEXT = """\
1
00:00:00,500 --> 00:00:02,250
Anna: the first: happy (87 %)

2
01:01:01,500 --> 01:01:01,500
B: unscored

3
00:00:01,000 --> 00:00:02,000
sad (50 %)
"""


def test_the_installed_plugin_adds_srt():
    plugins = Plugins()

    assert "emo2vec-plugin-srt" in {info.origin.split()[0] for info in plugins.describe()}
    check_format(plugins.formats()["srt"], [MEETING])


def test_turns_are_written_as_subtitles():
    assert dumps([MEETING]) == TEXT


def test_subtitles_are_read_as_turns():
    (found,) = loads(TEXT)

    assert [turn.turn for turn in found.turns] == [turn.turn for turn in MEETING.turns]
    assert [turn.emotion.label for turn in found.turns] == ["happy", None, "sad"]
    assert [turn.emotion.score for turn in found.turns] == [0.87, None, 0.5]


@pytest.mark.parametrize("text", ["", "\n\n", "\ufeff"])
def test_an_empty_text_is_a_dialogue_without_turns(text):
    assert loads(text) == [Dialogue(recording="")]


@pytest.mark.parametrize("change", [("\n", "\r\n"), ("1\n00", "\ufeff1\n00"), (",", ".")])
def test_variants_of_other_editors_are_read(change):
    assert loads(TEXT.replace(*change)) == loads(TEXT)


@pytest.mark.parametrize("start", [-1.0, -0.001])
def test_times_before_zero_are_rejected(start):
    with pytest.raises(FormatError, match=rf"from 0 s, got {start} s"):
        dumps([Dialogue(recording="a", turns=(a_turn(start, 1.0),))])


def test_times_that_round_to_zero_are_written():
    text = dumps([Dialogue(recording="a", turns=(a_turn(-0.0004, 1.0),))])

    assert text.splitlines()[1] == "00:00:00,000 --> 00:00:01,000"


def a_turn(start, end, speaker=None):
    return ScoredTurn(
        turn=Turn(start=start, end=end, speaker=speaker), emotion=Emotion(label="sad", score=0.5)
    )


def test_what_subtitles_lose_is_reported(tmp_path):
    written = write_any([MEETING], tmp_path / "meeting.srt", plugins=Plugins())

    assert written.lost == ("recording", "score", "reason")


def test_a_speaker_that_would_change_is_not_written(tmp_path):
    meeting = Dialogue(recording="a", turns=(a_turn(0.0, 1.0, speaker="Anna  B"),))

    with pytest.raises(FormatError, match=r"'srt' .*'Anna  B'.*'Anna B'"):
        write_any([meeting], tmp_path / "a.srt", plugins=Plugins())

    assert not (tmp_path / "a.srt").exists()


def test_two_recordings_are_rejected():
    with pytest.raises(FormatError, match="one recording, got 2"):
        dumps([MEETING, MEETING])


@pytest.mark.parametrize("text", ["WEBVTT\n", "1\n", "1\nnow --> then\nsad\n", "x" + TEXT])
def test_malformed_subtitles_are_rejected(text):
    with pytest.raises(FormatError, match=r"line 1: .*START --> END"):
        loads(text)


def test_an_annotated_recording_is_written_as_subtitles():
    turns = [Turn(start=0.0, end=1.0, speaker="A"), Turn(start=1.0, end=1.01, speaker="B")]
    meeting = Recording(recording="meeting", audio=(tone(2.0), 16_000), turns=turns)

    (scored,) = annotate([meeting], score=Engine(FakeBackend()))
    lines = dumps([scored]).splitlines()

    assert lines[2].startswith("A: ")
    assert lines[6] == "B: unscored"
