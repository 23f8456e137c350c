"""Reliability of scores as probabilities, before and after temperature scaling.

Temperature scaling divides logits by one number, the temperature that makes the true labels most
probable. It changes no label. Guo et al., *On Calibration of Modern Neural Networks*, ICML 2017,
arXiv:1706.04599.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss
from sklearn.model_selection import GroupKFold

from emo2vec_plugins.errors import TrainingError
from emo2vec_plugins.evaluation.bootstrap import intervals, units_of
from emo2vec_plugins.evaluation.predictions import Prediction, ordered
from emo2vec_plugins.evaluation.values import Calibration, Estimate, Reliability

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

LEAST, MOST = 0.05, 20.0
"""Bounds of a temperature; a minimum at a bound means that the data do not determine it."""

LEAST_TURNS = 10
"""Minimum number of turns; a fit on fewer does not generalize."""

BINS = 15
"""Number of bins of the expected calibration error, as in arXiv:1706.04599."""

FOLDS = 5
"""Number of cross-validation folds; fewer if there are fewer speakers."""

UNITS = ("speaker", "recording")
"""What turns of one fold share, the largest first."""

_PRECISION = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoredTurns:
    """The turns with scores, as arrays.

    Attributes:
        turns: In input order; all have scores and a label.
        labels: All labels with a score, and all true labels.
        probabilities: Shape (turns, labels); 0 where a turn has no score for a label.
        truth: Index of each turn's true label, shape (turns,).
        answer: Index of each turn's predicted label, shape (turns,).
        known: Whether the true label of each turn has a score, shape (turns,). Without a score
            the true label is impossible at any temperature, so the turn cannot inform the fit.
    """

    turns: tuple[Prediction, ...]
    labels: tuple[str, ...]
    probabilities: Floats
    truth: Codes
    answer: Codes
    known: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, predictions: Sequence[Prediction]) -> ScoredTurns:
        """Build from the *predictions* that have a label and scores."""
        turns = tuple(each for each in predictions if each.scores and each.label is not None)
        scores = [each.scores or {} for each in turns]
        labels = ordered(
            {name for each in scores for name in each} | {each.truth for each in turns}
        )
        place = {name: index for index, name in enumerate(labels)}
        return cls(
            turns=turns,
            labels=labels,
            probabilities=np.array(
                [[each.get(name, 0.0) for name in labels] for each in scores], dtype=np.float64
            ).reshape(len(turns), len(labels)),
            truth=np.array([place[each.truth] for each in turns], dtype=np.int64),
            answer=np.array([place[str(each.label)] for each in turns], dtype=np.int64),
            known=np.array([each.truth in (each.scores or {}) for each in turns], dtype=bool),
        )


def scaled(probabilities: Floats, temperature: float) -> Floats:
    """Return the probabilities after dividing logits by *temperature*; the shape is unchanged.

    Logarithms of the probabilities replace the logits: they differ by a constant per turn, which
    does not affect the softmax. A probability of 0 stays 0.
    """
    with np.errstate(divide="ignore"):  # log(0) is -inf, and the softmax turns it back into 0
        logits = np.log(probabilities)
    result: Floats = softmax(logits / temperature, axis=1)
    return result


def cross_entropy(probabilities: Floats, truth: Codes) -> float:
    """Return the mean of -ln of the true classes' probabilities, in nats."""
    return float(log_loss(truth, probabilities, labels=np.arange(probabilities.shape[1])))


def fit_temperature(probabilities: Floats, truth: Codes) -> float:
    """Return the temperature that makes the true labels most probable.

    Above 1 the scores were overconfident, below 1 underconfident.

    Args:
        probabilities: Shape (turns, labels); above 0 for every true class.
        truth: Column of each turn's true class, shape (turns,).

    Raises:
        TrainingError: If no temperature fits: it would be 0 if every turn is correct, and
            infinite if labels are unrelated to the scores. Or if there are fewer than
            `LEAST_TURNS` turns or only one class.
    """
    if len(truth) < LEAST_TURNS:
        expected = f"at least {LEAST_TURNS} turns whose class has a score"
        raise TrainingError(f"a temperature needs {expected}, got {len(truth)}")
    if len(np.unique(truth)) < 2:
        expected = "turns of at least two classes"
        raise TrainingError(f"a temperature needs {expected}, got one class in {len(truth)} turns")

    def loss(log_temperature: float) -> float:
        return cross_entropy(scaled(probabilities, math.exp(log_temperature)), truth)

    # The loss is convex in 1 / T, so it has at most one minimum between the bounds.
    # Search over log T, so that steps are equally fine near 0.05 and near 20.
    bounds = (math.log(LEAST), math.log(MOST))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": _PRECISION})
    right = "(nearly) all turns are correct; use more turns, or turns not in the training data"
    unrelated = "labels and scores are unrelated; check the labels and the label map"
    for bound, why in ((LEAST, right), (MOST, unrelated)):
        if loss(math.log(bound)) <= found.fun + _PRECISION:
            cause = f"the loss still falls at T = {bound:g}, probably because {why}"
            raise TrainingError(f"no temperature fits {len(truth)} turns: {cause}")
    return math.exp(float(found.x))


