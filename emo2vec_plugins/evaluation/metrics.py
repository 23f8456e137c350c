"""How right predictions are: scikit-learn's numbers, with intervals and with what they are of."""

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

# A turn of exactly 5 s is in the third range: its bound is the next number above.
LENGTHS = (
    ("<1 s", 0.0, 1.0),
    ("1-2 s", 1.0, 2.0),
    ("2-5 s", 2.0, math.nextafter(5.0, math.inf)),
    (">5 s", math.nextafter(5.0, math.inf), math.inf),
)
"""Ranges of durations: a name, the least seconds, and the first that are too many."""

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
    """Compare predictions with the truth.

    Averages are over the true labels: a label that no turn truly has has no recall. Predicting
    it is an error like any other.

    Args:
        predictions: One for each turn that has a true label.
        labels: Judge these labels alone, as `restricted` does, in this order; all true labels
            if None.
        unscored: Whether a turn without a prediction counts as ``wrong``, or is left out. The
            first is the default because a model could otherwise do better by refusing what is
            hard.
        resamples: Draws of the bootstrap behind the intervals; 0 gives none, and takes no time.
        resample_by: What is drawn; by ``speaker``, intervals show how numbers would vary with
            other speakers.
        seed: Of the draws.

    Raises:
        LabelError: If there is nothing to judge.
        OptionsError: If an option has no such value, or a turn lacks what is drawn.
    """
    if unscored not in ("wrong", "leave-out"):
        raise OptionsError(f"unscored turns are 'wrong' or 'leave-out', got {unscored!r}")
    turns = list(predictions) if labels is None else restricted(predictions, labels)
    judged = [each for each in turns if each.label is not None or unscored == "wrong"]
    if not judged:
        raise LabelError(
            f"none of {len(turns)} turns has a prediction" if turns else "there are no turns"
        )
    names = {each.truth for each in turns}
    rows = ordered(names) if labels is None else tuple(name for name in labels if name in names)
    table, units = _Table(judged, rows), units_of(judged, resample_by)
    estimates = partial(_estimates, table, units, resamples=resamples, seed=seed)
    ua, wa, macro, weighted, *recalls = estimates(table.everywhere)
    lengths = {}
    for name, least, limit in LENGTHS:
        chosen = table.lasting(least, limit)
        ua_there, wa_there, *_ = estimates(chosen)
        lengths[name] = LengthResult(turns=int(chosen.sum()), ua=ua_there, wa=wa_there)
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
    """The true and the predicted label of each turn, as numbers.

    All metrics follow from how many turns lie in each cell of the confusion matrix, which is all
    that scikit-learn is given.
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
        # Instead of turns, of which there may be many, cells of the matrix with weights.
        cells = np.arange(len(self.rows) * len(self.columns))
        self._truth, self._answer = np.divmod(cells, len(self.columns))
        self.everywhere = np.ones(len(turns), dtype=bool)

    def lasting(self, least: float, limit: float) -> npt.NDArray[np.bool_]:
        """Return which turns last from *least* up to but not including *limit* seconds."""
        return (self._duration >= least) & (self._duration < limit)

    def metrics(self, weights: Weights) -> Values:
        """Return UA, WA, macro F1, weighted F1, then each label's recall, for each draw.

        Args:
            weights: How often each turn counts, shape (draws, turns).

        Returns:
            Shape (draws, 4 + labels); nan for what a draw does not define.
        """
        _, recall, f1, support = self._per_label(weights)
        there = (support > 0).astype(np.float64)
        # Recall weighted by the turns of each label is accuracy.
        pairs = ((recall, there), (recall, support), (f1, there), (f1, support))
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
        # One label more than there is: of a single one scikit-learn warns.
        labels = np.arange(len(self.columns) + 1)
        matrix = confusion_matrix(self._truth[self._cell], self._answer[self._cell], labels=labels)
        counts = tuple(tuple(map(int, row[:-1])) for row in matrix[: len(self.rows)])
        return Confusion(rows=self.rows, columns=self.columns, counts=counts)

    def _per_label(self, weights: Weights) -> tuple[Values, Values, Values, Values]:
        """Return precision, recall, F1 and turns, each of shape (draws, labels).

        All draws are one call of scikit-learn, in which each has labels of its own.
        """
        # A call of scikit-learn takes milliseconds for its checks alone; a thousand of them, seconds.
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
    """Return what `_Table.metrics` gives of the chosen turns, each with its interval."""
    if not chosen.any():
        return [Estimate(value=None)] * (4 + len(table.rows))
    (values,) = table.metrics(chosen[None].astype(np.int64))
    # All turns are drawn, then those that were not chosen get no weight: the same draws for every
    # number. Draws of a single unit would all be alike.
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
    """Return the weighted mean of each row, without nan; nan if no weight is left."""
    masked = np.ma.masked_where(weights == 0, values)
    means: Any = np.ma.average(masked, weights=weights, axis=1)
    return np.ma.filled(means, np.nan)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _speakers(turns: Sequence[Prediction]) -> int | None:
    names = {each.speaker for each in turns}
    return None if None in names else len(names)
