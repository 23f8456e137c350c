"""What withheld labels cost and gain: coverage, recall with and without them, and the risk.

A model that may withhold a label trades coverage, the share of turns with a label, for risk, the
share of wrong labels among them. Geifman et al., *Bias-Reduced Uncertainty Estimation for Deep
Neural Classifiers*, ICLR 2019, arXiv:1805.08206, describe the area under the curve.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from emo2vec_plugins.evaluation.matrix import Judge
from emo2vec_plugins.evaluation.predictions import Prediction
from emo2vec_plugins.evaluation.values import Coverage

Floats = npt.NDArray[np.float64]


def coverage_of(turns: Sequence[Prediction], judge: Judge) -> Coverage | None:
    """Return the effect of withheld labels; None if no turn has a doubt or a withheld label.

    Args:
        turns: All turns, also those without a prediction.
        judge: Computes UA and WA.
    """
    if not any(each.withheld or each.doubt is not None for each in turns):
        return None
    kept = [each for each in turns if each.label is not None]
    answered = [answer for each in turns if (answer := each.answered()).label is not None]
    doubted = [each for each in answered if each.doubt is not None]
    doubt = np.array([each.doubt for each in doubted], dtype=np.float64)
    right = np.array([each.label == each.truth for each in doubted], dtype=bool)
    of = Counter(each.truth for each in turns)
    kept_of = Counter(each.truth for each in kept)
    # Otherwise a model would gain by withholding all turns of the labels that it confuses.
    lost = {each.truth for each in answered} - kept_of.keys()
    kept_ua, kept_wa, *_ = judge.estimates(kept, lost=lost)
    all_ua, all_wa, *_ = judge.estimates(answered)
    return Coverage(
        kept=len(kept),
        withheld=sum(each.withheld for each in turns),
        share=len(kept) / len(turns),
        labels={label: kept_of[label] / of[label] for label in judge.rows},
        kept_ua=kept_ua,
        kept_wa=kept_wa,
        answered=len(answered),
        all_ua=all_ua,
        all_wa=all_wa,
        doubted=len(doubted),
        risk=float(1 - right.mean()) if doubted else None,
        risk_area=risk_coverage_area(doubt, right) if doubted else None,
    )


def risk_coverage_area(doubt: Floats, right: npt.NDArray[np.bool_]) -> float:
    """Return the mean, over n from 1 to all turns, of the error rate of the n least doubtful turns.

    The order of turns with the same doubt does not matter: each counts as their average.

    Args:
        doubt: Shape (turns,), at least one; only the order of the values matters.
        right: Whether the most probable label of each turn is right, shape (turns,).
    """
    _, block, sizes = np.unique(doubt, return_inverse=True, return_counts=True)
    wrong = np.bincount(block, weights=~right) / sizes  # by value, in rising order of doubt
    errors = np.cumsum(np.repeat(wrong, sizes))
    return float(np.mean(errors / np.arange(1, len(errors) + 1)))
