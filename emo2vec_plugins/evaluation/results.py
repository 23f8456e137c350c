"""What an evaluation found: frozen values, as JSON, as a table, as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMAT, VERSION = "emo2vec-evaluation", 1
"""What the JSON says it is; a change that a reader has to know of is another version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number and its 95 % interval by the percentiles of a bootstrap.

    Attributes:
        value: None where it is not defined: recall of a class that nobody was labelled with.
        low: None where no interval was asked for, or there is too little to resample.
        high: As *low*.
    """

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassResult:
    """How one class fared.

    Attributes:
        turns: That truly are of this class.
        predicted: That are said to be.
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
    """How turns of one range of durations fared; `Evaluation` says what the numbers are."""

    turns: int
    ua: Estimate
    wa: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """Counts of turns.

    Attributes:
        rows: The true classes.
        columns: These, then labels that were predicted but are no true class, then ``unscored``
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """How right predictions are, of one set of turns.

    Attributes:
        turns: All that were given.
        unscored: Those of them without a prediction.
        unscored_as: ``wrong`` if these count as wrong, ``leave-out`` if in nothing but this
            count.
        speakers: How many are known; None if that of a turn is not.
        ua: Unweighted average recall: the mean over the true classes.
        wa: Accuracy: the share of turns that are right.
        macro_f1: Mean F1 of the true classes.
        weighted_f1: The same, weighted by their turns.
        classes: Each true class.
        confusion: Who was taken for whom.
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
    classes: Mapping[str, ClassResult]
    confusion: Confusion
    lengths: Mapping[str, LengthResult]
    calibration: Calibration | None
    time: TimeWeighted | None
    resamples: int
    resample_by: str
    seed: int

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values; docs/evaluation.md says what the keys mean."""
        return {"format": FORMAT, "version": VERSION, **_plain(asdict(self))}

    def table(self) -> str:
        """Return everything as text, in ASCII as far as class names are, without a last newline."""
        from emo2vec_plugins.evaluation.tables import as_text

        return as_text(self)

    def confusion_figure(self) -> Figure:
        """Return a picture of the confusion matrix: counts, and shares of each row.

        Save it with ``figure.savefig(path)``; no window is opened, no global state is touched.
        """
        from emo2vec_plugins.report import confusion_figure

        found = self.confusion
        return confusion_figure(found.rows, found.columns, found.counts)


def _plain(value: Any) -> Any:
    """Return *value* with lists for tuples, as JSON reads them back."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
