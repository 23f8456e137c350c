"""Metrics of predictions, computed with scikit-learn, with bootstrap intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from emo2vec_plugins.core import UNSCORED
from emo2vec_plugins.errors import LabelError, OptionsError
from emo2vec_plugins.evaluation.bootstrap import ResampleBy, Values, Weights, intervals, units_of
from emo2vec_plugins.evaluation.predictions import Prediction, ordered, restricted
from emo2vec_plugins.evaluation.reliability import calibration_of
from emo2vec_plugins.evaluation.results import Evaluation
from emo2vec_plugins.evaluation.time_weighted import time_weighted
from emo2vec_plugins.evaluation.values import Confusion, Estimate, LabelResult, LengthResult

UnscoredAs = Literal["wrong", "leave-out"]

# A turn of exactly 5 s belongs to the third range, so the bound is the next float above 5.
LENGTHS = (
    ("<1 s", 0.0, 1.0),
    ("1-2 s", 1.0, 2.0),
    ("2-5 s", 2.0, math.nextafter(5.0, math.inf)),
    (">5 s", math.nextafter(5.0, math.inf), math.inf),
)
"""Ranges of durations in seconds: name, lower bound (inclusive), upper bound (exclusive)."""

Codes = npt.NDArray[np.int64]


def evaluate(
    predictions: Iterable[Prediction],
    *,
    labels: Sequence[str] | None = None,
    unscored: UnscoredAs = "wrong",
    resamples: int = 1000,
    resample_by: ResampleBy = "turn",
    seed: int = 0,
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
        resample_by: The unit to draw. With ``"speaker"``, intervals show how the results would
            vary with other speakers.
        seed: Seed of the draws.

    Raises:
        LabelError: If there is nothing to evaluate.
        OptionsError: If an option has an invalid value, or a turn does not name its
            *resample_by*.
    """
    if unscored not in ("wrong", "leave-out"):
        raise OptionsError(f"expected unscored to be 'wrong' or 'leave-out', got {unscored!r}")
    turns = list(predictions) if labels is None else restricted(predictions, labels)
    judged = [each for each in turns if each.label is not None or unscored == "wrong"]
    if not judged:
        raise LabelError(
            f"no turn has a prediction ({len(turns)} in all)" if turns else "no turns to evaluate"
        )
    names = {each.truth for each in turns}
    rows = ordered(names) if labels is None else tuple(name for name in labels if name in names)
    table, units = _Table(judged, rows), units_of(judged, resample_by)
    estimates = partial(_estimates, table, units, resamples=resamples, seed=seed)
    ua, wa, macro, weighted, *recalls = estimates(table.everywhere)
    lengths = {}
    for name, least, limit in LENGTHS:
        chosen = table.lasting(least, limit)
        range_ua, range_wa, *_ = estimates(chosen)
        lengths[name] = LengthResult(turns=int(chosen.sum()), ua=range_ua, wa=range_wa)
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
        lengths=lengths,
        calibration=calibration_of(judged, by=resample_by, resamples=resamples, seed=seed),
        time=time_weighted(judged),
        resamples=resamples,
        resample_by=resample_by,
        seed=seed,
    )


