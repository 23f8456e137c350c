"""Metrics of predictions, computed with scikit-learn, with bootstrap intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from emo2vec_plugins.errors import LabelError, OptionsError
from emo2vec_plugins.evaluation.coverage import coverage_of
from emo2vec_plugins.evaluation.groups import by_group
from emo2vec_plugins.evaluation.matrix import Judge
from emo2vec_plugins.evaluation.predictions import Prediction, ordered, restricted
from emo2vec_plugins.evaluation.reliability import calibration_of
from emo2vec_plugins.evaluation.results import Evaluation
from emo2vec_plugins.evaluation.time_weighted import time_weighted
from emo2vec_plugins.evaluation.values import LengthResult

UnscoredAs = Literal["wrong", "leave-out"]

# A turn of exactly 5 s belongs to the fourth range, so the bound is the next float above 5.
LENGTHS = (
    ("<0.3 s", 0.0, 0.3),
    ("0.3-1 s", 0.3, 1.0),
    ("1-2 s", 1.0, 2.0),
    ("2-5 s", 2.0, math.nextafter(5.0, math.inf)),
    (">5 s", math.nextafter(5.0, math.inf), math.inf),
)
"""Ranges of durations in seconds: name, lower bound (inclusive), upper bound (exclusive)."""


def evaluate(
    predictions: Iterable[Prediction],
    *,
    labels: Sequence[str] | None = None,
    unscored: UnscoredAs = "wrong",
    resamples: int = 1000,
    resample_by: str = "turn",
    seed: int = 0,
    by: Sequence[str] = (),
) -> Evaluation:
    """Compare predictions with true labels.

    Averages are over the true labels. A label that no turn truly has has no recall; predicting
    it counts as an error.

    Args:
        predictions: One for each turn that has a true label.
        labels: Evaluate only these labels, in this order, as `restricted` does; None for all
            true labels.
        unscored: ``"wrong"`` counts a turn without a prediction as an error; ``"leave-out"``
            leaves it out. With ``"leave-out"`` a model can improve its results by skipping hard
            turns.
        resamples: Number of bootstrap draws for the intervals; 0 computes no intervals.
        resample_by: The unit to draw: ``"turn"``, ``"speaker"``, ``"recording"`` or a field of the
            predictions. With ``"speaker"``, intervals show how the results would vary with other
            speakers.
        seed: Seed of the draws.
        by: Fields of the predictions, such as ``"corpus"``: the results also of each group of
            turns with the same value. Turns without the field are a group as well.

    Raises:
        LabelError: If there is nothing to evaluate.
        OptionsError: If an option has an invalid value, or a turn does not name its
            *resample_by*.
    """
    if unscored not in ("wrong", "leave-out"):
        raise OptionsError(f"expected unscored to be 'wrong' or 'leave-out', got {unscored!r}")
    turns = list(predictions) if labels is None else restricted(predictions, labels)
    names = {each.truth for each in turns}
    judge = Judge(
        rows=ordered(names) if labels is None else tuple(name for name in labels if name in names),
        unscored_as=unscored,
        resamples=resamples,
        resample_by=resample_by,
        seed=seed,
    )
    judged = judge.judged(turns)
    if not judged:
        raise LabelError(
            f"no turn has a prediction ({len(turns)} in all)" if turns else "no turns to evaluate"
        )
    ua, wa, macro, weighted, *recalls = judge.estimates(turns)
    table = judge.table(turns)
    return Evaluation(
        turns=len(turns),
        unscored=sum(each.label is None for each in turns),
        unscored_as=unscored,
        speakers=_speakers(turns),
        ua=ua,
        wa=wa,
        macro_f1=macro,
        weighted_f1=weighted,
        labels=table.by_label(recalls),
        confusion=table.confusion(),
        lengths=_by_length(judged, judge),
        calibration=calibration_of(judged, by=resample_by, resamples=resamples, seed=seed),
        coverage=coverage_of(turns, judge),
        groups={field: by_group(turns, field, judge) for field in dict.fromkeys(by)},
        time=time_weighted(judged),
        resamples=resamples,
        resample_by=resample_by,
        seed=seed,
    )


def _by_length(judged: Sequence[Prediction], judge: Judge) -> dict[str, LengthResult]:
    durations = np.array([each.duration for each in judged])
    lengths = {}
    for name, least, limit in LENGTHS:
        chosen = (durations >= least) & (durations < limit)
        ua, wa, *_ = judge.estimates(judged, chosen)
        lengths[name] = LengthResult(turns=int(chosen.sum()), ua=ua, wa=wa)
    return lengths


def _speakers(turns: Sequence[Prediction]) -> int | None:
    names = {each.speaker for each in turns}
    return None if None in names else len(names)
