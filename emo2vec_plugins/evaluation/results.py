"""What an evaluation found: as values, as JSON, as a table, as a picture."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.evaluation.values import (
    Calibration,
    Confusion,
    Estimate,
    LabelResult,
    LengthResult,
    Reliability,
    TimeWeighted,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMAT, VERSION = "emo2vec-evaluation", 2
"""What the JSON says it is; the version rises when a key changes its meaning or its name."""

NONE = "-"
"""Stands for what is not defined."""

INTERVAL = "95 %"
"""Heads the columns of intervals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """How right predictions are, of one set of turns.

    Attributes:
        turns: All that were given.
        unscored: Those of them without a prediction.
        unscored_as: ``wrong`` if these count as wrong, ``leave-out`` if in nothing but this
            count.
        speakers: How many are known; None if that of a turn is not.
        ua: Unweighted average recall: the mean over the true labels.
        wa: Accuracy: the share of turns that are right.
        macro_f1: Mean F1 of the true labels.
        weighted_f1: The same, weighted by their turns.
        labels: The results for each true label.
        confusion: How often each true label was predicted as each label.
        lengths: By ranges of duration; those without turns are there, too.
        calibration: None if no turn has scores.
        time: By seconds; None if the turns have no duration.
        resamples: Of the bootstrap behind all intervals; 0 if there are none.
        resample_by: What was drawn: ``turn``, ``speaker`` or ``recording``.
        seed: Of the draws.
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
    time: TimeWeighted | None
    resamples: int
    resample_by: str
    seed: int

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values; docs/evaluation.md says what the keys mean."""
        # By way of text, so that the values equal those read from a file: lists, not tuples.
        return {"format": FORMAT, "version": VERSION, **json.loads(json.dumps(asdict(self)))}

    def table(self) -> str:
        """Return everything as text, in ASCII if the labels are, without a last newline."""
        parts = [
            _head(self),
            _summary(self),
            _labels(self.labels),
            _confusion(self.confusion),
            _lengths(self.lengths),
            self.calibration and _calibration(self.calibration),
            self.time and _time(self.time),
            _footnote(self),
        ]
        return "\n\n".join(part for part in parts if part)

    def confusion_figure(self) -> Figure:
        """Return a picture of the confusion matrix: counts, and shares of each row.

        Save it with ``figure.savefig(path)``; no window is opened, no global state is touched.
        """
        from emo2vec_plugins.report import confusion_figure

        found = self.confusion
        return confusion_figure(found.rows, found.columns, found.counts)


def aligned(rows: Iterable[Sequence[str]]) -> str:
    """Return rows as lines: the first column to the left, all others to the right.

    Columns of intervals are left out if they are empty.

    >>> print(aligned([("", "turns"), ("angry", "12")]))
           turns
    angry     12
    """
    # Intervals that were not asked for leave no trace, but a missing one among others a dash.
    first, *others = (
        column
        for column in zip(*rows, strict=True)
        if column[0] != INTERVAL or set(column[1:]) != {NONE}
    )
    columns = [_padded(first, str.ljust), *(_padded(column, str.rjust) for column in others)]
    return "\n".join("  ".join(row).rstrip() for row in zip(*columns, strict=True))


def percent(value: float | None) -> str:
    """Return a share in per cent with one decimal, or a dash."""
    return NONE if value is None else f"{100 * value:.1f}"


def _padded(column: Sequence[str], pad: Any) -> list[str]:
    return [pad(cell, max(map(len, column))) for cell in column]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _decimal(value: float | None) -> str:
    return NONE if value is None else f"{value:.3f}"


def _cells(estimate: Estimate, written: Any = percent) -> tuple[str, str]:
    """Return the value and its interval."""
    if estimate.low is None:
        return written(estimate.value), NONE
    return written(estimate.value), f"{written(estimate.low)} to {written(estimate.high)}"


def _head(evaluation: Evaluation) -> str:
    who = "" if evaluation.speakers is None else f" of {_count(evaluation.speakers, 'speaker')}"
    head = f"{_count(evaluation.turns, 'turn')}{who}, labels: {', '.join(evaluation.labels)}"
    if not evaluation.unscored:
        return head
    fate = "counted as wrong" if evaluation.unscored_as == "wrong" else "left out"
    return f"{head}\n{evaluation.unscored} of them without a prediction, {fate}"


def _summary(evaluation: Evaluation) -> str:
    rows = {
        "UA, unweighted average recall": evaluation.ua,
        "WA, accuracy": evaluation.wa,
        "macro F1": evaluation.macro_f1,
        "weighted F1": evaluation.weighted_f1,
    }
    return aligned([("", "%", INTERVAL), *((name, *_cells(each)) for name, each in rows.items())])


def _labels(labels: Mapping[str, LabelResult]) -> str:
    head = ("label", "turns", "recall %", INTERVAL, "precision %", "F1 %", "predicted")
    rows = [
        (
            name,
            str(result.turns),
            *_cells(result.recall),
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
        (name, str(result.turns), *_cells(result.ua), *_cells(result.wa))
        for name, result in lengths.items()
    ]
    return aligned([("turn lasts", "turns", "UA %", INTERVAL, "WA %", INTERVAL), *rows])


def _calibration(found: Calibration) -> str:
    rows = [("calibration", "ECE", "Brier (0-2)", INTERVAL, "log loss")]
    rows.append(_reliability("scores as they are", found.before))
    of = f"of {_count(found.turns, 'turn')} with scores"
    if found.after is None:
        return f"{aligned(rows)}\n{of}; no temperature: {found.reason}"
    rows.append(_reliability("after temperature", found.after))
    low, high = min(found.temperatures), max(found.temperatures)
    return (
        f"{aligned(rows)}\n{of}; each turn's T was fitted on other {found.by}s in "
        f"{len(found.temperatures)} folds, T = {low:.2f} to {high:.2f}"
    )


def _reliability(name: str, found: Reliability) -> tuple[str, str, str, str, str]:
    brier, interval = _cells(found.brier, _decimal)
    return name, _decimal(found.ece), brier, interval, _decimal(found.log_loss)


def _time(time: TimeWeighted) -> str:
    return (
        f"by seconds: {percent(time.error)} % of {time.total:.1f} s are wrong "
        f"({time.confusion:.1f} s another label, {time.missed:.1f} s without prediction) "
        f"in {_count(time.recordings, 'recording')}"
    )


def _footnote(evaluation: Evaluation) -> str:
    if not evaluation.resamples:
        return "no intervals were asked for"
    drawn = "turns" if evaluation.resample_by == "turn" else f"whole {evaluation.resample_by}s"
    text = f"95 %: percentiles of {evaluation.resamples} draws of {drawn}, seed {evaluation.seed}"
    several = evaluation.speakers is not None and evaluation.speakers < evaluation.turns
    if evaluation.resample_by == "turn" and several:
        text += "; turns of one speaker are alike, so that other speakers may differ by more"
    return text