def calibration_of(
    predictions: Sequence[Prediction], *, by: str, resamples: int, seed: int
) -> Calibration | None:
    """Return the reliability of scores, before and after temperature scaling.

    Scaling is cross-validated: the temperature for a turn is fitted on the other folds, and turns
    of one speaker share a fold. A temperature measured on the turns that it was fitted on would
    look too good.

    Args:
        predictions: Predictions without scores are ignored.
        by: Unit that the bootstrap draws.
        resamples: Number of bootstrap draws; 0 computes no intervals.
        seed: Seed of the draws.

    Returns:
        None if no prediction has scores, or if there is only one class.
    """
    scored = ScoredTurns.of(predictions)
    if not scored.turns or len(scored.labels) < 2:
        return None
    units = units_of(scored.turns, by)

    def judged(probabilities: Floats) -> Reliability:
        return _reliability(scored, probabilities, units, resamples=resamples, seed=seed)

    before = judged(scored.probabilities)
    kept_together, groups = groups_of(scored.turns)
    try:
        after, temperatures = _out_of_fold(scored, groups)
    except TrainingError as error:
        return Calibration(turns=len(scored.turns), before=before, reason=str(error))
    return Calibration(
        turns=len(scored.turns),
        before=before,
        after=judged(after),
        by=kept_together,
        temperatures=temperatures,
    )


def expected_calibration_error(probabilities: Floats, right: Sequence[bool]) -> float:
    """Return the difference between confidence and accuracy, averaged over turns.

    Args:
        probabilities: Probability of each turn's predicted label, shape (turns,).
        right: Whether each label is correct.
    """
    share, confidence = calibration_curve(
        np.asarray(right), probabilities, n_bins=BINS, pos_label=True
    )
    # calibration_curve does not return the turns per bin, so count them with the same bin edges.
    inner = np.linspace(0, 1, BINS + 1)[1:-1]
    turns = np.bincount(np.searchsorted(inner, probabilities), minlength=BINS)
    return float(np.average(np.abs(share - confidence), weights=turns[turns > 0]))


def calibration_error(predictions: Sequence[Prediction]) -> float | None:
    """Return the `expected_calibration_error` of the turns with scores; None without any."""
    scored = ScoredTurns.of(predictions)
    if not scored.turns:
        return None
    chosen = scored.probabilities[np.arange(len(scored.turns)), scored.answer]
    return expected_calibration_error(chosen, scored.truth == scored.answer)


def _reliability(
    scored: ScoredTurns, probabilities: Floats, units: Codes, *, resamples: int, seed: int
) -> Reliability:
    rows = np.arange(len(scored.turns))
    columns = np.arange(len(scored.labels))
    # The Brier score is a mean over turns, so draws need only these distances.
    distances = ((probabilities - np.eye(len(columns))[scored.truth]) ** 2).sum(axis=1)

    def drawn(weights: Codes) -> Floats:
        means: Floats = (weights @ distances) / weights.sum(axis=1)
        return means[:, None]

    (bounds,) = intervals(drawn, units, resamples=resamples, seed=seed)
    brier = brier_score_loss(scored.truth, probabilities, labels=columns, scale_by_half=False)
    right = scored.truth == scored.answer
    return Reliability(
        ece=expected_calibration_error(probabilities[rows, scored.answer], right),
        brier=Estimate(value=float(brier), low=bounds[0], high=bounds[1]),
        log_loss=cross_entropy(probabilities, scored.truth),
    )


def groups_of(turns: Sequence[Prediction], units: Sequence[str] = UNITS) -> tuple[str, Codes]:
    """Return the first of *units* that all turns name, or ``turn``, and its index for each turn."""
    for by in units:
        names = {each.value(by) for each in turns}
        if None not in names and len(names) > 1:
            return by, units_of(turns, by)
    return "turn", units_of(turns, "turn")


def folds_of(groups: Codes) -> list[tuple[Codes, Codes]]:
    """Return the rows to fit on and the rows to test on, for each fold of a cross-validation.

    Turns of one group share a fold; turns of a single group have folds of their own.

    Raises:
        TrainingError: If there is only one turn.
    """
    if len(np.unique(groups)) < 2:
        groups = np.arange(len(groups))
    if len(groups) < 2:
        raise TrainingError("expected at least two turns for cross-validation, got one")
    return list(GroupKFold(min(FOLDS, len(np.unique(groups)))).split(groups, groups=groups))


def _out_of_fold(scored: ScoredTurns, groups: Codes) -> tuple[Floats, tuple[float, ...]]:
    """Return cross-validated probabilities of each turn, and the temperature of each fold.

    Raises:
        TrainingError: If there are too few turns, or no temperature fits in a fold.
    """
    # By groups: turns of one speaker in both train and test would make results look too good.
    result = np.empty_like(scored.probabilities)
    found = []
    for train, test in folds_of(groups):
        usable = train[scored.known[train]]
        temperature = fit_temperature(scored.probabilities[usable], scored.truth[usable])
        result[test] = scaled(scored.probabilities[test], temperature)
        found.append(temperature)
    return result, tuple(found)
