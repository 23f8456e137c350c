"""Probabilities over time: the arithmetic behind the curves."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.formats import hard
from support.pictures import meeting, scored_turn

from emo2vec_plugins.report.layout import extent
from emo2vec_plugins.report.trajectories import smoothed


def smooth(*turns, labels=("sad", "happy"), seconds=1.0, **span):
    return smoothed(turns, labels=labels, seconds=seconds, **{"start": 0.0, "end": 10.0} | span)


def test_two_equal_turns_have_equal_weight():
    found = smooth(
        scored_turn(1, 3, label="sad", score=1.0),
        scored_turn(7, 9, label="happy", score=1.0),
        moments=3,
    )

    assert found.times.tolist() == [0.0, 5.0, 10.0]
    assert found.probabilities[1].tolist() == pytest.approx([0.5, 0.5])
    assert found.probabilities[0].tolist() == pytest.approx([1.0, 0.0], abs=1e-6)


def test_turns_are_weighted_by_duration():
    # Under a bell much wider than both turns, weights are proportional to durations.
    found = smooth(
        scored_turn(3, 6, label="sad", score=1.0),
        scored_turn(6, 7, label="happy", score=1.0),
        seconds=60,
        moments=1,
    )

    assert found.probabilities[0].tolist() == pytest.approx([0.75, 0.25], abs=1e-3)


def test_silence_has_no_probability():
    found = smooth(scored_turn(0, 1), scored_turn(2, 2), scored_turn(9, 10, label=None), moments=11)

    assert np.isnan(found.probabilities).all(axis=1).tolist() == [False] * 4 + [True] * 7


def test_smoothing_equals_its_definition():
    turns = meeting(turns=300, speakers=1).turns
    labels, seconds = ["sad", "happy"], 20.0
    scored = [each for each in turns if each.emotion.scores]
    found = smoothed(turns, labels=labels, start=0.0, end=7200.0, seconds=seconds, moments=50)

    for time, row in zip(found.times, found.probabilities, strict=True):
        areas = [
            NormalDist(time, seconds).cdf(each.turn.end)
            - NormalDist(time, seconds).cdf(each.turn.start)
            for each in scored
        ]
        for label, value in zip(labels, row, strict=True):
            scores = [each.emotion.scores.get(label, 0.0) for each in scored]
            mean = sum(a * b for a, b in zip(areas, scores, strict=True)) / sum(areas)
            assert value == pytest.approx(mean, abs=1e-9)


@given(hard, st.floats(0.1, 1000))
def test_smoothed_probabilities_are_within_those_of_the_turns(dialogues, seconds):
    [dialogue] = dialogues
    labels = sorted({label for each in dialogue.turns for label in each.emotion.scores}) or ["sad"]
    start, end = extent(dialogue)
    found = smoothed(
        dialogue.turns, labels=labels, start=start, end=end, seconds=seconds, moments=20
    )

    known = found.probabilities[~np.isnan(found.probabilities)]
    assert found.probabilities.shape == (20, len(labels))
    assert ((known >= -1e-9) & (known <= 1 + 1e-9)).all()
