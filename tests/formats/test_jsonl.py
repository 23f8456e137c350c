"""JSON lines, which lose only arrays."""

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
def test_the_format_passes_check_format(dialogues):
    check_format(EMOTIONS_JSONL, dialogues)


@given(dialogues=dialogues)
def test_there_is_one_line_for_each_turn(dialogues):
    lines = dumps(dialogues).splitlines()

    assert len(lines) == sum(max(1, len(dialogue.turns)) for dialogue in dialogues)


def test_a_line_is_complete_by_itself():
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


def test_removed_lines_do_not_split_a_dialogue():
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

    assert loads(text.replace("\n", "\r\n") + "\r\n") == [Dialogue(recording="x")]


def test_a_nan_is_an_error_in_json():
    turn = ScoredTurn(turn=Turn(start=0, end=1), emotion=Emotion(label="sad", score=math.nan))

    with pytest.raises(FormatError, match=r"recording 'x', turn 0: .*NaN"):
        dumps([Dialogue(recording="x", turns=(turn,))])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2: .*JSON"),
        ("[]", "line 2: .*schema 'emo2vec-emotions/1'.*None"),
        ('{"schema": "emo2vec-emotions/9"}', "'emo2vec-emotions/1'.*'emo2vec-emotions/9'"),
        ('{"schema": "emo2vec-emotions/1"}', "line 2: .*'recording'"),
    ],
)
def test_a_malformed_line_is_named(line, message):
    with pytest.raises(FormatError, match=message):
        loads(dumps([Dialogue(recording="x")]) + line)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("recording", 3, "string.*'recording'.* 3"),
        ("audio", 3, "string.*'audio'.* 3"),
        ("recording_duration", "30", "number.*'recording_duration'.* \"30\""),
        ("turn", "first", "whole number.*'turn'.* \"first\""),
        ("turn", 0.5, "whole number.*'turn'.* 0.5"),
        ("turn", True, "whole number.*'turn'.* true"),
        ("start", "soon", "number.*'start'.* \"soon\""),
        ("start", math.nan, "finite number.*'start'.* NaN"),
        ("end", 10**400, ".*401 digits"),
        ("speaker", 7, "string.*'speaker'.* 7"),
        ("channel", "0", "whole number.*'channel'.* \"0\""),
        ("channel", [0, -1], "whole number.*'channel'.* -1"),
        ("emotion", ["sad"], "string.*'emotion'.* .'sad'"),
        ("score", "0.9", "number.*'score'.* \"0.9\""),
        ("flags", None, "list.*'flags'.* null"),
        ("flags", [1], "string.*'flags'.* 1"),
        ("reason", False, "string.*'reason'.* false"),
        ("duration", None, "number.*'duration'.* null"),
        ("overlap_ratio", "all", "number.*'overlap_ratio'.* \"all\""),
        ("provenance", 3, "object.*'provenance'.* 3"),
    ],
)
def test_a_value_of_the_wrong_type_is_named(field, value, message):
    with pytest.raises(FormatError, match=f"line 1: .*{message}"):
        loads(json.dumps(a_row() | {field: value}))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("scores", {"sad": None}, "line 1, scores: .*number.*'sad'"),
        ("logits", {"sad": "1"}, "line 1, logits: .*number.*'sad'"),
        ("provenance", {}, "line 1, provenance: .*'model'"),
        ("provenance", {"model": "m", "sha256": 1}, "provenance: .*string.*'sha256'"),
        ("provenance", {"model": "m", "tokens": "a"}, "provenance: .*list.*'tokens'"),
        ("end", -1.0, "line 1: .*start <= end"),
    ],
)
def test_a_wrong_nested_value_is_named(field, value, message):
    with pytest.raises(FormatError, match=message):
        loads(json.dumps(a_row() | {field: value}))


@pytest.mark.parametrize(
    "field", sorted(a_row().keys() - {"schema", "audio", "recording_duration"})
)
def test_a_missing_field_is_named(field):
    row = {name: value for name, value in a_row().items() if name != field}

    with pytest.raises(FormatError, match=f"line 1: .*'{field}'"):
        loads(json.dumps(row))
    assert not VALIDATOR.is_valid(row)


@given(dialogues=dialogues)
def test_every_line_follows_the_published_schema(dialogues):
    for row in (json.loads(line) for line in dumps(dialogues).split("\n") if line):
        VALIDATOR.validate(row)
        VALIDATOR.validate(row | {"a key of a later version": 1})


@given(field=st.sampled_from(sorted(a_row())), value=anything)
def test_the_schema_and_the_reader_accept_the_same_lines(field, value):
    row = a_row() | {field: value}

    try:
        loads(json.dumps(row))
    except FormatError as error:
        reads = "start <= end" in str(error)  # which a schema cannot express
    else:
        reads = True
    assert VALIDATOR.is_valid(row) == reads


def test_the_schema_describes_every_key():
    found = schema()
    described = found["properties"] | found["$defs"]["provenance"]["properties"]

    # Only people mark turns, and few models have a measure of doubt: other lines lack these keys.
    assert found["properties"].keys() - {"reviewed", "doubt"} == a_row().keys()
    assert [name for name, value in described.items() if not value.get("description")] == []
    VALIDATOR.check_schema(found)
