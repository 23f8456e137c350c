"""JSON lines, which lose nothing but arrays."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emo2vec_plugins import Dialogue, Emotion, Provenance, ScoredTurn, Turn
from emo2vec_plugins.dialogue import FLAGS
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats.jsonl import EMOTIONS_JSONL, dumps, loads
from emo2vec_plugins.testing import check_format

numbers = st.floats(allow_nan=False, allow_infinity=False)
distributions = st.dictionaries(st.text(max_size=4), numbers, max_size=2)
provenances = st.builds(
    Provenance,
    model=st.text(),
    sha256=st.text(),
    revision=st.none() | st.text(),
    tokens=st.lists(st.text(), max_size=2).map(tuple),
)
emotions = st.builds(
    Emotion,
    label=st.none() | st.text(),
    score=st.none() | numbers,
    scores=distributions,
    logits=distributions,
    flags=st.lists(st.sampled_from(FLAGS), unique=True).map(tuple),
    reason=st.none() | st.text(),
    duration=numbers,
    overlap_ratio=st.none() | numbers,
    provenance=st.none() | provenances,
)
turns = st.builds(
    lambda bounds, speaker, channel: Turn(
        start=min(bounds), end=max(bounds), speaker=speaker, channel=channel
    ),
    st.tuples(numbers, numbers),
    st.none() | st.text(),
    st.none() | st.integers(0, 9) | st.lists(st.integers(0, 9), min_size=1, max_size=3).map(tuple),
)
dialogues = st.lists(
    st.builds(
        Dialogue,
        recording=st.text(),
        turns=st.lists(st.builds(ScoredTurn, turn=turns, emotion=emotions), max_size=2).map(tuple),
        audio=st.none() | st.text(),
        duration=st.none() | numbers,
    ),
    max_size=3,
)


@given(dialogues=dialogues)
def test_everything_is_read_back_equal(dialogues):
    assert loads(dumps(dialogues)) == dialogues


@given(dialogues=dialogues)
def test_the_format_keeps_the_law_of_formats(dialogues):
    check_format(EMOTIONS_JSONL, dialogues)


@given(dialogues=dialogues)
def test_there_is_one_line_for_each_turn(dialogues):
    lines = dumps(dialogues).splitlines()

    assert len(lines) == sum(max(1, len(dialogue.turns)) for dialogue in dialogues)


def test_a_line_stands_alone():
    turn = Turn(start=0.5, end=2.0, speaker="MÉO069")
    emotion = Emotion(
        label="angry",
        score=np.float32(0.75),
        scores={"angry": 0.75, "sad": 0.25},
        flags=("short",),
        duration=1.5,
        provenance=Provenance(model="tiny", tokens=("生气/angry",)),
    )
    scored = ScoredTurn(turn=turn, emotion=emotion)
    text = dumps([Dialogue(recording="x", turns=(scored,), audio="sound/x.wav", duration=3.0)])

    assert "MÉO069" in text
    assert json.loads(text) == {
        "schema": "emo2vec-emotions/1",
        "recording": "x",
        "audio": "sound/x.wav",
        "recording_duration": 3.0,
        "turn": 0,
        "start": 0.5,
        "end": 2.0,
        "speaker": "MÉO069",
        "channel": None,
        "emotion": "angry",
        "score": 0.75,
        "scores": {"angry": 0.75, "sad": 0.25},
        "logits": {},
        "flags": ["short"],
        "reason": None,
        "duration": 1.5,
        "overlap_ratio": None,
        "provenance": {
            "model": "tiny",
            "sha256": "",
            "revision": None,
            "tokens": ["生气/angry"],
            "resampler": "",
            "dtype": "float32",
            "version": "",
        },
    }


def test_lines_that_were_left_out_do_not_split_a_dialogue():
    spoken = tuple(ScoredTurn(turn=Turn(start=i, end=i + 1), emotion=Emotion()) for i in range(4))
    lines = dumps([Dialogue(recording="x", turns=spoken)]).splitlines(keepends=True)

    assert loads(lines[0] + lines[3]) == [Dialogue(recording="x", turns=(spoken[0], spoken[3]))]


def test_concatenated_files_stay_apart():
    text = dumps(
        [Dialogue(recording="x", turns=(ScoredTurn(turn=Turn(start=0, end=1), emotion=Emotion()),))]
    )

    assert len(loads(text + text)) == 2


def test_a_byte_order_mark_and_crlf_are_tolerated():
    text = dumps([Dialogue(recording="x")])

    assert loads("\ufeff" + text.replace("\n", "\r\n") + "\r\n") == [Dialogue(recording="x")]


def test_a_number_that_json_cannot_hold_is_refused():
    turn = ScoredTurn(turn=Turn(start=0, end=1), emotion=Emotion(label="sad", score=math.nan))

    with pytest.raises(FormatError, match=r"recording 'x', turn 0: JSON holds no NaN"):
        dumps([Dialogue(recording="x", turns=(turn,))])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2: not JSON"),
        ("[]", "line 2: expected schema 'emo2vec-emotions/1', found None"),
        ('{"schema": "emo2vec-emotions/9"}', "found 'emo2vec-emotions/9'"),
        ('{"schema": "emo2vec-emotions/1"}', "line 2: no field 'recording'"),
    ],
)
def test_a_line_that_is_something_else_is_named(line, message):
    with pytest.raises(FormatError, match=message):
        loads(dumps([Dialogue(recording="x")]) + line)


@pytest.mark.parametrize(
    ("field", "value"),
    [("end", -1.0), ("start", "soon"), ("flags", None), ("turn", "first"), ("provenance", 3)],
)
def test_a_line_with_a_value_of_the_wrong_kind_is_named(field, value):
    turn = ScoredTurn(turn=Turn(start=0, end=1), emotion=Emotion())
    row = json.loads(dumps([Dialogue(recording="x", turns=(turn,))]))

    with pytest.raises(FormatError, match="line 1: "):
        loads(json.dumps(row | {field: value}))
