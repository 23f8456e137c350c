"""Withheld labels: coverage, what the kept labels gain, and the risk-coverage curve."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from support.cli_runner import run
from support.facts import assert_facts
from support.labelled_cuts import labelled_cut, save_cuts

from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.evaluation.coverage import risk_coverage_area
from emo2vec_plugins.evaluation.metrics import evaluate
from emo2vec_plugins.evaluation.predictions import Prediction, restricted

WHY = "withheld: doubt 0.90 is above 0.60"


def turn(truth, best, doubt=None, *, withheld=False, number=0):
    scores = {"angry": 0.1, "sad": 0.1, "neutral": 0.1} | {best: 0.8}
    label = None if withheld else best
    reason = WHY if withheld else None
    return Prediction(
        id=f"t{number}",
        truth=truth,
        label=label,
        scores=scores,
        duration=1.0,
        doubt=doubt,
        reason=reason,
    )


WITHHELD = [
    turn("angry", "angry", 0.1),
    turn("sad", "sad", 0.2),
    turn("angry", "sad", 0.9, withheld=True),
    turn("sad", "sad", 0.8, withheld=True),
    Prediction(id="short", truth="sad", label=None, duration=0.01, reason="too short: 1 sample"),
]


def test_kept_labels_are_compared_with_those_of_all_turns():
    found = evaluate(WITHHELD, resamples=0)

    coverage = found.coverage
    assert (coverage.kept, coverage.withheld, coverage.share) == (2, 2, 0.4)
    assert (coverage.kept_ua.value, coverage.kept_wa.value) == (1.0, 1.0)
    assert coverage.all_ua.value == pytest.approx((1 / 2 + 1) / 2)
    assert coverage.all_wa.value == pytest.approx(3 / 4)
    assert (coverage.doubted, coverage.risk) == (4, 0.25)
    # No error among the three least doubtful turns, one among all four.
    assert coverage.risk_area == pytest.approx(0.25 / 4)
    assert (coverage.answered, coverage.labels) == (4, {"angry": 0.5, "sad": pytest.approx(1 / 3)})
    assert (found.unscored, found.wa.value) == (3, 0.4)
    assert_facts(found.table(), "40.0 % of all turns have a label", "2 labels withheld", "0.062")


def test_withholding_a_whole_label_does_not_raise_the_recall():
    angry = [turn("angry", "angry", 0.1) for _ in range(10)]
    sad = [turn("sad", "angry", 0.9, withheld=True) for _ in range(10)]

    coverage = evaluate([*angry, *sad], resamples=50).coverage

    assert coverage.kept_ua.value == coverage.kept_ua.high == coverage.all_ua.value == 0.5
    assert coverage.labels == {"angry": 1.0, "sad": 0.0}
    table = evaluate([*angry, *sad], resamples=0).table()
    assert_facts(table, "angry 100.0, sad 0.0")


def test_a_turn_without_a_label_was_withheld_only_if_its_reason_says_so():
    short = replace(turn("sad", "sad", withheld=True), reason="too short")
    bare = replace(turn("sad", "sad", withheld=True), scores=None)

    assert (short.withheld, short.answered()) == (False, short)
    assert (bare.withheld, bare.answered()) == (True, bare)
    coverage = evaluate([turn("sad", "sad"), bare], resamples=0).coverage
    assert (coverage.withheld, coverage.answered) == (1, 1)


def test_without_doubt_there_is_no_area_and_without_both_no_coverage():
    labels_only = evaluate([turn("sad", "sad"), turn("sad", "sad", withheld=True)], resamples=0)

    assert (labels_only.coverage.risk, labels_only.coverage.risk_area) == (None, None)
    assert "risk-coverage" not in labels_only.table()
    assert evaluate([turn("sad", "sad"), turn("angry", "sad")], resamples=0).coverage is None


@pytest.mark.parametrize(
    ("doubt", "right", "area"),
    [
        ([0.1, 0.2, 0.3, 0.4], [1, 1, 0, 0], (0 + 0 + 1 / 3 + 2 / 4) / 4),
        ([0.4, 0.3, 0.2, 0.1], [1, 1, 0, 0], (1 + 1 + 2 / 3 + 2 / 4) / 4),
        ([0.5, 0.5, 0.5, 0.5], [1, 0, 0, 1], 0.5),
        ([0.5], [1], 0.0),
    ],
)
def test_the_area_is_the_mean_risk_over_all_coverages(doubt, right, area):
    order = np.random.default_rng(0).permutation(len(doubt))

    found = risk_coverage_area(np.array(doubt)[order], np.array(right, dtype=bool)[order])

    assert found == pytest.approx(area)


def test_a_withheld_label_stays_withheld_if_labels_are_restricted():
    (kept,) = restricted([turn("sad", "neutral", 0.9, withheld=True)], ("sad", "angry"))

    assert kept.withheld
    assert kept.scores == pytest.approx({"angry": 0.5, "sad": 0.5})
    assert kept.reason == WHY


def test_withheld_turns_are_counted_by_group():
    given = [replace(each, fields={"corpus": "one"}) for each in WITHHELD]

    group = evaluate(given, by=["corpus"], resamples=0).groups["corpus"]["one"]

    assert group.withheld == 2
    assert group.predicted == {"angry": 1, "sad": 1, "unscored": 3}


@pytest.mark.parametrize("doubt", [1.1, -0.1, float("nan"), "high"])
def test_a_doubt_is_a_probability(doubt):
    with pytest.raises(FormatError) as error:
        turn("sad", "sad", doubt)

    assert_facts(str(error.value), "'t0'", "doubt", repr(doubt))


SCORES = {"angry": 0.7, "sad": 0.3}


def test_doubt_and_withheld_labels_are_read_from_fields_and_from_a_file(write, noise, tmp_path):
    fields = [
        {"p": "sad", "p_scores": {"angry": 0.3, "sad": 0.7}, "p_doubt": 0.1},
        {"p": None, "p_scores": SCORES, "p_reason": WHY, "p_doubt": 0.9},
        {"p": None, "p_scores": SCORES},  # of a tool that stores only scores
    ]
    cuts = [
        labelled_cut(write(f"clip{n}.wav", noise(16000, seed=n), 16000), "sad", **each)
        for n, each in enumerate(fields)
    ]
    manifest, lines = save_cuts(tmp_path / "cuts.jsonl", *cuts), tmp_path / "p.jsonl"
    for n, each in enumerate(fields):
        parts = {name.removeprefix("p_"): value for name, value in each.items() if name != "p"}
        plain = {"id": f"clip{n}-0", "label": each["p"], **parts}
        with lines.open("a") as file:
            file.write(json.dumps(plain) + "\n")
    for source in (["--predicted-field", "p"], ["--predictions", lines]):
        result = run("evaluate", manifest, *source, "--report", "-", "--resamples", 0)

        assert result.exit_code == 0, result.stderr
        document = json.loads(result.stdout)
        coverage = document["coverage"]
        assert document["unscored"] == 1
        assert (coverage["kept"], coverage["withheld"], coverage["doubted"]) == (2, 1, 2)
        assert coverage["risk_area"] == pytest.approx((0 + 1 / 2) / 2)
