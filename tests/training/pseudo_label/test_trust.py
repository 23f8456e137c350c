"""Criteria for trusting a label: each on its own, quotas over all turns, and consistent counts."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emo2vec_plugins.core.values import FLAGS
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.training.pseudo_label.selection import (
    Judge,
    class_caps,
    most_confident,
    verdict,
)
from emo2vec_plugins.training.pseudo_label.trust import (
    CRITERIA,
    Evidence,
    Trust,
    objections,
    tempered,
    window_votes,
)

NAMES = ("angry", "happy", "neutral", "sad")
SURE = Evidence(
    label="sad", scores={"angry": 0.05, "happy": 0.15, "neutral": 0.0, "sad": 0.8}, duration=2.0
)

shares = st.floats(0, 1)
seconds = st.floats(0, 20)


@st.composite
def evidences(draw):
    parts = draw(st.lists(st.floats(0.01, 1), min_size=4, max_size=4))
    scores = {name: part / sum(parts) for name, part in zip(NAMES, parts, strict=True)}
    return Evidence(
        label=max(scores, key=scores.get),
        scores=scores,
        duration=draw(seconds),
        flags=tuple(draw(st.lists(st.sampled_from(FLAGS), unique=True, max_size=2))),
        votes=draw(st.dictionaries(st.sampled_from(NAMES), st.integers(1, 5), max_size=3)),
        others=draw(st.sampled_from([(), (None,), ("sad",), ("happy",)])),
    )


@st.composite
def trusts(draw, *, quotas=True):
    return Trust(
        min_confidence=draw(st.floats(0, 0.6)),
        min_margin=draw(st.floats(0, 0.3)),
        min_agreement=draw(shares),
        min_duration=draw(seconds),
        refused_flags=tuple(draw(st.lists(st.sampled_from(FLAGS), unique=True))),
        accepted_labels=draw(st.none() | st.lists(st.sampled_from(NAMES), min_size=1, unique=True)),
        max_per_class=draw(st.none() | st.integers(1, 5)) if quotas else None,
        max_ratio=draw(st.none() | st.floats(1, 4)) if quotas else None,
        ratio_of=draw(st.sampled_from(["median", "smallest"])),
    )


TIGHTER = {
    "min_confidence": lambda value, by: value + by * (1 - value),
    "min_margin": lambda value, by: value + by * (1 - value),
    "min_agreement": lambda value, by: value + by * (1 - value),
    "min_duration": lambda value, by: value + 10 * by,
    "refused_flags": lambda value, by: FLAGS,
    "accepted_labels": lambda value, by: (value or NAMES)[:1],
}


@pytest.mark.parametrize(
    ("turn", "trust", "expected"),
    [
        ({}, {"min_confidence": 0.8}, {}),
        ({}, {"min_confidence": 0.81}, {"confidence": "confidence 0.80 < 0.81$"}),
        ({}, {"min_confidence": 0.8001}, {"confidence": "confidence 0.8000 < 0.8001$"}),
        ({}, {"min_margin": 0.65}, {}),
        ({}, {"min_margin": 0.66}, {"margin": "margin 0.65 < 0.66$"}),
        ({}, {"min_duration": 2.0}, {}),
        ({}, {"min_duration": 2.5}, {"duration": "duration 2.00 < 2.50 s$"}),
        ({}, {"max_duration": 2.0}, {}),
        ({}, {"max_duration": 1.9}, {"duration": "duration 2.00 > 1.90 s$"}),
        ({}, {"accepted_labels": ("sad",)}, {}),
        ({}, {"accepted_labels": ("angry", "happy")}, {"class": "class sad "}),
        ({"flags": ("short", "windowed")}, {}, {}),
        (
            {"flags": ("short", "overlapped", "clipped")},
            {},
            {"flags": "flags: overlapped, clipped$"},
        ),
        ({"flags": ("short",)}, {"refused_flags": ("short",)}, {"flags": "flags: short$"}),
        ({"flags": ("silent",)}, {"refused_flags": ()}, {}),
        ({"votes": {"sad": 3, "angry": 1}}, {}, {}),
        ({"votes": {"sad": 2, "angry": 1}}, {}, {"windows": "windows 0.67 < 0.75$"}),
        ({"votes": {"angry": 2}}, {}, {"windows": "windows 0.00 < 0.75$"}),
        ({"others": ("sad",)}, {}, {}),
        ({"others": ("angry",)}, {}, {"second model": "second model .*angry, not sad$"}),
        ({"others": (None,)}, {}, {"second model": "second model .*no shared class, not sad$"}),
    ],
)
def test_a_criterion_rejects_below_its_limit_with_a_reason(turn, trust, expected):
    found = objections(replace(SURE, **turn), Trust(**trust))

    assert found.keys() == expected.keys()
    for name, pattern in expected.items():
        assert re.match(pattern, found[name])


def test_all_objections_are_given_in_the_order_of_the_criteria():
    worst = Evidence(
        label="sad",
        scores={"sad": 0.4, "angry": 0.35, "happy": 0.25},
        duration=0.5,
        flags=("silent",),
        votes={"angry": 2},
        others=("happy",),
    )

    found = objections(worst, Trust(min_margin=0.1, accepted_labels=("happy",)))

    assert [*found, "quota"] == list(CRITERIA)


def test_the_margin_of_a_single_class_is_its_confidence():
    assert Evidence(label="sad", scores={"sad": 1.0}, duration=1.0).margin == 1.0


@given(evidences(), trusts(), st.sampled_from([*TIGHTER]), shares)
def test_a_tighter_criterion_never_rejects_less(evidence, trust, name, by):
    tighter = replace(trust, **{name: TIGHTER[name](getattr(trust, name), by)})

    assert objections(evidence, trust).keys() <= objections(evidence, tighter).keys()


@given(
    st.lists(evidences(), max_size=20), trusts(quotas=False), st.sampled_from([*TIGHTER]), shares
)
def test_raising_a_threshold_never_accepts_another_turn(turns, trust, name, by):
    tighter = replace(trust, **{name: TIGHTER[name](getattr(trust, name), by)})

    assert not (selected(turns, tighter).chosen & ~selected(turns, trust).chosen).any()


@given(
    st.lists(evidences(), max_size=20), trusts(quotas=False), st.sampled_from([*TIGHTER]), shares
)
def test_raising_a_threshold_never_accepts_more_within_a_fixed_quota(turns, trust, name, by):
    trust = replace(trust, max_per_class=3)
    tighter = replace(trust, **{name: TIGHTER[name](getattr(trust, name), by)})

    assert selected(turns, tighter).chosen.sum() <= selected(turns, trust).chosen.sum()


def selected(turns, trust):
    judge = Judge(trust)
    for turn in turns:
        judge.add(turn)
    return judge.choose()


@given(st.lists(evidences(), max_size=20), trusts())
def test_counts_sum_to_the_turns(turns, trust):
    found = selected(turns, trust)

    assert len(found.chosen) == sum(found.predicted.values()) == len(turns)
    assert found.chosen.sum() == sum(found.accepted_by_class.values())
    assert found.chosen.sum() + sum(found.first.values()) == len(turns)
    for name in CRITERIA:
        assert name == "quota" or found.first[name] <= found.alone[name]


@given(st.lists(evidences(), max_size=20), trusts())
def test_alone_counts_what_a_criterion_rejects_without_the_others(turns, trust):
    lenient = Trust(min_confidence=0, min_agreement=0, min_duration=0, refused_flags=())
    alone = selected(turns, trust).alone

    for criterion, names in {
        "confidence": ["min_confidence"],
        "duration": ["min_duration"],
        "flags": ["refused_flags"],
        "quota": ["max_per_class", "max_ratio", "ratio_of"],
    }.items():
        only = replace(lenient, **{name: getattr(trust, name) for name in names})
        plain = [replace(turn, others=()) for turn in turns]
        assert alone[criterion] == len(turns) - selected(plain, only).chosen.sum()


@settings(max_examples=50)
@given(st.lists(evidences(), max_size=20), trusts())
def test_a_quota_is_never_exceeded_and_keeps_the_most_confident(turns, trust):
    found = selected(turns, trust)

    for name, cap in found.caps.items():
        passed = [
            (turn.confidence, chosen)
            for turn, chosen in zip(turns, found.chosen, strict=True)
            if turn.label == name and not objections(turn, trust)
        ]
        kept = [confidence for confidence, chosen in passed if chosen]
        left = [confidence for confidence, chosen in passed if not chosen]
        assert len(kept) == min(cap, len(passed))
        assert not left or min(kept) >= max(left)


@given(st.lists(evidences(), max_size=20), trusts())
def test_a_turn_has_a_reason_if_and_only_if_it_is_not_chosen(turns, trust):
    found = selected(turns, trust)

    for turn, chosen in zip(turns, found.chosen.tolist(), strict=True):
        assert bool(verdict(turn, trust, is_chosen=chosen, caps=found.caps)) != chosen


def test_the_earlier_of_equally_confident_turns_are_kept():
    turns = [SURE, replace(SURE, scores={"sad": 0.9, "happy": 0.1}), SURE, SURE]

    found = selected(turns, Trust(max_per_class=2))

    assert found.chosen.tolist() == [True, True, False, False]
    reason = verdict(SURE, Trust(), is_chosen=False, caps=found.caps)
    assert reason.startswith("quota: 2 sad ")


def test_without_turns_nothing_is_chosen():
    found = selected([], Trust(max_ratio=2))

    assert (len(found.chosen), found.caps, found.predicted) == (0, {}, {})


@pytest.mark.parametrize(
    ("trust", "cap"),
    [
        ({}, None),
        ({"max_per_class": 30}, 30),
        ({"max_ratio": 1.5}, 60),  # 1.5 times 40, the median of 10, 40 and 500
        ({"max_ratio": 1.5, "ratio_of": "smallest"}, 15),
        ({"max_ratio": 1.5, "max_per_class": 30}, 30),
        ({"max_ratio": 1.0, "max_per_class": 50}, 40),
    ],
)
def test_a_quota_depends_on_the_classes_with_turns(trust, cap):
    counts = {"angry": 0, "happy": 10, "neutral": 500, "sad": 40}

    assert class_caps(counts, Trust(**trust)) == ({} if cap is None else dict.fromkeys(counts, cap))


def test_only_eligible_turns_are_among_the_most_confident():
    confidences = np.array([0.9, 0.5, 0.7, 0.8])
    eligible = np.array([False, True, True, True])

    assert most_confident(confidences, eligible, 2).tolist() == [False, False, True, True]


@given(st.lists(st.floats(-20, 20), min_size=2, max_size=9), st.floats(0.1, 10))
def test_a_temperature_has_the_effect_of_divided_logits(logits, temperature):
    names = [str(index) for index in range(len(logits))]

    found = tempered(dict(zip(names, softmax(logits), strict=True)), temperature)

    expected = softmax(np.array(logits) / temperature)
    np.testing.assert_allclose([*found.values()], expected, atol=1e-9)


def softmax(logits):
    likelihood = np.exp(np.array(logits) - max(logits))
    return likelihood / likelihood.sum()


def test_a_score_of_zero_stays_zero_at_any_temperature():
    assert tempered({"sad": 1.0, "happy": 0.0}, 5.0) == {"sad": 1.0, "happy": 0.0}


@pytest.mark.parametrize(
    ("seconds", "window", "expected"),
    [
        (3.0, 1.0, {"sad": 2, "happy": 1}),
        (3.0, 1.5, {"sad": 1, "happy": 1}),
        (3.0, 1.6, {}),  # less than two windows
        (0.0, 1.0, {}),
    ],
)
def test_windows_are_predicted_from_the_mean_of_their_frames(seconds, window, expected):
    frames = round(seconds * 50)
    logits = np.zeros((frames, 2), dtype=np.float32)
    logits[: frames * 2 // 3, 0], logits[frames * 2 // 3 :, 1] = 1.0, 5.0

    assert window_votes(logits, ["sad", "happy"], window=window) == expected


@given(st.integers(0, 500), st.floats(0.02, 4))
def test_every_window_is_at_least_as_long_as_required_and_less_than_twice(frames, window):
    """Every frame has a class of its own, so that votes show the frames of a window."""
    size = int(np.ceil(window * 50))
    votes = window_votes(np.eye(frames), [str(i) for i in range(frames)], window=window)

    assert sum(votes.values()) == (frames // size if frames >= 2 * size else 0)
    firsts = [*sorted(map(int, votes)), frames]  # the first frame wins a tie
    if votes:
        assert all(size <= b - a < 2 * size for a, b in pairwise(firsts))


@pytest.mark.parametrize(
    ("values", "facts"),
    [
        ({"min_confidence": 1.5}, ["min_confidence", "from 0 to 1", "got 1.5"]),
        ({"min_confidence": float("nan")}, ["min_confidence", "from 0 to 1", "got nan"]),
        ({"min_margin": "0.5"}, ["min_margin", "from 0 to 1", "got '0.5'"]),
        ({"min_agreement": True}, ["min_agreement", "from 0 to 1", "got True"]),
        ({"temperature": 0}, ["temperature", "above 0", "got 0"]),
        ({"temperature": float("inf")}, ["temperature", "above 0", "got inf"]),
        ({"window": 0.001}, ["window", "0.02 s", "got 0.001"]),
        ({"min_duration": -1}, ["min_duration", "seconds", "got -1"]),
        (
            {"min_duration": 2.0, "max_duration": 1.0},
            ["max_duration", "min_duration, 2 s", "got 1.0"],
        ),
        ({"max_per_class": 0}, ["max_per_class", "1 or more", "got 0"]),
        ({"max_per_class": 1.5}, ["max_per_class", "1 or more", "got 1.5"]),
        ({"max_ratio": 0.5}, ["max_ratio", "1 or more", "got 0.5"]),
        ({"ratio_of": "mean"}, ["ratio_of", "'median'", "'smallest'", "got 'mean'"]),
        ({"refused_flags": ("loud",)}, ["flag loud", "short, overlapped, silent"]),
        ({"refused_flags": "short"}, ["refused_flags", "string 'short'"]),
        ({"accepted_labels": ()}, ["accepted_labels", "empty"]),
    ],
)
def test_invalid_criteria_are_rejected(values, facts):
    with pytest.raises(OptionsError) as caught:
        Trust(**values)
    for fact in facts:
        assert fact in str(caught.value)
