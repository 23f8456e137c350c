"""RTTM, checked with real readers and with files of other tools."""

from __future__ import annotations

import re
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emo2vec_plugins import Dialogue, Emotion, Plugins, ScoredTurn, Turn
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats.rttm import (
    EMOTION_RTTM,
    RTTM,
    SPKEMO_RTTM,
    parse_rttm,
    read_rttm,
)
from emo2vec_plugins.testing import check_format

FLAVOURS = [RTTM, EMOTION_RTTM, SPKEMO_RTTM]

milliseconds = st.integers(-10_000, 10_000_000)
turns = st.builds(
    lambda start, length, speaker: Turn(
        start=start / 1000, end=(start + length) / 1000, speaker=speaker
    ),
    milliseconds,
    st.integers(0, 1_000_000),
    st.none() | st.text(),
)
emotions = st.one_of(
    st.just(Emotion(reason="too short")),
    st.builds(
        lambda label, score: Emotion(label=label, score=score),
        st.sampled_from(["angry", "sad", "unscored", "None", "c++", "фу"]),
        st.integers(0, 1000).map(lambda n: n / 1000),
    ),
)
dialogues = st.lists(
    st.builds(
        Dialogue,
        recording=st.text(),
        turns=st.lists(
            st.builds(ScoredTurn, turn=turns, emotion=emotions), min_size=1, max_size=4
        ).map(tuple),
    ),
    max_size=3,
    unique_by=lambda dialogue: dialogue.recording,
)


def one(*scored: tuple[Turn, Emotion], recording: str = "x") -> Dialogue:
    spoken = tuple(ScoredTurn(turn=turn, emotion=emotion) for turn, emotion in scored)
    return Dialogue(recording=recording, turns=spoken)


@pytest.fixture
def odd() -> Dialogue:
    """Turns that break readers: odd names, zero length, overlap, wrong order."""
    sad = Emotion(label="sad", score=0.5)
    return one(
        (Turn(start=5.0, end=7.0, speaker="MÉO069"), sad),
        (Turn(start=1.0, end=1.0, speaker="None"), Emotion(reason="too short")),
        (Turn(start=1.0, end=6.0, speaker="a b"), Emotion(label="angry", score=0.25)),
        (Turn(start=1.0, end=6.0, speaker="a b"), sad),
        (Turn(start=0.0, end=0.0004, speaker='"'), sad),
        (Turn(start=2.5, end=3.0, speaker=None), Emotion(reason="too short")),
        recording="NA",
    )


@pytest.mark.parametrize("flavour", FLAVOURS, ids=lambda flavour: flavour.name)
@given(dialogues=dialogues)
def test_what_is_written_is_read_back(flavour, dialogues):
    check_format(flavour, dialogues)


@given(dialogues=dialogues)
def test_speaker_turns_keep_their_times_and_names(dialogues):
    again = RTTM.loads(RTTM.dumps(dialogues))

    for ours, theirs in zip(dialogues, again, strict=True):
        for before, after in zip(ours.turns, theirs.turns, strict=True):
            assert after.turn.speaker == before.turn.speaker
            assert isclose(after.turn.start, before.turn.start, abs_tol=1e-6)
            assert isclose(after.turn.duration, max(before.turn.duration, 0.001), abs_tol=1e-6)


@given(dialogues=dialogues)
def test_emotions_keep_their_labels_and_scores(dialogues):
    for flavour in (EMOTION_RTTM, SPKEMO_RTTM):
        again = flavour.loads(flavour.dumps(dialogues))

        for ours, theirs in zip(dialogues, again, strict=True):
            for before, after in zip(ours.turns, theirs.turns, strict=True):
                assert after.emotion.label == before.emotion.label
                assert after.emotion.score == before.emotion.score


def test_speakers_and_emotions_are_both_read_back():
    text = SPKEMO_RTTM.dumps(
        [one((Turn(start=0, end=1, speaker="a+b"), Emotion(label="sad", score=0.5)))]
    )

    [dialogue] = SPKEMO_RTTM.loads(text)

    assert dialogue.turns[0].turn.speaker == "a+b"
    assert dialogue.turns[0].emotion == Emotion(label="sad", score=0.5)


def test_each_flavour_is_written_as_expected():
    turn = Turn(start=1.25, end=2.0000001, speaker="SPEAKER_00")
    dialogue = one(
        (turn, Emotion(label="angry", score=0.8765432)),
        (Turn(start=-0.0000001, end=0, channel=1), Emotion(reason="too short")),
    )

    assert RTTM.dumps([dialogue]) == (
        "SPEAKER x 1 1.250 0.750 <NA> <NA> SPEAKER_00 <NA> <NA>\n"
        "SPEAKER x 2 0.000 0.001 <NA> <NA> ? <NA> <NA>\n"
    )
    assert EMOTION_RTTM.dumps([dialogue]) == (
        "SPEAKER x 1 1.250 0.750 <NA> <NA> angry 0.876543 <NA>\n"
        "SPEAKER x 2 0.000 0.001 <NA> <NA> unscored <NA> <NA>\n"
    )
    assert SPKEMO_RTTM.dumps([dialogue]) == (
        "SPEAKER x 1 1.250 0.750 <NA> <NA> SPEAKER_00+angry 0.876543 <NA>\n"
        "SPEAKER x 2 0.000 0.001 <NA> <NA> ?+unscored <NA> <NA>\n"
    )


