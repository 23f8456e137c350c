"""Whether scores may be read as probabilities, before and after temperature scaling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss
from sklearn.model_selection import GroupKFold

from emo2vec_plugins.errors import TrainingError
from emo2vec_plugins.evaluation.bootstrap import ResampleBy, intervals, units_of
from emo2vec_plugins.evaluation.predictions import Prediction
from emo2vec_plugins.evaluation.temperature import (
    Codes,
    Floats,
    ScoredTurns,
    cross_entropy,
    fit_temperature,
    scaled,
)
from emo2vec_plugins.evaluation.values import Calibration, Estimate, Reliability

BINS = 15
"""Of the expected calibration error, as in arXiv:1706.04599."""

FOLDS = 5
"""In which temperatures are fitted and tried; fewer if there are fewer speakers."""


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
