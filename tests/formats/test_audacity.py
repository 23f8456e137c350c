"""Audacity's label tracks."""

from __future__ import annotations

import pytest

from emo2vec_plugins import Dialogue, Emotion, Plugins, ScoredTurn, Turn
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats.audacity import AUDACITY, dumps, loads
from emo2vec_plugins.formats.files import read_dialogues
from emo2vec_plugins.testing import check_format


def talk(*turns):
    return Dialogue(
        recording="talk",
        turns=tuple(ScoredTurn(turn=turn, emotion=emotion) for turn, emotion in turns),
    )


def read(text):
    [dialogue] = loads(text)
    return [(each.turn, each.emotion) for each in dialogue.turns]


def test_a_turn_is_a_line_with_its_speaker_emotion_and_score():
    dialogue = talk(
        (Turn(start=1.5, end=3.0, speaker="SPEAKER_00"), Emotion(label="angry", score=0.8734213)),
        (Turn(start=0.25, end=0.25, speaker="SPEAKER_01"), Emotion(label="sad")),
        (Turn(start=-0.5, end=7200.0000004), Emotion(label="happy", score=1.0)),
        (Turn(start=4, end=5, speaker="Ann Lee"), Emotion(reason="too short")),
        (Turn(start=5, end=6), Emotion()),
    )

    assert dumps([dialogue]) == (
        "1.500000\t3.000000\tSPEAKER_00 @angry 0.873421\n"
        "0.250000\t0.250000\tSPEAKER_01 @sad\n"
        "-0.500000\t7200.000000\t@happy 1.000000\n"
        "4.000000\t5.000000\tAnn Lee\n"
        "5.000000\t6.000000\t\n"
    )
    check_format(AUDACITY, [dialogue])


@pytest.mark.parametrize(
    ("speaker", "label", "text"),
    [
        ("A @angry 0.5", "sad", "A %40angry 0.5 @sad"),
        ("a@b", "not sure", "a%40b @not%20sure"),
        ("a\tb\r\nc", "@", "a%09b%0D%0Ac @%40"),
        ("", "", "% @%"),
        ("%", "%20", "%25 @%2520"),
        ("50%", "مريم", "50% @مريم"),
        ("\u2028", "\x00", "%E2%80%A8 @%00"),
        (" A ", "0.5", " A  @0.5"),
    ],
)
def test_any_name_is_stored(speaker, label, text):
    dialogue = talk((Turn(start=0, end=1, speaker=speaker), Emotion(label=label)))

    assert dumps([dialogue]) == f"0.000000\t1.000000\t{text}\n"
    [(turn, emotion)] = read(dumps([dialogue]))
    assert (turn.speaker, emotion.label) == (speaker, label)


@pytest.mark.parametrize(
    ("text", "speaker", "emotion"),
    [
        ("hello there", "hello there", Emotion()),
        ("angry", "angry", Emotion()),
        ("[music]", "[music]", Emotion()),
        ("mail a@b", "mail a@b", Emotion()),
        ("see @noon or later", "see @noon or later", Emotion()),
        ("50%", "50%", Emotion()),
        ("Bob @bored", "Bob", Emotion(label="bored")),
        (f"@bored {'9' * 400}", f"@bored {'9' * 400}", Emotion()),
        ("@bored .5", "@bored .5", Emotion()),
        ("a\tb", "a\tb", Emotion()),
        ("", None, Emotion()),
    ],
)
def test_a_text_is_the_speaker_unless_it_ends_with_an_emotion(text, speaker, emotion):
    assert read(f"0.0\t1.0\t{text}\n") == [(Turn(start=0.0, end=1.0, speaker=speaker), emotion)]


def test_frequencies_are_skipped_and_all_spellings_of_times_are_read():
    text = (
        "1.000000\t1.000000\tclick\r\n"
        "\\\t6928.456055\t6928.456055\r\n"
        "\r\n"
        "2,000000\t2,500000\tlow\r"
        "\\\t-1.000000\t6334.588867\n"
        "3.5\tpoint\n"
        "4\t5\n"
        "1e1\t11.\tend"
    )

    assert [(turn.start, turn.end, turn.speaker) for turn, _ in read(text)] == [
        (1.0, 1.0, "click"),
        (2.0, 2.5, "low"),
        (3.5, 3.5, "point"),
        (4.0, 5.0, None),
        (10.0, 11.0, "end"),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("hello", "line 2: .*tabs.*'hello'"),
        ("1.0", "line 2: .*tabs.*'1.0'"),
        ("1.0 2.0 A", "line 2: .*tabs.*'1.0 2.0 A'"),
        ("one\t2.0\tA", "line 2: .*seconds.*'one"),
        ("nan\t2.0\tA", "line 2: .*seconds.*'nan"),
        ("1e999\t2.0\tA", "line 2: .*seconds.*'1e999"),
        ("1.000,5\t2.0\tA", "line 2: .*seconds.*'1.000,5"),
        ("2.0\t1.0\tA", "line 2: .*end after the start.*'2.0"),
    ],
)
def test_a_malformed_label_is_named(line, message):
    with pytest.raises(FormatError, match=message):
        loads(f"0.0\t1.0\tA\n{line}\n")


def test_a_line_of_frequencies_needs_a_label():
    with pytest.raises(FormatError, match=r"line 1: .*tabs"):
        loads("\\\t1.0\t2.0\n")


@pytest.mark.parametrize("score", [float("nan"), float("inf"), -0.5])
def test_an_invalid_score_is_an_error(score):
    dialogue = talk((Turn(start=0, end=1, speaker="Bob"), Emotion(label="sad", score=score)))

    with pytest.raises(FormatError, match=rf"score.* {score} .*Turn\(.*speaker='Bob'"):
        dumps([dialogue])


def test_a_recording_without_turns_is_an_empty_file():
    assert dumps([Dialogue(recording="x")]) == ""
    assert loads("") == [Dialogue(recording="")]


def test_only_the_full_suffix_means_a_label_track():
    plugins = Plugins(installed=False)

    assert plugins.format("talk.audacity.txt") is AUDACITY
    with pytest.raises(FormatError):
        plugins.format("talk.txt")


def test_a_label_track_of_other_origin_is_read(shared):
    path = shared / "format_samples/audacity/405_marron1_first12lines.audacity.txt"

    [dialogue] = read_dialogues(path, plugins=Plugins(installed=False))

    assert dialogue.recording == "405_marron1_first12lines"
    assert len(dialogue.turns) == 12
    assert dialogue.turns[1] == ScoredTurn(
        turn=Turn(start=0.7698181682, end=1.1312740106, speaker="call"), emotion=Emotion()
    )
    check_format(AUDACITY, [dialogue])
