"""SegLST, checked with MeetEval and its files."""

from __future__ import annotations

import json
import math

import pytest

from emo2vec_plugins import Dialogue, Emotion, Plugins, ScoredTurn, Turn
from emo2vec_plugins.errors import Emo2vecWarning, FormatError
from emo2vec_plugins.formats.files import read_dialogues, write_dialogues
from emo2vec_plugins.formats.seglst import dumps, loads

ANGRY = ScoredTurn(
    turn=Turn(start=6.69, end=7.12, speaker="Ann"),
    emotion=Emotion(
        label="angry", score=0.75, scores={"angry": 0.75, "sad": 0.25}, flags=("short",)
    ),
)
SILENT = ScoredTurn(turn=Turn(start=8, end=8.5), emotion=Emotion(reason="no audio"))
TALK = Dialogue(recording="talk", turns=(ANGRY, SILENT))


def a_segment(**more):
    given = {"session_id": "talk", "start_time": 1, "end_time": 2, "speaker": "Ann", "words": ""}
    return json.dumps([given | more])


def test_a_turn_is_a_segment():
    assert json.loads(dumps([TALK])) == [
        {
            "session_id": "talk",
            "start_time": 6.69,
            "end_time": 7.12,
            "speaker": "Ann",
            "words": "",
            "emotion": "angry",
            "emotion_score": 0.75,
            "emotion_scores": {"angry": 0.75, "sad": 0.25},
            "emotion_flags": ["short"],
        },
        {
            "session_id": "talk",
            "start_time": 8.0,
            "end_time": 8.5,
            "words": "",
            "emotion": None,
            "emotion_reason": "no audio",
        },
    ]


def test_meeteval_reads_what_is_written(tmp_path):
    meeteval = pytest.importorskip("meeteval")
    write_dialogues([TALK], tmp_path / "x.seglst.json", plugins=Plugins(installed=False))

    found = meeteval.io.load(tmp_path / "x.seglst.json")

    assert isinstance(found, meeteval.io.SegLST)
    assert [float(each["start_time"]) for each in found] == [6.69, 8.0]
    assert found.T["words"] == ["", ""]
    assert found[0]["emotion"] == "angry"
    assert loads(found.dumps()) == [TALK]


def test_meeteval_reports_a_missing_speaker():
    meeteval = pytest.importorskip("meeteval")
    found = meeteval.io.SegLST.parse(dumps([TALK]))

    with pytest.raises(ValueError, match="speaker"):
        meeteval.io.asseglst(found, required_keys=("speaker",))


def test_files_of_meeteval_are_read_by_session(shared):
    path = shared / "format_samples" / "meeteval" / "hyp.seglst.json"

    with pytest.warns(Emo2vecWarning, match="words of 6 segments"):
        found = read_dialogues(path, plugins=Plugins(installed=False))

    assert [(each.recording, len(each.turns)) for each in found] == [
        ("recordingA", 4),
        ("recordingB", 2),
    ]
    assert found[0].turns[2] == ScoredTurn(
        turn=Turn(start=2.1, end=3.0, speaker="Alice"), emotion=Emotion()
    )


@pytest.mark.filterwarnings("ignore::emo2vec_plugins.errors.Emo2vecWarning")
def test_a_segment_of_zero_length_is_read(shared):
    path = shared / "format_samples" / "meeteval" / "ref.seglst.json"

    first = read_dialogues(path, plugins=Plugins(installed=False))[0].turns[0].turn

    assert (first.start, first.end) == (0.0, 0.0)


def test_names_may_be_numbers():
    [talk] = loads(a_segment(session_id=3, speaker=0))

    assert (talk.recording, talk.turns[0].turn.speaker) == ("3", "0")


def test_duplicate_recording_names_are_an_error():
    with pytest.raises(FormatError, match="2 recordings 'talk'"):
        dumps([TALK, TALK])


def test_a_nan_is_an_error_in_json():
    odd = ScoredTurn(turn=Turn(start=0, end=1), emotion=Emotion(label="sad", score=math.nan))

    with pytest.raises(FormatError, match=r"recording 'x', turn 0: .*nan"):
        dumps([Dialogue(recording="x", turns=(odd,))])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "line 1: .*JSON"),
        ("{}", "SegLST.*list"),
        ('[{"session_id": "x"}]', "segment 1: .*'start_time'"),
        (a_segment(session_id=None), "segment 1: .*string.*'session_id'.*null"),
        (a_segment(start_time="soon"), 'segment 1: .*number.*"soon"'),
        (a_segment(start_time="nan"), "segment 1: .*number.*'start_time'.*nan"),
        (a_segment(start_time=[1, 2]), "segment 1: .*number.*'start_time'.*1, 2"),
        (a_segment(start_time=3), "segment 1: .*start <= end"),
        (a_segment(speaker=True), "segment 1: .*string.*'speaker'.*true"),
        (a_segment(emotion=3), "segment 1: .*string.*'emotion'.* 3"),
        (a_segment(emotion_scores={"sad": "1"}), "segment 1, scores: .*'sad'"),
    ],
)
def test_a_malformed_segment_is_named(text, message):
    with pytest.raises(FormatError, match=message):
        loads(text)
