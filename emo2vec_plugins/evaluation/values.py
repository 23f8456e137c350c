"""The parts of an `Evaluation`, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

COVERAGE = 0.8
"""Default share of the turns that keep their label at the threshold of a measure of doubt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number and its 95 % bootstrap percentile interval.

    Attributes:
        value: None if undefined, such as the recall of a label that no turn has.
        low: Lower bound; None if no interval was requested or there is too little to resample.
        high: Upper bound; None whenever *low* is.
    """

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelResult:
    """The results for one label.

    Attributes:
        turns: Turns with this true label.
        predicted: Turns with this predicted label.
        recall: Share of *turns* predicted correctly.
        precision: Share of *predicted* that is correct; None if *predicted* is 0.
        f1: Harmonic mean of recall and precision.
    """

    turns: int
    predicted: int
    recall: Estimate
    precision: float | None
    f1: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthResult:
    """The results for turns in one range of durations; see `Evaluation` for the metrics."""

    turns: int
    ua: Estimate
    wa: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupResult:
    """The results for the turns of one corpus, language or other group.

    Attributes:
        turns: Number of turns, including unscored ones.
        withheld: Number of turns whose label the model withheld.
        ua: Mean recall of the labels that turns of the group have.
        wa: Accuracy.
        recalls: Recall by label; undefined for a label that no turn of the group has.
        predicted: Number of turns by predicted label, with ``unscored`` if turns have none.
        ece: Expected calibration error; None if no turn has a label with scores.
    """

    turns: int
    withheld: int
    ua: Estimate
    wa: Estimate
    recalls: Mapping[str, Estimate]
    predicted: Mapping[str, int]
    ece: float | None

    @property
    def present(self) -> tuple[str, ...]:
        """The labels with a recall."""
        return tuple(name for name, each in self.recalls.items() if each.value is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What a model gains by withholding doubtful labels.

    Attributes:
        kept: Number of turns with a label.
        withheld: Number of turns whose label the model withheld.
        share: *kept* over all turns.
        labels: The share of turns with a label, by true label.
        kept_ua: Unweighted average recall of the turns with a label. A label whose turns are all
            withheld counts as a recall of 0.
        kept_wa: Accuracy of the turns with a label.
        answered: Number of the same turns and of the withheld ones with scores.
        all_ua: Unweighted average recall of the *answered*, with the most probable label of those
            that were withheld.
        all_wa: Accuracy of the *answered*.
        doubted: Number of turns with a doubt.
        risk: Share of the *doubted* whose most probable label is wrong; None if there are none.
        risk_area: Area under the risk-coverage curve of the *doubted*: the share of wrong labels
            among the least doubtful turns, averaged over all numbers of turns. A doubt that says
            nothing gives *risk*, a good one gives less.
    """

    kept: int
    withheld: int
    share: float
    labels: Mapping[str, float]
    kept_ua: Estimate
    kept_wa: Estimate
    answered: int
    all_ua: Estimate
    all_wa: Estimate
    doubted: int
    risk: float | None
    risk_area: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """A confusion matrix: numbers of turns.

    Attributes:
        rows: The true labels.
        columns: The true labels, then labels that were only predicted, then ``unscored`` if
            some turns have no prediction.
        counts: One tuple per row.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """How well scores work as probabilities.

    Attributes:
        ece: Expected calibration error in 15 bins of equal width: the difference between
            confidence and accuracy, averaged over turns. It has no interval, because resampling
            itself raises it.
        brier: Squared distance between scores and truth, summed over classes: 0 to 2.
        log_loss: Mean of -ln of the true class's probability, in nats.
    """

    ece: float
    brier: Estimate
    log_loss: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Reliability of the scores, before and after temperature scaling.

    Attributes:
        turns: Number of turns with scores; other turns are ignored.
        before: Reliability of the original scores.
        after: Reliability after temperature scaling, cross-validated: each turn's temperature
            is fitted on other folds, and turns of one *by* share a fold. None if no temperature
            fits.
        by: What is kept together in a fold: ``speaker``, ``recording`` or ``turn``.
        temperatures: One per fold.
        reason: Why *after* is None.
    """

    turns: int
    before: Reliability
    after: Reliability | None = None
    by: str | None = None
    temperatures: tuple[float, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeWeighted:
    """Errors in seconds of speech instead of turns.

    Attributes:
        error: Identification error rate: wrong and missed seconds over *total*.
        total: Seconds of all turns with a true label.
        correct: Seconds with the correct label.
        confusion: Seconds with another label.
        missed: Seconds without a prediction.
        recordings: Number of recordings.
    """

    error: float
    total: float
    correct: float
    confusion: float
    missed: float
    recordings: int
