"""JSON lines, which lose nothing but arrays."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from emo2vec_plugins import Dialogue, Emotion, Provenance, ScoredTurn, Turn
from emo2vec_plugins.core.values import FLAGS
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats.jsonl import EMOTIONS_JSONL, dumps, loads, schema
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


VALIDATOR = Draft202012Validator(schema())

anything = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | numbers | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=3,
)


def a_row():
    turn = ScoredTurn(turn=Turn(start=0, end=1), emotion=Emotion())
    return json.loads(dumps([Dialogue(recording="x", turns=(turn,))]))


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
    ("field", "value", "message"),
    [
        ("recording", 3, "a string as 'recording', found 3"),
        ("audio", 3, "a string as 'audio', found 3"),
        ("recording_duration", "30", "a finite number as 'recording_duration', found \"30\""),
        ("turn", "first", "a whole number from 0 as 'turn', found \"first\""),
        ("turn", 0.5, "a whole number from 0 as 'turn', found 0.5"),
        ("turn", True, "a whole number from 0 as 'turn', found true"),
        ("start", "soon", "a finite number as 'start', found \"soon\""),
        ("start", math.nan, "a finite number as 'start', found NaN"),
        ("end", 10**400, "a finite number as 'end', found 1000"),
        ("speaker", 7, "a string as 'speaker', found 7"),
        ("channel", "0", "a whole number from 0 as 'channel', found \"0\""),
        ("channel", [0, -1], "a whole number from 0 as 'channel', found -1"),
        ("emotion", ["sad"], "a string as 'emotion', found .\"sad\""),
        ("score", "0.9", "a finite number as 'score', found \"0.9\""),
        ("flags", None, "a list as 'flags', found null"),
        ("flags", [1], "a string as 'flags', found 1"),
        ("reason", False, "a string as 'reason', found false"),
        ("duration", None, "a finite number as 'duration', found null"),
        ("overlap_ratio", "all", "a finite number as 'overlap_ratio', found \"all\""),
        ("provenance", 3, "an object .* as 'provenance', found 3"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(field, value, message):
    with pytest.raises(FormatError, match=f"line 1: expected {message}"):
        loads(json.dumps(a_row() | {field: value}))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("scores", {"sad": None}, "line 1, scores: expected a finite number as 'sad'"),
        ("logits", {"sad": "1"}, "line 1, logits: expected a finite number as 'sad'"),
        ("provenance", {}, "line 1, provenance: no field 'model'"),
        ("provenance", {"model": "m", "sha256": 1}, "provenance: expected a string as 'sha256'"),
        ("provenance", {"model": "m", "tokens": "a"}, "provenance: expected a list as 'tokens'"),
        ("end", -1.0, "line 1: a turn needs start <= end"),
    ],
)
def test_a_value_within_a_value_is_named(field, value, message):
    with pytest.raises(FormatError, match=message):
        loads(json.dumps(a_row() | {field: value}))


@pytest.mark.parametrize(
    "field", sorted(a_row().keys() - {"schema", "audio", "recording_duration"})
)
def test_a_field_that_is_missing_is_named(field):
    row = {name: value for name, value in a_row().items() if name != field}

    with pytest.raises(FormatError, match=f"line 1: no field '{field}'"):
        loads(json.dumps(row))
    assert not VALIDATOR.is_valid(row)


@given(dialogues=dialogues)
def test_every_line_keeps_to_the_published_schema(dialogues):
    for row in (json.loads(line) for line in dumps(dialogues).split("\n") if line):
        VALIDATOR.validate(row)
        VALIDATOR.validate(row | {"a key of a later version": 1})


@given(field=st.sampled_from(sorted(a_row())), value=anything)
def test_the_schema_and_the_reader_agree_on_what_is_a_line(field, value):
    row = a_row() | {field: value}

    try:
        loads(json.dumps(row))
    except FormatError as error:
        reads = "start <= end" in str(error)  # which no schema can say
    else:
        reads = True
    assert VALIDATOR.is_valid(row) == reads


def test_the_schema_describes_every_key():
    found = schema()
    described = found["properties"] | found["$defs"]["provenance"]["properties"]

    assert found["properties"].keys() == a_row().keys()
    assert [name for name, value in described.items() if not value.get("description")] == []
    VALIDATOR.check_schema(found)
