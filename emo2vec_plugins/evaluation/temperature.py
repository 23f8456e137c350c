"""Temperature scaling: one number that makes scores mean what they say, and no label another.

Guo et al., *On Calibration of Modern Neural Networks*, ICML 2017, arXiv:1706.04599: logits are
divided by the temperature that makes the true labels most probable.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from sklearn.metrics import log_loss

from emo2vec_plugins.errors import TrainingError
from emo2vec_plugins.evaluation.predictions import Prediction, ordered

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

LEAST, MOST = 0.05, 20.0
"""A temperature at one of these means that there is none: the data do not determine it."""

LEAST_TURNS = 10
"""Fewer turns say nothing that would hold for others."""

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
        raise TrainingError(
            f"a temperature needs at least {LEAST_TURNS} turns whose class has a score, "
            f"got {len(truth)}"
        )
    if len(np.unique(truth)) < 2:
        raise TrainingError(
            f"a temperature needs turns of at least two classes, got {len(truth)} of one"
        )

    def loss(log_temperature: float) -> float:
        return cross_entropy(scaled(probabilities, math.exp(log_temperature)), truth)

    # The loss is convex in 1 / T, so that it has one minimum between the bounds, or none.
    # By its logarithm, so that the steps are as fine near 0.05 as near 20.
    bounds = (math.log(LEAST), math.log(MOST))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": _PRECISION})
    nearly_right = (
        "(nearly) every turn is right; use other turns than the model was trained on, or more"
    )
    unrelated = "labels have little to do with the scores; look at the labels, and the label map"
    for bound, why in ((LEAST, nearly_right), (MOST, unrelated)):
        if loss(math.log(bound)) <= found.fun + _PRECISION:
            raise TrainingError(
                f"no temperature fits {len(truth)} turns: the loss still falls at T = {bound:g}, as "
                f"it does when {why}"
            )
    return math.exp(float(found.x))
