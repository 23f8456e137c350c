"""True and predicted labels as numbers, and the metrics that follow from their counts."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from emo2vec_plugins.core import UNSCORED
from emo2vec_plugins.evaluation.bootstrap import LEAST_UNITS, Values, Weights, intervals, units_of
from emo2vec_plugins.evaluation.predictions import Prediction, ordered
from emo2vec_plugins.evaluation.values import Confusion, Estimate, LabelResult

Codes = npt.NDArray[np.int64]


class LabelTable:
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
        truth = np.array([place[each.truth] for each in turns], dtype=np.int64)
        answer = np.array([place[each] for each in answers], dtype=np.int64)
        self._cell = truth * len(self.columns) + answer
        # Weighted cells of the matrix instead of turns, which may be many.
        cells = np.arange(len(self.rows) * len(self.columns))
        self._truth, self._answer = np.divmod(cells, len(self.columns))

    def metrics(self, weights: Weights, *, lost: Collection[str] = ()) -> Values:
        """Return UA, WA, macro F1, weighted F1 and each label's recall, in this order, per draw.

        Args:
            weights: How often each turn counts, shape (draws, turns).
            lost: Labels that count as a recall of 0 where no turn has them.

        Returns:
            Shape (draws, 4 + labels); nan where a draw does not define a metric.
        """
        _, recall, f1, support = self._per_label(weights)
        is_lost = np.isin(self.rows, list(lost)) & (support == 0)
        recall, f1 = (np.where(is_lost, 0.0, each) for each in (recall, f1))
        present = ((support > 0) | is_lost).astype(np.float64)
        # Accuracy is recall weighted by the number of turns of each label.
        pairs = ((recall, present), (recall, support), (f1, present), (f1, support))
        averages = [_mean(values, of) for values, of in pairs]
        return np.concatenate([np.stack(averages, axis=1), recall], axis=1)

    def by_label(self, recalls: Sequence[Estimate]) -> dict[str, LabelResult]:
        """Return the results by true label, given their recalls with intervals."""
        once = np.ones((1, len(self._cell)), dtype=np.int64)
        precision, _, f1, support = (each[0] for each in self._per_label(once))
        predicted = self.predicted()
        return {
            name: LabelResult(
                turns=int(support[i]),
                predicted=predicted[name],
                recall=recalls[i],
                precision=_number(precision[i]),
                f1=_number(f1[i]) if support[i] else None,
            )
            for i, name in enumerate(self.rows)
        }

    def predicted(self) -> dict[str, int]:
        """Return the number of turns by predicted label, also of labels that no turn got."""
        counts = np.bincount(self._answer[self._cell], minlength=len(self.columns))
        return dict(zip(self.columns, map(int, counts), strict=True))

    def confusion(self) -> Confusion:
        """Return the number of turns of each cell."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Computes metrics with intervals, of all turns or of some of them, in the same way.

    Attributes:
        rows: All true labels.
        unscored_as: ``wrong`` or ``leave-out``, see `Evaluation`.
        resamples: Number of bootstrap draws.
        resample_by: Unit that is drawn.
        seed: Seed of the draws.
    """

    rows: tuple[str, ...]
    unscored_as: str
    resamples: int
    resample_by: str
    seed: int

    def judged(self, turns: Sequence[Prediction]) -> list[Prediction]:
        """Return the turns without those that are left out for lack of a prediction."""
        return [each for each in turns if each.label is not None or self.unscored_as == "wrong"]

    def table(self, turns: Sequence[Prediction]) -> LabelTable:
        """Return the labels of the turns."""
        return LabelTable(self.judged(turns), self.rows)

    def estimates(
        self,
        turns: Sequence[Prediction],
        chosen: npt.NDArray[np.bool_] | None = None,
        *,
        lost: Collection[str] = (),
    ) -> list[Estimate]:
        """Return the values of `LabelTable.metrics` of turns, with intervals.

        Args:
            turns: The turns.
            chosen: A mask of the judged turns; None for all of them. The draws are of all turns,
                and those that are not chosen get weight 0.
            lost: As for `LabelTable.metrics`.
        """
        judged = self.judged(turns)
        table = LabelTable(judged, self.rows)
        mask = np.ones(len(judged), dtype=bool) if chosen is None else chosen
        if not mask.any():
            return [Estimate(value=None)] * (4 + len(self.rows))
        (values,) = table.metrics(mask[None].astype(np.int64), lost=lost)
        units = units_of(judged, self.resample_by)
        bounds = intervals(
            lambda drawn: table.metrics(drawn * mask, lost=lost),
            units,
            resamples=self.resamples if len(np.unique(units[mask])) >= LEAST_UNITS else 0,
            seed=self.seed,
        )
        return [
            Estimate(value=None)
            if math.isnan(value)
            else Estimate(value=float(value), low=a, high=b)
            for value, (a, b) in zip(values, bounds, strict=True)
        ]


def _mean(values: Values, weights: Values) -> Values:
    """Return the weighted mean of each row, ignoring weight 0; nan if all weights are 0."""
    masked = np.ma.masked_where(weights == 0, values)
    means: Any = np.ma.average(masked, weights=weights, axis=1)
    return np.ma.filled(means, np.nan)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
