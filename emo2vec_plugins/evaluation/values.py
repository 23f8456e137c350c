"""The parts of an evaluation: frozen values, which `Evaluation` puts together."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number and its 95 % interval by the percentiles of a bootstrap.

    Attributes:
        value: None where it is not defined, such as the recall of a label that no turn has.
        low: None where no interval was asked for, or there is too little to resample.
        high: As *low*.
    """

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelResult:
    """The results for one label.

    Attributes:
        turns: With this true label.
        predicted: With this predicted label.
        recall: Share of *turns* that were found.
        precision: Share of *predicted* that is right; None if there are none.
        f1: Harmonic mean of both.
    """

    turns: int
    predicted: int
    recall: Estimate
    precision: float | None
    f1: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthResult:
    """The results for turns of one range of durations; `Evaluation` explains the numbers."""

    turns: int
    ua: Estimate
    wa: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """Counts of turns.

    Attributes:
        rows: The true labels.
        columns: These, then labels that were predicted but no turn truly has, then ``unscored``
            if there are such turns.
        counts: One tuple for each row.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """Whether scores may be read as probabilities.

    Attributes:
        ece: Expected calibration error in 15 bins of equal width: by how much confidence and
            accuracy differ, on average over turns. Without an interval: resampling itself
            raises it.
        brier: Squared distance of the scores from the truth, summed over classes: 0 to 2.
        log_loss: Mean of -ln of the true class's probability, in nats.
    """

    ece: float
    brier: Estimate
    log_loss: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Reliability as it is, and as it would be with a temperature.

    Attributes:
        turns: Those with scores; others have no part in this.
        before: Of the scores as they are.
        after: Of each turn's scores divided by a temperature that was fitted without it and
            without its fellows of *by*; None if there is none.
        by: What was kept together in the folds: ``speaker``, ``recording`` or ``turn``.
        temperatures: One for each fold.
        reason: Why there is no *after*.
    """

    turns: int
    before: Reliability
    after: Reliability | None = None
    by: str | None = None
    temperatures: tuple[float, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeWeighted:
    """Errors by seconds of speech instead of turns.

    Attributes:
        error: Identification error rate: seconds that are wrong or missed, over all.
        total: Seconds of turns with a true label.
        correct: Seconds with the right label.
        confusion: Seconds with another.
        missed: Seconds without a prediction.
        recordings: How many they are from.
    """

    error: float
    total: float
    correct: float
    confusion: float
    missed: float
    recordings: int
