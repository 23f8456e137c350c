"""Turns, emotions, dialogues and provenance."""

from __future__ import annotations

import dataclasses
import json
import math
import pickle

import numpy as np
import pytest

from emo2vec_plugins.core.session import Recording
from emo2vec_plugins.core.values import Dialogue, Emotion, Provenance, ScoredTurn, Turn
from emo2vec_plugins.errors import Emo2vecError, InvalidTurnError


def test_a_turn_has_its_duration():
    assert Turn(start=1.5, end=4.0).duration == 2.5


@pytest.mark.parametrize(("start", "end"), [(-3.0, -1.0), (2.0, 2.0), (-1e300, 1e300)])
def test_odd_but_finite_bounds_are_kept(start, end):
    turn = Turn(start=start, end=end)

    assert (turn.start, turn.end) == (start, end)


@pytest.mark.parametrize(
    ("start", "end"),
    [(2.0, 1.0), (math.nan, 1.0), (0.0, math.nan), (0.0, math.inf), (-math.inf, 0.0)],
)
def test_invalid_bounds_are_rejected(start, end):
    with pytest.raises(InvalidTurnError, match=f"start <= end.* {start} to {end}"):
        Turn(start=start, end=end)


def test_an_invalid_turn_error_is_a_value_error_and_an_emo2vec_error():
    assert issubclass(InvalidTurnError, ValueError)
    assert issubclass(InvalidTurnError, Emo2vecError)


def test_turns_are_values():
    turn = Turn(start=0.0, end=1.0, speaker="a", channel=(0, 1))

    assert turn == dataclasses.replace(turn)
    assert len({turn, dataclasses.replace(turn)}) == 1
    assert pickle.loads(pickle.dumps(turn)) == turn
    with pytest.raises(dataclasses.FrozenInstanceError):
        turn.start = 1.0


def test_arrays_are_ignored_in_comparisons():
    bare = Emotion(label="sad", score=1.0)

    assert dataclasses.replace(bare, embedding=np.ones(3)) == bare
    assert dataclasses.replace(bare, score=0.5) != bare


def test_provenance_survives_a_round_trip_through_json():
    provenance = Provenance(
        model="tiny",
        sha256="ab" * 32,
        revision="main",
        tokens=("生气/angry", "<unk>"),
        resampler="sinc",
        dtype="float16",
        version="1.0",
    )
    trusted = dataclasses.replace(provenance, trust="for calls")

    for each in (provenance, trusted):
        again = Provenance.from_dict(json.loads(json.dumps(each.to_dict())))
        assert (again, again.trust) == (each, each.trust)
    assert trusted == provenance
    assert trusted.to_dict() == provenance.to_dict() | {"trust": "for calls"}


def test_provenance_of_a_later_version_is_read():
    provenance = Provenance.from_dict({"model": "tiny", "colour": "blue"})

    assert provenance == Provenance(model="tiny")


@pytest.mark.parametrize(
    ("given", "expected"),
    [(np.int64(1), 1), ([0, 1], (0, 1)), ((np.int32(2),), (2,)), (None, None)],
)
def test_channels_from_tables_and_json_are_python_integers(given, expected):
    turn = Turn(start=0.0, end=1.0, channel=given)

    assert repr(turn.channel) == repr(expected)
    assert turn == Turn(start=0.0, end=1.0, channel=expected)


@pytest.mark.parametrize(
    ("fields", "facts"),
    [
        ({"start": "0.5", "end": "1.5"}, "start .*end .*'0.5' and '1.5'"),
        ({"start": None, "end": 1.0}, "start .*end .*None and 1.0"),
        ({"start": 0.0, "end": 1.0, "channel": "left"}, "channel .*'left'"),
    ],
)
def test_values_that_are_not_numbers_are_rejected(fields, facts):
    with pytest.raises(InvalidTurnError, match=facts):
        Turn(**fields)


def test_a_recording_rejects_invalid_turns():
    with pytest.raises(InvalidTurnError, match=r"Turn\(.*\(0, 1, 'A'\)"):
        Recording(recording="a", audio="a.wav", turns=[(0, 1, "A")])


def test_a_dialogue_is_shown_on_one_line():
    turn = ScoredTurn(turn=Turn(start=0.0, end=1.0), emotion=Emotion(label="sad"))

    assert repr(Dialogue(recording="a", turns=(turn,) * 50)) == "<Dialogue 'a', 50 turns>"
