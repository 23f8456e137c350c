"""Whether scores may be read as probabilities, before and after temperature scaling.

One number, the temperature, makes scores mean what they say, and no label another. Guo et al., *On
Calibration of Modern Neural Networks*, ICML 2017, arXiv:1706.04599: logits are divided by the
temperature that makes the true labels most probable.
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
from emo2vec_plugins.evaluation.bootstrap import ResampleBy, intervals, units_of
from emo2vec_plugins.evaluation.predictions import Prediction, ordered
from emo2vec_plugins.evaluation.values import Calibration, Estimate, Reliability

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

LEAST, MOST = 0.05, 20.0
"""A temperature at one of these means that there is none: the data do not determine it."""

LEAST_TURNS = 10
"""Fewer turns say nothing that would hold for others."""

BINS = 15
"""Of the expected calibration error, as in arXiv:1706.04599."""

FOLDS = 5
"""In which temperatures are fitted and tried; fewer if there are fewer speakers."""

_PRECISION = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoredTurns:
    """The turns with scores, as arrays.

    Attributes:
        turns: In their order; all have scores and a label.
        labels: All that have scores or occur in the truth.
        probabilities: Shape (turns, labels); 0 for a class that a turn has no score of.
        truth: The class of each turn, shape (turns,).
        answer: The label of each turn, shape (turns,).
        known: Whether the true class of a turn has a score: others would be impossible at any
            temperature, and so say nothing of it. Shape (turns,).
    """

    turns: tuple[Prediction, ...]
    labels: tuple[str, ...]
    probabilities: Floats
    truth: Codes
    answer: Codes
    known: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, predictions: Sequence[Prediction]) -> ScoredTurns:
        """Take those of *predictions* that have a label and scores."""
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
    """Return the probabilities that logits divided by *temperature* give, shape unchanged.

    The logarithms of the probabilities stand for the logits: they differ from them by a number
    that is the same for all classes of a turn, which the softmax does not see. What is 0 stays 0.
    """
    with np.errstate(divide="ignore"):  # log(0) is -inf, of which the softmax makes 0 again
        logits = np.log(probabilities)
    result: Floats = softmax(logits / temperature, axis=1)
    return result


def cross_entropy(probabilities: Floats, truth: Codes) -> float:
    """Return the mean of -ln of each true class's probability, in nats."""
    return float(log_loss(truth, probabilities, labels=np.arange(probabilities.shape[1])))


def fit_temperature(probabilities: Floats, truth: Codes) -> float:
    """Return the temperature under which the true labels are most probable.

    Above 1 the scores were too sure of themselves, below 1 not sure enough.

    Args:
        probabilities: Shape (turns, labels); every true class's is above 0.
        truth: Columns of the true classes, shape (turns,).

    Raises:
        TrainingError: If there is no such temperature: with every turn right it would be 0, with
            labels that have nothing to do with the scores, infinite. Or if there are fewer than
            `LEAST_TURNS`, or all are of one class.
    """
    if len(truth) < LEAST_TURNS:
        expected = f"at least {LEAST_TURNS} turns whose class has a score"
        raise TrainingError(f"a temperature needs {expected}, got {len(truth)}")
    if len(np.unique(truth)) < 2:
        expected = "turns of at least two classes"
        raise TrainingError(f"a temperature needs {expected}, got {len(truth)} of one")

    def loss(log_temperature: float) -> float:
        return cross_entropy(scaled(probabilities, math.exp(log_temperature)), truth)

    # The loss is convex in 1 / T, so that it has one minimum between the bounds, or none.
    # By its logarithm, so that the steps are as fine near 0.05 as near 20.
    bounds = (math.log(LEAST), math.log(MOST))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": _PRECISION})
    right = "(nearly) every turn is right; use other turns than the model was trained on, or more"
    unrelated = "labels have little to do with the scores; look at the labels, and the label map"
    for bound, why in ((LEAST, right), (MOST, unrelated)):
        if loss(math.log(bound)) <= found.fun + _PRECISION:
            still = f"the loss still falls at T = {bound:g}, as it does when {why}"
            raise TrainingError(f"no temperature fits {len(truth)} turns: {still}")
    return math.exp(float(found.x))


def calibration_of(
    predictions: Sequence[Prediction], *, by: ResampleBy, resamples: int, seed: int
) -> Calibration | None:
    """Return how reliable scores are, as they are and with a temperature.

    The temperature that a turn's scores are divided by is fitted on other folds than the turn's
    own, and turns of one speaker are in one fold: fitted on the turns that it is then measured
    on, it would look better than it is.

    Args:
        predictions: Those without scores have no part; None if that is all, or if there is
            but one class.
        by: What the bootstrap draws.
        resamples: Draws of the bootstrap; 0 gives no intervals.
        seed: Of the draws.
    """
    scored = ScoredTurns.of(predictions)
    if not scored.turns or len(scored.labels) < 2:
        return None
    units = units_of(scored.turns, by)

    def judged(probabilities: Floats) -> Reliability:
        return _reliability(scored, probabilities, units, resamples=resamples, seed=seed)

    before = judged(scored.probabilities)
    kept_together, groups = _groups(scored.turns)
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
    """Return by how much confidence and accuracy differ, on average over turns.

    Args:
        probabilities: That each turn's label was given, shape (turns,).
        right: Whether each label is right.
    """
    share, confidence = calibration_curve(
        np.asarray(right), probabilities, n_bins=BINS, pos_label=True
    )
    # The curve does not say how many turns are in its bins; these are its own borders.
    inner = np.linspace(0, 1, BINS + 1)[1:-1]
    turns = np.bincount(np.searchsorted(inner, probabilities), minlength=BINS)
    return float(np.average(np.abs(share - confidence), weights=turns[turns > 0]))


def _reliability(
    scored: ScoredTurns, probabilities: Floats, units: Codes, *, resamples: int, seed: int
) -> Reliability:
    rows = np.arange(len(scored.turns))
    columns = np.arange(len(scored.labels))
    # The score is a mean over turns, so that draws need these alone.
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


def _groups(turns: Sequence[Prediction]) -> tuple[ResampleBy, Codes]:
    """Return the widest unit that all turns name, which is kept together, and its numbers."""
    kinds: tuple[ResampleBy, ...] = ("speaker", "recording")
    for by in kinds:
        names = {getattr(each, by) for each in turns}
        if None not in names and len(names) > 1:
            return by, units_of(turns, by)
    return "turn", units_of(turns, "turn")


def _out_of_fold(scored: ScoredTurns, groups: Codes) -> tuple[Floats, tuple[float, ...]]:
    """Return each turn's probabilities at a temperature of the other folds, and those found.

    Raises:
        TrainingError: If there are too few turns, or one of the folds gives no temperature.
    """
    # In groups: turns of one speaker on both sides would flatter the temperature.
    folds = min(FOLDS, len(np.unique(groups)))
    if folds < 2:
        raise TrainingError("one turn is too few to fit a temperature on others")
    result = np.empty_like(scored.probabilities)
    found = []
    for train, test in GroupKFold(folds).split(groups, groups=groups):
        usable = train[scored.known[train]]
        temperature = fit_temperature(scored.probabilities[usable], scored.truth[usable])
        result[test] = scaled(scored.probabilities[test], temperature)
        found.append(temperature)
    return result, tuple(found)