@pytest.mark.parametrize("flavour", FLAVOURS, ids=lambda flavour: flavour.name)
def test_pyannote_reads_every_turn(flavour, odd, tmp_path):
    from pyannote.database.util import load_rttm

    path = tmp_path / "x.rttm"
    path.write_text(flavour.dumps([odd]), "utf-8")

    [(uri, annotation)] = load_rttm(path).items()

    tracks = sorted(annotation.itertracks(yield_label=True), key=lambda track: track[1])
    assert uri == "%4EA"
    assert [(segment.start, round(segment.duration, 6)) for segment, _, _ in tracks] == [
        (5.0, 2.0),
        (1.0, 0.001),
        (1.0, 5.0),
        (1.0, 5.0),
        (0.0, 0.001),
        (2.5, 0.5),
    ]
    assert [label for _, _, label in tracks] == written_names(flavour, odd)


@pytest.mark.parametrize("flavour", FLAVOURS, ids=lambda flavour: flavour.name)
def test_lhotse_reads_every_turn(flavour, odd, tmp_path):
    from lhotse import SupervisionSet

    path = tmp_path / "x.rttm"
    path.write_text(flavour.dumps([odd]), "utf-8")

    supervisions = list(SupervisionSet.from_rttm(path))

    assert [(each.start, each.duration) for each in supervisions] == [
        (5.0, 2.0),
        (1.0, 0.001),
        (1.0, 5.0),
        (1.0, 5.0),
        (0.0, 0.001),
        (2.5, 0.5),
    ]
    assert [each.speaker for each in supervisions] == written_names(flavour, odd)


def written_names(flavour, dialogue):
    speakers = ["MÉO069", "%4Eone", "a%20b", "a%20b", "%22", "?"]
    labels = ["sad", "unscored", "angry", "sad", "sad", "unscored"]
    both = [f"{speaker}+{label}" for speaker, label in zip(speakers, labels, strict=True)]
    return {"rttm": speakers, "emotion.rttm": labels, "spkemo.rttm": both}[flavour.name]


def test_comments_and_other_line_types_are_skipped():
    text = (
        "\ufeff;; a comment\r\n"
        "\r\n"
        "SPKR-INFO x 1 <NA> <NA> <NA> unknown A <NA>\r\n"
        "  SPEAKER   x\t1 1.5 0.5 <NA> <NA> A <NA> <NA>  \r\n"
        "LEXEME x 1 1.5 0.2 it's lex A <NA>\r\n"
        "SPEAKER x 1 3 1 <NA> <NA> B 0.9\n"
        "NON-LEX x 1 4 1 <NA> laugh B <NA>"
    )

    [recording] = parse_rttm(text)

    assert recording.turns == (
        Turn(start=1.5, end=2.0, speaker="A"),
        Turn(start=3.0, end=4.0, speaker="B"),
    )
    assert recording.lines == (
        "  SPEAKER   x\t1 1.5 0.5 <NA> <NA> A <NA> <NA>  \r\nSPEAKER x 1 3 1 <NA> <NA> B 0.9\n"
    )


def test_recordings_are_in_order_of_first_mention():
    text = "".join(
        f"SPEAKER {name} 1 {start} 1 <NA> <NA> A <NA> <NA>\n"
        for name, start in [("b", 3), ("a", 2), ("b", 1), ("b", 1)]
    )

    recordings = parse_rttm(text)

    assert [each.recording for each in recordings] == ["b", "a"]
    assert [turn.start for turn in recordings[0].turns] == [3.0, 1.0, 1.0]
    assert "".join(each.lines for each in recordings) == "".join(
        sorted(text.splitlines(keepends=True), key=lambda line: line.split()[1], reverse=True)
    )


def test_a_missing_speaker_is_none():
    [recording] = parse_rttm("SPEAKER x 1 0 1 <NA> <NA> <NA> <NA> <NA>")

    assert recording.turns == (Turn(start=0.0, end=1.0),)


def test_channels_are_ignored_unless_requested():
    line = "SPEAKER x 2 0 1 <NA> <NA> A <NA> <NA>"

    assert parse_rttm(line)[0].turns[0].channel is None
    assert parse_rttm(line, use_channels=True)[0].turns[0].channel == 1


