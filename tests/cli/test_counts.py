"""The tables at the end of rttm, diarize, cuts and demo."""

from __future__ import annotations

import io

import pytest

from emo2vec_plugins import Emotion, ScoredTurn, Turn
from emo2vec_plugins.cli.counts import EmotionCounts
from emo2vec_plugins.core import Dialogue


def printed(counts, capsys):
    counts.print()
    return capsys.readouterr().out


def rows(text):
    return [
        [cell.strip() for cell in line.split("  ") if cell.strip()] for line in text.splitlines()
    ]


def test_turns_and_time_are_counted_by_emotion_and_speaker(capsys):
    counts = EmotionCounts()
    counts.add("sad", seconds=2.0, speaker="bob")
    counts.add("happy", seconds=1.0, speaker="ann")
    counts.add("happy", seconds=1.5, speaker="ann")
    counts.add("happy", seconds=0.25, speaker="bob")

    assert rows(printed(counts, capsys)) == [
        ["emotion", "turns", "share", "seconds"],
        ["happy", "3", "75%", "2.8"],
        ["sad", "1", "25%", "2.0"],
        ["all", "4", "100%", "4.8"],
        [],
        ["speaker", "turns", "seconds", "emotions, by turns"],
        ["ann", "2", "2.5", "happy 100%"],
        ["bob", "2", "2.2", "sad 50%, happy 50%"],
    ]


def test_reasons_are_counted_without_names_and_numbers(capsys):
    counts = EmotionCounts()
    for reason in (
        "too short: 160 samples",
        "too short: 3 samples",
        "b/x.wav: no such audio file (recording 'x')",
    ):
        counts.add(None, seconds=0.1, speaker=None, reason=reason)

    text = printed(counts, capsys)

    assert rows(text)[-3:] == [
        ["no label because", "turns"],
        ["too short", "2"],
        ["no such audio file", "1"],
    ]
    assert "speaker" not in text  # none is known


def test_many_reasons_are_counted_together(capsys):
    counts = EmotionCounts()
    for number in range(30):
        counts.add(None, seconds=0.1, speaker=None, reason="reason" + number * "x")

    table = rows(printed(counts, capsys))
    assert table[4] == ["no label because", "turns"]
    assert len(table) == 16
    assert table[-1] == ["(other reasons)", "20"]
    assert rows(printed(counts, capsys)) == table  # printing changes nothing


def test_speakers_of_several_recordings_are_kept_apart(capsys):
    counts = EmotionCounts()
    for name in ("one", "two"):
        turn = Turn(start=0, end=1, speaker="S0")
        scored = ScoredTurn(turn=turn, emotion=Emotion(label="sad", score=1.0))
        counts.add_dialogue(Dialogue(recording=name, turns=(scored,)))

    table = rows(printed(counts, capsys))

    assert table[4][:2] == ["recording", "speaker"]
    assert [row[:2] for row in table[5:]] == [["one", "S0"], ["two", "S0"]]


@pytest.mark.parametrize(
    ("speakers", "more"), [(20, ""), (21, "and 1 more speaker\n"), (22, "and 2 more speakers\n")]
)
def test_only_the_first_speakers_are_listed(speakers, more, capsys):
    counts = EmotionCounts()
    for number in range(speakers):
        counts.add("sad", seconds=number + 1, speaker=f"S{number}")

    text = printed(counts, capsys)

    assert text.count("sad 100%") == 20
    assert text.partition("and ")[2] == more.partition("and ")[2]


def test_without_turns_nothing_is_printed(capsys):
    assert printed(EmotionCounts(), capsys) == ""


def test_names_cannot_control_the_terminal_or_break_the_table(capsys):
    counts = EmotionCounts()
    counts.add("sad", seconds=1.0, speaker="a\x1b[31m\nb\u202e\x00")

    text = printed(counts, capsys)

    assert rows(text)[5][0] == r"a\x1b[31m b\u202e\x00"
    assert len(text.splitlines()) == 6


def test_a_name_that_stdout_cannot_encode_is_escaped(monkeypatch):
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", ascii_only)
    counts = EmotionCounts()
    counts.add("sad", seconds=1.0, speaker="José\udc80")

    counts.print()

    ascii_only.flush()
    assert rb"Jos\xe9\udc80" in ascii_only.buffer.getvalue()