class _Table:
    """The true and predicted labels of all turns, as numbers.

    All metrics follow from the number of turns in each cell of the confusion matrix, so
    scikit-learn gets only these numbers.
    """

    def __init__(self, turns: Sequence[Prediction], rows: tuple[str, ...]) -> None:
        answers = [UNSCORED if each.label is None else each.label for each in turns]
        others = ordered(set(answers).difference(rows, [UNSCORED]))
        self.rows = rows
        self.columns = (*rows, *others, *([UNSCORED] if UNSCORED in answers else []))
        place = {name: index for index, name in enumerate(self.columns)}
        truth = np.array([place[each.truth] for each in turns])
        answer = np.array([place[each] for each in answers])
        self._duration = np.array([each.duration for each in turns])
        self._cell = truth * len(self.columns) + answer
        # Weighted cells of the matrix instead of turns, which may be many.
        cells = np.arange(len(self.rows) * len(self.columns))
        self._truth, self._answer = np.divmod(cells, len(self.columns))
        self.everywhere = np.ones(len(turns), dtype=bool)

    def lasting(self, least: float, limit: float) -> npt.NDArray[np.bool_]:
        """Return a mask of the turns that last *least* (inclusive) to *limit* (exclusive) seconds."""
        return (self._duration >= least) & (self._duration < limit)

    def metrics(self, weights: Weights) -> Values:
        """Return UA, WA, macro F1, weighted F1 and each label's recall, in this order, per draw.

        Args:
            weights: How often each turn counts, shape (draws, turns).

        Returns:
            Shape (draws, 4 + labels); nan where a draw does not define a metric.
        """
        _, recall, f1, support = self._per_label(weights)
        present = (support > 0).astype(np.float64)
        # Accuracy is recall weighted by the number of turns of each label.
        pairs = ((recall, present), (recall, support), (f1, present), (f1, support))
        averages = [_mean(values, of) for values, of in pairs]
        return np.concatenate([np.stack(averages, axis=1), recall], axis=1)

    def by_label(self, recalls: Sequence[Estimate]) -> dict[str, LabelResult]:
        once = np.ones((1, len(self._cell)), dtype=np.int64)
        precision, _, f1, support = (each[0] for each in self._per_label(once))
        predicted = np.bincount(self._answer[self._cell], minlength=len(self.columns))
        return {
            name: LabelResult(
                turns=int(support[i]),
                predicted=int(predicted[i]),
                recall=recalls[i],
                precision=_number(precision[i]),
                f1=_number(f1[i]) if support[i] else None,
            )
            for i, name in enumerate(self.rows)
        }

    def confusion(self) -> Confusion:
        # One extra label, because scikit-learn warns if there is only one.
        labels = np.arange(len(self.columns) + 1)
        matrix = confusion_matrix(self._truth[self._cell], self._answer[self._cell], labels=labels)
        counts = tuple(tuple(map(int, row[:-1])) for row in matrix[: len(self.rows)])
        return Confusion(rows=self.rows, columns=self.columns, counts=counts)

    def _per_label(self, weights: Weights) -> tuple[Values, Values, Values, Values]:
        """Return precision, recall, F1 and number of turns, each of shape (draws, labels).

        One call of scikit-learn handles all draws; each draw uses its own label numbers.
        """
        # scikit-learn's checks alone take milliseconds per call, so a thousand calls take seconds.
        draw = np.arange(len(weights))[:, None]
        cells = len(self._truth)
        inside = np.bincount(
            (self._cell + draw * cells).ravel(), weights.ravel(), minlength=len(draw) * cells
        )
        found = precision_recall_fscore_support(
            (self._truth + draw * len(self.columns)).ravel(),
            (self._answer + draw * len(self.columns)).ravel(),
            labels=(np.arange(len(self.rows)) + draw * len(self.columns)).ravel(),
            sample_weight=inside,
            zero_division=np.nan,
        )
        precision, recall, f1, support = (each.reshape(len(draw), -1) for each in found)
        return precision, recall, f1, support


def _estimates(
    table: _Table, units: Codes, chosen: npt.NDArray[np.bool_], *, resamples: int, seed: int
) -> list[Estimate]:
    """Return the values of `_Table.metrics` for the chosen turns, with intervals."""
    if not chosen.any():
        return [Estimate(value=None)] * (4 + len(table.rows))
    (values,) = table.metrics(chosen[None].astype(np.int64))
    # Every estimate uses the same draws of all turns; turns that are not chosen get weight 0.
    # With a single unit all draws would be equal.
    bounds = intervals(
        lambda drawn: table.metrics(drawn * chosen),
        units,
        resamples=resamples if len(np.unique(units[chosen])) > 1 else 0,
        seed=seed,
    )
    return [
        Estimate(value=None) if math.isnan(value) else Estimate(value=float(value), low=a, high=b)
        for value, (a, b) in zip(values, bounds, strict=True)
    ]


def _mean(values: Values, weights: Values) -> Values:
    """Return the weighted mean of each row, ignoring weight 0; nan if all weights are 0."""
    masked = np.ma.masked_where(weights == 0, values)
    means: Any = np.ma.average(masked, weights=weights, axis=1)
    return np.ma.filled(means, np.nan)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _speakers(turns: Sequence[Prediction]) -> int | None:
    names = {each.speaker for each in turns}
    return None if None in names else len(names)
