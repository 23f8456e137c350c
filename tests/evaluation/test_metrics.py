"""Metrics of predictions: literal values, and undefined values."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, recall_score
from support.paths import ROOT

from emo2vec_plugins.errors import FormatError, LabelError, OptionsError
from emo2vec_plugins.evaluation.bootstrap import LEAST_UNITS
from emo2vec_plugins.evaluation.metrics import evaluate, restricted
from emo2vec_plugins.evaluation.predictions import Prediction
from emo2vec_plugins.evaluation.reliability import (
    ScoredTurns,
    cross_entropy,
    fit_temperature,
    scaled,
)
from emo2vec_plugins.evaluation.time_weighted import time_weighted

CLASSES = ("angry", "happy", "neutral", "sad")


def turn(truth, label, *, number=0, **more):
    return Prediction(
        **{"id": f"t{number}", "truth": truth, "label": label, "duration": 1.5, **more}
    )


def turns(truth, labels, **more):
    """Return a turn for each pair of words; ``-`` means no prediction."""
    pairs = zip(truth.split(), labels.split(), strict=True)
    return [
        turn(true, None if label == "-" else label, number=number, **more)
        for number, (true, label) in enumerate(pairs)
    ]


def scored(truth, *rows, speakers=None):
    """Return a turn for each row of probabilities, labelled with the most probable class."""
    found = []
    for number, (true, row) in enumerate(zip(truth.split(), rows, strict=True)):
        scores = dict(zip(CLASSES, row, strict=False))
        label = max(scores, key=scores.get)
        speaker = speakers and speakers[number]
        found.append(turn(true, label, number=number, scores=scores, speaker=speaker))
    return found


UNBALANCED = turns(
    "angry angry angry angry angry angry happy happy",
    "angry angry angry angry angry angry angry happy",
)


def test_recall_is_averaged_over_classes_and_accuracy_over_turns():
    found = evaluate(UNBALANCED, resamples=0)

    assert found.ua.value == pytest.approx((1 + 0.5) / 2)
    assert found.wa.value == pytest.approx(7 / 8)
    assert found.macro_f1.value == pytest.approx((12 / 13 + 2 / 3) / 2)
    assert found.weighted_f1.value == pytest.approx((6 * 12 / 13 + 2 * 2 / 3) / 8)


def test_each_class_has_its_own_results():
    found = evaluate(UNBALANCED, resamples=0).labels

    assert list(found) == ["angry", "happy"]
    assert (found["angry"].turns, found["angry"].predicted) == (6, 7)
    assert found["angry"].recall.value == 1.0
    assert found["angry"].precision == pytest.approx(6 / 7)
    assert found["happy"].f1 == pytest.approx(2 / 3)


def test_a_label_that_is_never_true_is_an_error_and_has_a_column():
    found = evaluate(turns("angry sad sad", "angry disgusted sad"), resamples=0)

    assert list(found.labels) == ["angry", "sad"]
    assert found.ua.value == pytest.approx(0.75)
    assert found.confusion.columns == ("angry", "sad", "disgusted")
    assert found.confusion.counts == ((1, 0, 0), (0, 1, 1))


def test_turns_without_a_prediction_are_wrong_unless_left_out():
    given = turns("angry angry sad sad", "angry - sad sad")

    wrong = evaluate(given, resamples=0)
    left_out = evaluate(given, unscored="leave-out", resamples=0)

    assert (wrong.unscored, wrong.wa.value, wrong.ua.value) == (1, 0.75, 0.75)
    assert wrong.confusion.columns == ("angry", "sad", "unscored")
    assert (left_out.unscored, left_out.turns) == (1, 4)
    assert (left_out.wa.value, left_out.ua.value) == (1.0, 1.0)
    assert left_out.confusion.columns == ("angry", "sad")
    assert "1 turn without a prediction, counted as wrong" in wrong.table()
    assert "1 turn without a prediction, left out" in left_out.table()


def test_a_class_whose_turns_are_all_left_out_has_no_recall():
    found = evaluate(turns("angry sad", "angry -"), unscored="leave-out", resamples=0)

    assert found.labels["sad"].turns == 0
    assert found.labels["sad"].recall.value is None
    assert found.labels["sad"].f1 is None
    assert found.ua.value == 1.0


def test_a_class_that_is_never_predicted_has_no_precision():
    found = evaluate(turns("angry sad", "angry angry"), resamples=0)

    assert found.labels["sad"].precision is None
    assert found.labels["sad"].f1 == 0.0


def test_one_class_is_enough():
    found = evaluate(turns("angry angry", "angry angry"), resamples=50)

    assert (found.ua.value, found.wa.value, found.calibration) == (1.0, 1.0, None)


def test_labels_restrict_truth_and_scores_alike():
    given = scored(
        "angry sad happy",
        (0.2, 0.5, 0.0, 0.3),
        (0.1, 0.1, 0.7, 0.1),
        (0.0, 1.0, 0.0, 0.0),
    )

    kept = restricted(given, ("angry", "sad"))
    found = evaluate(given, labels=("sad", "angry"), resamples=0)

    assert [each.label for each in kept] == ["sad", "angry"]
    assert kept[0].scores == pytest.approx({"angry": 0.4, "sad": 0.6})
    assert (found.turns, found.wa.value) == (2, 0.0)
    assert found.confusion.rows == ("sad", "angry")


def test_a_turn_without_score_for_the_labels_has_no_prediction():
    (kept,) = restricted(scored("angry", (0.0, 1.0, 0.0, 0.0)), ("angry", "sad"))

    assert (kept.label, kept.scores) == (None, None)
    assert kept.reason == "no score for these labels"


def test_lengths_are_cut_at_short_turns_and_at_one_two_and_five_seconds():
    lengths = [0.0, 0.3, 0.99, 1.0, 1.99, 2.0, 5.0, 5.01]
    given = [
        turn("angry", "angry" if index else "sad", number=index, duration=seconds)
        for index, seconds in enumerate(lengths)
    ]

    found = evaluate(given, resamples=0).lengths

    assert [(name, each.turns) for name, each in found.items()] == [
        ("<0.3 s", 1),
        ("0.3-1 s", 2),
        ("1-2 s", 2),
        ("2-5 s", 2),
        (">5 s", 1),
    ]
    assert found["<0.3 s"].wa.value == 0.0
    assert found["0.3-1 s"].wa.value == 1.0


def test_an_empty_range_of_lengths_has_dashes_and_no_nan():
    found = evaluate(UNBALANCED, resamples=20)

    assert found.lengths[">5 s"].ua.value is None
    text = json.dumps(found.to_json(), allow_nan=False)
    assert "NaN" not in text
    line = next(each for each in found.table().splitlines() if each.startswith(">5 s"))
    assert line.split() == [">5", "s", "0", "-", "-", "-", "-"]


def test_the_calibration_error_is_the_gap_between_confidence_and_accuracy():
    # Two bins: three turns of 0.9, two of them right; one turn of 0.6, right.
    found = evaluate(
        scored("angry angry sad sad", (0.9, 0.1), (0.9, 0.1), (0.9, 0.1), (0, 0, 0.4, 0.6)),
        resamples=0,
    ).calibration

    assert found.before.ece == pytest.approx((3 * (0.9 - 2 / 3) + 1 * (1 - 0.6)) / 4)
    assert found.turns == 4


def test_brier_and_log_loss_are_of_all_classes():
    found = evaluate(scored("angry sad", (0.8, 0.2), (0.0, 0.0, 0.0, 1.0)), resamples=0)

    before = found.calibration.before
    assert before.brier.value == pytest.approx((0.2**2 + 0.2**2 + 0) / 2)
    assert before.log_loss == pytest.approx(-math.log(0.8) / 2)


def too_sure(speakers, *, count=40, sharpness=4.0):
    """Return turns with overconfident scores, raised to the same power."""
    generator = np.random.default_rng(1)
    truth, rows = [], []
    for _ in range(count):
        row = generator.dirichlet(np.ones(4))
        truth.append(generator.choice(CLASSES, p=row))
        rows.append(row**sharpness / (row**sharpness).sum())
    return scored(" ".join(truth), *rows, speakers=speakers)


def test_a_temperature_is_measured_on_other_speakers_than_it_is_fitted_on():
    anna, bert = too_sure(["anna"] * 40), too_sure(["bert"] * 40, sharpness=2.0)

    found = evaluate([*anna, *bert], resamples=0).calibration

    of_anna, of_bert = ScoredTurns.of(anna), ScoredTurns.of(bert)
    fits = [fit_temperature(each.probabilities, each.truth) for each in (of_anna, of_bert)]
    crossed = [
        cross_entropy(scaled(of_anna.probabilities, fits[1]), of_anna.truth),
        cross_entropy(scaled(of_bert.probabilities, fits[0]), of_bert.truth),
    ]
    assert found.by == "speaker"
    assert sorted(found.temperatures) == pytest.approx(sorted(fits))
    assert found.after.log_loss == pytest.approx(np.mean(crossed))
    assert fits[0] == pytest.approx(2 * fits[1], rel=1e-3)


def test_a_temperature_recovers_the_sharpness():
    found = evaluate(too_sure(None, count=400), resamples=0).calibration

    assert found.by == "turn"
    assert len(found.temperatures) == 5
    assert np.mean(found.temperatures) == pytest.approx(4.0, rel=0.25)
    assert found.after.ece < found.before.ece / 2
    assert found.after.log_loss < found.before.log_loss


def test_a_missing_temperature_has_a_reason():
    found = evaluate(scored("angry sad", (0.8, 0.2), (0.0, 0.0, 0.0, 1.0)), resamples=0)

    assert found.calibration.after is None
    assert "10 turns" in found.calibration.reason
    assert found.calibration.reason in found.table()


def test_intervals_contain_the_value_and_depend_on_the_seed_alone():
    truth = " ".join(["angry sad happy"] * 20)
    labels = " ".join(["angry sad angry", "angry happy happy"] * 10)
    given = turns(truth, labels)

    first, again = evaluate(given, seed=3), evaluate(given, seed=3)

    assert first == again
    assert first.ua.low < first.ua.value < first.ua.high
    assert evaluate(given, seed=4).ua != first.ua


def test_drawing_speakers_widens_intervals_where_speakers_differ():
    given = [
        turn("angry", "angry" if speaker % 2 else "sad", number=number, speaker=str(speaker))
        for number, speaker in enumerate(sorted(list(range(6)) * 20))
    ]

    by_turn, by_speaker = evaluate(given), evaluate(given, resample_by="speaker")

    assert by_turn.wa.high - by_turn.wa.low < 0.2
    assert by_speaker.wa.high - by_speaker.wa.low > 0.5
    assert "other speakers" in by_turn.table()
    assert "draws by speaker" in by_speaker.table()
    assert "other speakers" not in by_speaker.table()


@pytest.mark.parametrize("speakers", [1, LEAST_UNITS - 1, LEAST_UNITS])
def test_a_few_speakers_give_no_interval_by_speakers(speakers):
    named = [replace(each, speaker=str(n % speakers)) for n, each in enumerate(UNBALANCED * 2)]

    found = evaluate(named, resamples=20, resample_by="speaker")

    has_interval = speakers >= LEAST_UNITS
    assert ((found.ua.low is None), (found.ua.high is None)) == (not has_interval,) * 2
    assert ("no intervals: to draw by speaker" in found.table()) == (not has_interval)


def test_resampling_by_an_unknown_speaker_is_refused():
    with pytest.raises(OptionsError, match=r"speaker.*8 of 8 turns.*'t0'"):
        evaluate(UNBALANCED, resample_by="speaker")


def test_nothing_to_evaluate_is_refused():
    with pytest.raises(LabelError, match="no turns"):
        evaluate([])
    with pytest.raises(LabelError, match=r"no turn has a prediction.*2"):
        evaluate(turns("angry sad", "- -"), unscored="leave-out")
    with pytest.raises(LabelError, match="fearful"):
        evaluate(UNBALANCED, labels=["fearful"])
    with pytest.raises(LabelError, match="'angry'"):
        evaluate(UNBALANCED, labels="angry")


def test_invalid_options_are_refused():
    with pytest.raises(OptionsError, match="got 'right'"):
        evaluate(UNBALANCED, unscored="right")
    with pytest.raises(OptionsError, match=r"clip.*8 of 8"):
        evaluate(UNBALANCED, resample_by="clip")
    with pytest.raises(OptionsError, match="got -1"):
        evaluate(UNBALANCED, resamples=-1)


def test_scores_that_are_not_probabilities_are_refused():
    for scores in ({"angry": 1.7, "sad": 0.3}, {"angry": -0.1, "sad": 1.1}, {"angry": math.nan}):
        with pytest.raises(FormatError, match=r"'t0'.*probabilities"):
            turn("angry", "angry", scores=scores)
    with pytest.raises(FormatError, match=r"'t0'.*'sad'.*scores for angry"):
        turn("angry", "sad", scores={"angry": 1.0})
    with pytest.raises(FormatError, match=r"seconds, got 0.0 and inf"):
        turn("angry", "sad", duration=math.inf)


def test_rounded_scores_are_rescaled_to_a_sum_of_one():
    found = turn("angry", "angry", scores={"angry": 0.667, "sad": 0.334})

    assert sum(found.scores.values()) == pytest.approx(1.0, abs=1e-15)


def test_errors_by_time_are_in_seconds():
    given = [
        turn("angry", "angry", number=0, duration=6.0, recording="a"),
        turn("sad", "angry", number=1, duration=3.0, recording="b"),
        turn("sad", None, number=2, duration=1.0, recording="b", start=10.0),
    ]

    found = time_weighted(given)

    assert (found.total, found.correct, found.confusion, found.missed) == (10.0, 6.0, 3.0, 1.0)
    assert found.error == pytest.approx(0.4)
    assert found.recordings == 2


def test_labels_that_are_swapped_throughout_are_wrong_throughout():
    """A diarization error rate would map one to the other and find no error."""
    given = [
        turn("angry", "happy", number=0, recording="a", start=0.0),
        turn("happy", "angry", number=1, recording="a", start=2.0),
    ]

    assert time_weighted(given).error == 1.0


def test_overlapping_turns_do_not_match_each_other():
    given = [
        turn("angry", "happy", number=0, recording="a", start=0.0, duration=2.0),
        turn("happy", "angry", number=1, recording="a", start=0.0, duration=2.0),
    ]

    found = time_weighted(given)

    assert (found.correct, found.confusion) == (0.0, 4.0)


def test_turns_of_duration_0_have_no_error_by_time():
    assert time_weighted([turn("angry", "sad", duration=0.0)]) is None
    assert evaluate([turn("angry", "sad", duration=0.0)], resamples=0).time is None


def test_json_is_plain_and_names_its_version():
    given = too_sure(["anna", "bert"] * 20)

    document = evaluate(given, resamples=10).to_json()

    assert json.loads(json.dumps(document)) == document
    assert (document["format"], document["version"]) == ("emo2vec-evaluation", 3)
    assert list(document["labels"]) == ["angry", "happy", "neutral", "sad"]
    assert set(document["calibration"]["before"]) == {"ece", "brier", "log_loss"}


def test_a_table_is_ascii_and_aligned():
    text = evaluate(UNBALANCED, resamples=10).table()

    assert text.isascii()
    assert text.splitlines()[0] == "8 turns, labels: angry, happy"
    assert (
        "true \\ predicted  angry  happy\nangry                 6      0\nhappy                 1      1"
        in text
    )
    assert "95 %" not in evaluate(UNBALANCED, resamples=0).table()


def test_a_picture_shows_counts_and_shares():
    figure = evaluate(turns("angry sad sad", "angry - angry"), resamples=0).confusion_figure()

    (axes, _) = figure.axes
    assert [text.get_text() for text in axes.texts] == [
        "1\n100%",
        "0\n0%",
        "0\n0%",
        "1\n50%",
        "0\n0%",
        "1\n50%",
    ]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["angry", "sad", "unscored"]


def test_a_picture_leaves_pyplot_alone(tmp_path):
    evaluate(UNBALANCED, resamples=0).confusion_figure().savefig(tmp_path / "c.png")

    import matplotlib.pyplot as plt

    assert plt.get_fignums() == []
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


def test_the_tables_on_the_page_are_what_its_code_prints(capsys):
    page = (ROOT / "docs" / "evaluation.md").read_text("utf-8")
    code = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    whole, groups, coverage, *_ = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    names = {"__name__": "page"}

    exec(code[0], names)
    assert capsys.readouterr().out == whole

    exec(code[1], names)
    printed = capsys.readouterr().out
    assert groups in printed
    assert coverage in printed


labels = st.sampled_from(CLASSES)


@settings(max_examples=40)
@given(st.lists(st.tuples(labels, labels), min_size=1, max_size=30))
def test_averages_are_those_of_scikit_learn(pairs):
    truth, answer = zip(*pairs, strict=True)
    there = sorted(set(truth))

    found = evaluate(turns(" ".join(truth), " ".join(answer)), resamples=0)

    assert found.wa.value == pytest.approx(accuracy_score(truth, answer))
    recall = recall_score(truth, answer, labels=there, average="macro", zero_division=0)
    assert found.ua.value == pytest.approx(recall)
    f1 = f1_score(truth, answer, labels=there, average="macro", zero_division=0)
    assert found.macro_f1.value == pytest.approx(f1)
    weighted = f1_score(truth, answer, labels=there, average="weighted", zero_division=0)
    assert found.weighted_f1.value == pytest.approx(weighted)