@pytest.mark.parametrize("channel", ["0", "<NA>", "-1", "²"])
def test_a_requested_channel_must_be_a_number(channel):
    with pytest.raises(FormatError, match=f"line 1: .*channel.*{re.escape(repr(channel))}"):
        parse_rttm(f"SPEAKER x {channel} 0 1 <NA> <NA> A <NA> <NA>", use_channels=True)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("hello", "line 2: .*SPEAKER.*'hello'"),
        ("SPEAKER x 1 0 1 <NA> <NA> A", "line 2: .*10 fields.* 8"),
        ("SPEAKER x 1 0 1 <NA> <NA> A B <NA> <NA>", "line 2: .*10 fields.* 11"),
        ("SPEAKER x 1 0,5 1 <NA> <NA> A <NA> <NA>", "line 2: .*start.*'0,5'"),
        ("SPEAKER x 1 nan 1 <NA> <NA> A <NA> <NA>", "line 2: .*start.*'nan'"),
        ("SPEAKER x 1 0 -1 <NA> <NA> A <NA> <NA>", "line 2: .*duration.*'-1'"),
        ("SPEAKER x 1 0 inf <NA> <NA> A <NA> <NA>", "line 2: .*duration.*'inf'"),
        ("SPEAKER x 1 1e308 1e308 <NA> <NA> A <NA> <NA>", "line 2: .*duration.*'1e308'"),
    ],
)
def test_a_malformed_rttm_line_is_named(line, message):
    with pytest.raises(FormatError, match=message):
        parse_rttm(f";; one\n{line}\n")


def test_a_name_without_an_emotion_is_named():
    with pytest.raises(FormatError, match=r"line 1: .*SPEAKER_00\+angry.*'A'"):
        SPKEMO_RTTM.loads("SPEAKER x 1 0 1 <NA> <NA> A 0.5 <NA>")


def test_an_invalid_confidence_is_named():
    with pytest.raises(FormatError, match=r"line 1: .*confidence.*'high'"):
        EMOTION_RTTM.loads("SPEAKER x 1 0 1 <NA> <NA> sad high <NA>")


def test_a_file_in_another_encoding_is_named(tmp_path):
    path = tmp_path / "x.rttm"
    path.write_bytes(b";;\nSPEAKER x 1 0 1 <NA> <NA> M\xc9O069 <NA> <NA>\n")

    with pytest.raises(FormatError, match=r"x\.rttm: line 2: .*0xc9.*UTF-8"):
        read_rttm(path)


def test_errors_in_a_file_name_the_file(tmp_path):
    path = tmp_path / "x.rttm"
    path.write_text("SPEAKER", "utf-8")

    with pytest.raises(FormatError, match=r"x\.rttm: line 1: .*10 fields"):
        read_rttm(path)


def test_the_formats_are_registered_by_a_plugin():
    formats = Plugins(installed=False).formats()

    assert {"rttm", "emotion.rttm", "spkemo.rttm", "emotions.jsonl"} <= set(formats)


def test_rttms_of_other_tools_are_read(shared):
    counts = {
        "/".join(path.parts[-2:]): sum(len(each.turns) for each in read_rttm(path))
        for path in (shared / "format_samples" / "sctk").rglob("*.rttm")
    }

    assert len(counts) == 13
    assert counts["testfiles/rttmAlt.rttm"] == 4
    assert counts["test1-sastt.base/sastt-case1.ref.rttm"] == 4


def test_reference_rttms_of_meetings_survive_a_round_trip(shared):
    for path in (shared / "meetings_rttm").glob("*.rttm"):
        [recording] = read_rttm(path)
        [dialogue] = RTTM.loads(path.read_text("utf-8"))
        written = RTTM.dumps([dialogue]).splitlines()

        assert recording.lines == path.read_text("utf-8")
        for ours, theirs in zip(written, recording.lines.splitlines(), strict=True):
            times = [float(field) for field in ours.split()[3:5]]
            assert times == [float(field) for field in theirs.split()[3:5]]


def test_an_end_has_no_rounding_error():
    [recording] = parse_rttm("SPEAKER a 1 0.1 0.2 <NA> <NA> A <NA> <NA>\n" * 2)

    assert [turn.end for turn in recording.turns] == [0.3, 0.3]


@given(start=st.decimals(-100, 10_000, places=9), duration=st.decimals(0, 100, places=9))
def test_an_end_is_the_decimal_sum(start, duration):
    [recording] = parse_rttm(f"SPEAKER a 1 {start} {duration} <NA> <NA> A <NA> <NA>\n")

    assert recording.turns[0].end == float(start + duration)


@pytest.mark.parametrize("format_", FLAVOURS, ids=lambda each: each.name)
def test_duplicate_recording_names_are_an_error(format_):
    dialogue = one((Turn(start=0, end=1, speaker="A"), Emotion(label="sad", score=0.5)))

    with pytest.raises(FormatError, match=r"RTTM.*2 recordings 'x'"):
        format_.dumps([dialogue, dialogue])
