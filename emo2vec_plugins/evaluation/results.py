"""Results of an evaluation, with export to JSON, text tables and figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.evaluation.bootstrap import LEAST_UNITS
from emo2vec_plugins.evaluation.tables import (
    INTERVAL,
    aligned,
    cells,
    count,
    coverage_table,
    decimal,
    groups_table,
    percent,
)
from emo2vec_plugins.evaluation.values import (
    Calibration,
    Confusion,
    Coverage,
    Estimate,
    GroupResult,
    LabelResult,
    LengthResult,
    Reliability,
    TimeWeighted,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMAT, VERSION = "emo2vec-evaluation", 3
"""Identification of the JSON; the version increases if a key changes its name or meaning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Results for one set of turns.

    Attributes:
        turns: Number of turns, including unscored ones.
        unscored: Number of turns without a prediction.
        unscored_as: ``wrong`` if unscored turns count as wrong; ``leave-out`` if they count only
            in *turns* and *unscored*.
        speakers: Number of speakers; None if the speaker of any turn is unknown.
        ua: Unweighted average recall: the mean recall of the true labels.
        wa: Accuracy: the share of correct turns.
        macro_f1: Mean F1 of the true labels.
        weighted_f1: Mean F1 of the true labels, weighted by their numbers of turns.
        labels: Results by true label.
        confusion: Confusion matrix.
        lengths: Results by range of durations, including ranges without turns.
        calibration: None if no turn has scores, or there is only one class.
        coverage: The effect of withheld labels; None if no turn has a doubt or a withheld label.
        groups: Results by field and group, for the fields that were asked for.
        time: Errors in seconds; None if all turns have duration 0.
        resamples: Number of bootstrap draws for all intervals; 0 if there are no intervals.
        resample_by: Unit drawn: ``turn``, ``speaker``, ``recording`` or another field.
        seed: Seed of the draws.
    """

    turns: int
    unscored: int
    unscored_as: str
    speakers: int | None
    ua: Estimate
    wa: Estimate
    macro_f1: Estimate
    weighted_f1: Estimate
    labels: Mapping[str, LabelResult]
    confusion: Confusion
    lengths: Mapping[str, LengthResult]
    calibration: Calibration | None
    coverage: Coverage | None
    groups: Mapping[str, Mapping[str, GroupResult]]
    time: TimeWeighted | None
    resamples: int
    resample_by: str
    seed: int

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values; docs/evaluation.md describes the keys."""
        # Via text, so that the values equal those read from a file: lists, not tuples.
        return {"format": FORMAT, "version": VERSION, **json.loads(json.dumps(asdict(self)))}

    def table(self) -> str:
        """Return everything as text, without a trailing newline; ASCII if the labels are."""
        parts = [
            _head(self),
            _summary(self),
            _labels(self.labels),
            _confusion(self.confusion),
            _lengths(self.lengths),
            *(groups_table(field, groups) for field, groups in self.groups.items()),
            self.calibration and _calibration(self.calibration),
            self.coverage and coverage_table(self.coverage),
            self.time and _time(self.time),
            _footnote(self),
        ]
        return "\n\n".join(part for part in parts if part)

    def confusion_figure(self) -> Figure:
        """Return a figure of the confusion matrix: counts, and shares of each row.

        Save it with ``figure.savefig(path)``. No window opens, and pyplot's global state does not
        change.
        """
        from emo2vec_plugins.report import confusion_figure

        found = self.confusion
        return confusion_figure(found.rows, found.columns, found.counts)


def _head(evaluation: Evaluation) -> str:
    by = "" if evaluation.speakers is None else f" of {count(evaluation.speakers, 'speaker')}"
    head = f"{count(evaluation.turns, 'turn')}{by}, labels: {', '.join(evaluation.labels)}"
    if not evaluation.unscored:
        return head
    treatment = "counted as wrong" if evaluation.unscored_as == "wrong" else "left out"
    return f"{head}\n{count(evaluation.unscored, 'turn')} without a prediction, {treatment}"


def _summary(evaluation: Evaluation) -> str:
    rows = {
        "UA, unweighted average recall": evaluation.ua,
        "WA, accuracy": evaluation.wa,
        "macro F1": evaluation.macro_f1,
        "weighted F1": evaluation.weighted_f1,
    }
    return aligned([("", "%", INTERVAL), *((name, *cells(each)) for name, each in rows.items())])


def _labels(labels: Mapping[str, LabelResult]) -> str:
    head = ("label", "turns", "recall %", INTERVAL, "precision %", "F1 %", "predicted")
    rows = [
        (
            name,
            str(result.turns),
            *cells(result.recall),
            percent(result.precision),
            percent(result.f1),
            str(result.predicted),
        )
        for name, result in labels.items()
    ]
    return aligned([head, *rows])


def _confusion(matrix: Confusion) -> str:
    rows = zip(matrix.rows, matrix.counts, strict=True)
    head = ("true \\ predicted", *matrix.columns)
    return aligned([head, *((name, *map(str, counts)) for name, counts in rows)])


def _lengths(lengths: Mapping[str, LengthResult]) -> str:
    rows = [
        (name, str(result.turns), *cells(result.ua), *cells(result.wa))
        for name, result in lengths.items()
    ]
    return aligned([("duration", "turns", "UA %", INTERVAL, "WA %", INTERVAL), *rows])


def _calibration(found: Calibration) -> str:
    rows = [("calibration", "ECE", "Brier (0-2)", INTERVAL, "log loss")]
    rows.append(_reliability("before temperature", found.before))
    basis = f"{count(found.turns, 'turn')} with scores"
    if found.after is None:
        return f"{aligned(rows)}\n{basis}; no temperature: {found.reason}"
    rows.append(_reliability("after temperature", found.after))
    low, high = min(found.temperatures), max(found.temperatures)
    return (
        f"{aligned(rows)}\n{basis}; temperature fitted on other {found.by}s, "
        f"{len(found.temperatures)} folds, T = {low:.2f} to {high:.2f}"
    )


def _reliability(name: str, found: Reliability) -> tuple[str, str, str, str, str]:
    brier, interval = cells(found.brier, decimal)
    return name, decimal(found.ece), brier, interval, decimal(found.log_loss)


def _time(time: TimeWeighted) -> str:
    return (
        f"by seconds: {percent(time.error)} % of {time.total:.1f} s wrong "
        f"({time.confusion:.1f} s wrong label, {time.missed:.1f} s without a prediction), "
        f"{count(time.recordings, 'recording')}"
    )


def _footnote(evaluation: Evaluation) -> str:
    if not evaluation.resamples:
        return "no intervals: 0 resamples"
    draws = count(evaluation.resamples, "bootstrap draw")
    if evaluation.wa.low is None:
        return f"no intervals: to draw by {evaluation.resample_by}, {LEAST_UNITS} are needed"
    text = f"{INTERVAL}: percentiles of {draws} by {evaluation.resample_by}, seed {evaluation.seed}"
    several = evaluation.speakers is not None and evaluation.speakers < evaluation.turns
    if evaluation.resample_by == "turn" and several:
        text += "; turns of one speaker are similar, so results on other speakers may vary more"
    return text
