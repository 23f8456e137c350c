"""Evaluation of one corpus by fold, as EmoBox reports it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

from emo2vec_plugins.errors import LabelError
from emo2vec_plugins.evaluation.metrics import UnscoredAs, evaluate
from emo2vec_plugins.evaluation.predictions import Prediction
from emo2vec_plugins.evaluation.results import Evaluation
from emo2vec_plugins.evaluation.tables import NONE, aligned, percent

AVERAGED = {"ua": "UA %", "wa": "WA %", "macro_f1": "macro F1 %", "weighted_f1": "weighted F1 %"}
"""Metrics that are averaged over folds, with their table headings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldsEvaluation:
    """Results for each fold, and for all folds together.

    Attributes:
        folds: Evaluations by fold, without intervals.
        together: Evaluation of the turns of all folds, each turn once.
    """

    folds: Mapping[str, Evaluation]
    together: Evaluation

    @property
    def mean(self) -> dict[str, float]:
        """The mean over folds of each metric in `AVERAGED`."""
        return {name: mean(self._values(name)) for name in AVERAGED}

    @property
    def std(self) -> dict[str, float | None]:
        """The sample standard deviation (n - 1) over folds; None for a single fold."""
        several = len(self.folds) > 1
        return {name: stdev(self._values(name)) if several else None for name in AVERAGED}

    def to_json(self) -> dict[str, Any]:
        """Return `Evaluation.to_json` of all folds together, with the additional key ``folds``."""
        each = {name: fold.to_json() for name, fold in self.folds.items()}
        folds = {"evaluations": each, "mean": self.mean, "std": self.std}
        return {**self.together.to_json(), "folds": folds}

    def table(self) -> str:
        """Return a text table: folds, their mean and standard deviation, then all folds together."""
        rows = [
            (name, str(fold.turns), *(percent(getattr(fold, each).value) for each in AVERAGED))
            for name, fold in self.folds.items()
        ]
        averages = [
            ("mean", NONE, *map(percent, self.mean.values())),
            ("std", NONE, *map(percent, self.std.values())),
        ]
        folds = aligned([("fold", "turns", *AVERAGED.values()), *rows, *averages])
        return f"{folds}\n\nall folds together, each turn once:\n\n{self.together.table()}"

    def _values(self, name: str) -> list[float]:
        values = [getattr(fold, name).value for fold in self.folds.values()]
        return [value for value in values if value is not None]


def evaluate_folds(
    predictions: Iterable[Prediction],
    folds: Mapping[str, Iterable[str]],
    *,
    labels: Sequence[str] | None = None,
    unscored: UnscoredAs = "wrong",
    resamples: int = 1000,
    resample_by: str = "turn",
    seed: int = 0,
    by: Sequence[str] = (),
) -> FoldsEvaluation:
    """Evaluate each fold separately, and all folds together.

    Only the evaluation of all folds together has intervals.

    Args:
        predictions: Predictions for the turns of all folds, each turn once.
        folds: Turn ids by fold; ids not in *predictions* are ignored.
        labels: As for `evaluate`.
        unscored: As for `evaluate`.
        resamples: As for `evaluate`.
        resample_by: As for `evaluate`.
        seed: As for `evaluate`.
        by: As for `evaluate`, for all folds together.

    Raises:
        LabelError: If a fold has nothing to evaluate.
        OptionsError: As for `evaluate`.
    """
    by_id = {each.id: each for each in predictions}

    def fold(name: str) -> Evaluation:
        turns = [by_id[each] for each in folds[name] if each in by_id]
        try:
            # No intervals: the variation over folds says more than a bootstrap of one fold.
            return evaluate(turns, labels=labels, unscored=unscored, resamples=0)
        except LabelError as error:
            raise LabelError(f"{name}: {error}") from error

    together = evaluate(
        by_id.values(),
        labels=labels,
        unscored=unscored,
        resamples=resamples,
        resample_by=resample_by,
        seed=seed,
        by=by,
    )
    return FoldsEvaluation(folds={name: fold(name) for name in folds}, together=together)
