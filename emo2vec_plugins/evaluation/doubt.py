"""Fitting a measure of doubt on labelled turns, and testing it on turns that it was not fitted on.

`emo2vec_plugins.models.FittedDoubt` describes the measure. Its distances are cross-fitted: that of
a turn comes from a distribution without its group, as a distribution knows its own turns too well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh
from scipy.optimize import minimize
from sklearn.metrics import recall_score

from emo2vec_plugins.errors import TrainingError
from emo2vec_plugins.evaluation.coverage import risk_coverage_area
from emo2vec_plugins.evaluation.reliability import (
    UNITS,
    ScoredTurns,
    fit_temperature,
    folds_of,
    groups_of,
    scaled,
)
from emo2vec_plugins.models import Cloud, FittedDoubt, certainty

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Rows = npt.NDArray[np.intp]

LEFT_OUT = ("corpus", *UNITS)
"""What a test leaves out, the first that all turns name: other corpora differ most."""

COVERAGES = (1.0, 0.9, 0.8, 0.7)
"""Shares of the turns at which a test reports recall."""

MOST_DIRECTIONS = 32
"""Most principal directions of a `Cloud`; a turn in this many of them is no more unusual than others."""

TURNS_PER_DIRECTION = 5
"""Fewest turns for each direction, so that a few turns do not look like a plane."""

FEWEST_TURNS = 5
"""Fewest turns of a class with a mean of its own: the mean of one turn is that turn."""

_PRIOR = np.array([0.0, -1.0, 1.0])
"""Bias and weights before any turn: the scores mean what they say, and the odds that a label is
wrong grow with the squared distance."""

_TYPICAL = math.log(2)
"""The distance of a turn that is as far as the calibrated ones; see `Cloud.distance`."""

_LEAST_VARIANCE = 1e-3
"""Least variance of a direction, as a share of the mean variance."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """What a fit needs of the turns.

    Attributes:
        embeddings: Shape (turns, width).
        probabilities: Of the original scores, shape (turns, labels).
        truth: Column of the true label, shape (turns,).
        answer: Column of the predicted label, shape (turns,).
        groups: Turns of one group are never on both sides of a split, shape (turns,).
        labels: Names of the columns.
    """

    embeddings: Floats
    probabilities: Floats
    truth: Codes
    answer: Codes
    groups: Codes
    labels: tuple[str, ...]

    @property
    def wrong(self) -> npt.NDArray[np.bool_]:
        """Whether each predicted label is wrong."""
        wrong: npt.NDArray[np.bool_] = self.truth != self.answer
        return wrong

    def at(self, rows: Rows) -> Evidence:
        """Return the evidence of some turns."""
        names = ("embeddings", "probabilities", "truth", "answer", "groups")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})

    def certainty(self, temperature: float) -> Floats:
        """Return the certainty of each turn after temperature scaling."""
        with np.errstate(divide="ignore"):  # a probability of 0 is a logit of -inf
            return certainty(np.log(scaled(self.probabilities, temperature)))


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubtTest:
    """How well doubt separates wrong labels from right ones, on turns that it was not fitted on.

    Attributes:
        by: What was left out in each fold: one of `LEFT_OUT`, ``turn``, or another field.
        folds: Number of splits.
        turns: Number of turns.
        risk: Share of wrong labels.
        risk_area: Area under the risk-coverage curve: the share of wrong labels among the least
            doubtful turns, averaged over all numbers of turns.
        recalls: Unweighted average recall of the least doubtful turns, by their share of all turns. A
            label that none of them has counts as a recall of 0.
        withheld: Share of the turns above the threshold, which was fitted on the other turns, too.
        kept: Share of the turns that are not withheld, by true label.
    """

    by: str
    folds: int
    turns: int
    risk: float
    risk_area: float
    recalls: dict[float, float]
    withheld: float
    kept: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubtFit:
    """A measure of doubt and its test.

    Attributes:
        measure: Fitted on all turns; None if it cannot be fitted.
        test: None if it cannot be tested.
        reason: Why *measure* or *test* is None.
    """

    measure: FittedDoubt | None = None
    test: DoubtTest | None = None
    reason: str | None = None


def doubt_of_turns(
    scored: ScoredTurns, *, temperature: float, by: str | None, coverage: float
) -> DoubtFit:
    """Fit and test a measure of doubt on the turns whose true label has a score.

    Args:
        scored: The turns; without embeddings there is no measure.
        temperature: By which the logits of the model will be divided.
        by: What to leave out in the test, a field of the turns; None for the largest of
            `LEFT_OUT` that all turns name.
        coverage: Share of the turns whose doubt is at most the threshold.
    """
    rows = np.flatnonzero(scored.known)
    turns = [scored.turns[row] for row in rows]
    if any(each.embedding is None for each in turns):
        return DoubtFit(reason="the turns have no embeddings")
    kept_together, groups = groups_of(turns, (by,) if by else LEFT_OUT)
    given = Evidence(
        embeddings=np.array([each.embedding for each in turns], dtype=np.float64),
        probabilities=scored.probabilities[rows],
        truth=scored.truth[rows],
        answer=scored.answer[rows],
        groups=groups,
        labels=scored.labels,
    )
    measure = None
    try:
        measure = fit_doubt(given, temperature=temperature, coverage=coverage)
        test = cross_validated(given, by=kept_together, coverage=coverage)
    except TrainingError as error:
        return DoubtFit(measure=measure, reason=str(error))
    return DoubtFit(measure=measure, test=test)


def fit_doubt(given: Evidence, *, temperature: float, coverage: float) -> FittedDoubt:
    """Fit a measure of doubt.

    Args:
        given: Of turns whose labels are partly right and partly wrong.
        temperature: By which the logits of the model will be divided.
        coverage: Share of the turns whose doubt is at most the threshold.

    Raises:
        TrainingError: If all labels are right, all are wrong, or there is only one turn.
    """
    wrong = given.wrong
    if wrong.all() or not wrong.any():
        found = f"{'all' if wrong.any() else 'none'} of {len(wrong)} turns"
        raise TrainingError(f"a measure of doubt needs right and wrong labels; wrong: {found}")
    certain = given.certainty(temperature)
    distance = np.empty(len(wrong))
    for train, test in folds_of(given.groups):
        distance[test] = cloud_of(given.at(train)).distance(given.embeddings[test])
    bias, *weights = _weights(certain, distance - _TYPICAL, wrong)
    measure = FittedDoubt(
        threshold=1.0,
        bias=bias - weights[1] * _TYPICAL,
        certainty=weights[0],
        distance=weights[1],
        cloud=cloud_of(given),
    )
    # The doubts of new turns: the cloud of all turns knows these too well.
    threshold = np.quantile(measure.of(certain, distance), coverage)
    return replace(measure, threshold=float(threshold))


def cloud_of(given: Evidence) -> Cloud:
    """Return the distributions of embeddings, by probabilistic principal component analysis.

    Args:
        given: Of at least one turn. Its classes are the predicted labels, as those of new turns are
            unknown, too. Those with fewer than `FEWEST_TURNS` share the mean of all turns.
    """
    count, width = given.embeddings.shape
    _, members, sizes = np.unique(given.answer, return_inverse=True, return_counts=True)
    centres = np.array(
        [
            given.embeddings[members == index if size >= FEWEST_TURNS else slice(None)].mean(axis=0)
            for index, size in enumerate(sizes)
        ]
    )
    means = np.unique(centres, axis=0)
    centred = given.embeddings - centres[members]
    # The means are those of the same turns, which are closer to them than others are.
    covariance = centred.T @ centred / max(1, count - len(means))
    directions = max(1, min(MOST_DIRECTIONS, count // TURNS_PER_DIRECTION, width))
    variances, vectors = eigh(covariance, subset_by_index=(width - directions, width - 1))
    total = float(np.trace(covariance))
    least = max(_LEAST_VARIANCE * total / width, float(np.finfo(np.float32).tiny))
    return Cloud(
        means=means,
        directions=vectors.T,
        variances=np.maximum(variances, least),
        rest=max((total - float(variances.sum())) / max(1, width - directions), least),
    )


def cross_validated(given: Evidence, *, by: str, coverage: float) -> DoubtTest:
    """Test a measure of doubt on turns that neither it nor its temperature was fitted on.

    Raises:
        TrainingError: If the turns of a fold are too few, or all right or all wrong.
    """
    doubt = np.empty(len(given.truth))
    withheld = np.empty(len(given.truth), dtype=bool)
    splits = folds_of(given.groups)
    for train, test in splits:
        known, new = given.at(train), given.at(test)
        temperature = fit_temperature(known.probabilities, known.truth)
        measure = fit_doubt(known, temperature=temperature, coverage=coverage)
        distance = measure.cloud.distance(new.embeddings)
        doubt[test] = measure.of(new.certainty(temperature), distance)
        withheld[test] = doubt[test] > measure.threshold
    return DoubtTest(
        by=by,
        folds=len(splits),
        turns=len(doubt),
        risk=float(given.wrong.mean()),
        risk_area=risk_coverage_area(doubt, ~given.wrong),
        recalls={share: _recall(given, doubt, share) for share in COVERAGES},
        withheld=float(withheld.mean()),
        kept={
            given.labels[column]: float(1 - withheld[given.truth == column].mean())
            for column in np.unique(given.truth)
        },
    )


def _recall(given: Evidence, doubt: Floats, share: float) -> float:
    """Return the unweighted average recall of the least doubtful turns."""
    kept = np.argsort(doubt, kind="stable")[: max(1, round(share * len(doubt)))]
    truth, answer = given.truth[kept], given.answer[kept]
    # A label that no kept turn has counts as 0: otherwise leaving out hard labels would pay.
    labels = np.unique(given.truth)
    return float(recall_score(truth, answer, labels=labels, average="macro", zero_division=0))


def _weights(certain: Floats, distance: Floats, wrong: npt.NDArray[np.bool_]) -> Sequence[float]:
    """Return the most probable bias and weights, given a normal prior of variance 1 around `_PRIOR`.

    More certainty never raises the doubt. The weight of the distance is at least that of `_PRIOR`:
    labelled turns are all near, and cannot show that the distance of others means less.
    """
    features = np.stack([np.ones_like(certain), certain, distance], axis=1)

    def loss(weights: Floats) -> tuple[float, Floats]:
        z, away = features @ weights, weights - _PRIOR
        value = (np.logaddexp(0, z) - wrong * z).sum() + away @ away / 2
        return float(value), features.T @ (0.5 + 0.5 * np.tanh(z / 2) - wrong) + away

    bounds = [(None, None), (None, 0.0), (_PRIOR[2], None)]
    found = minimize(loss, _PRIOR, jac=True, method="L-BFGS-B", bounds=bounds)
    return [float(weight) for weight in found.x]
