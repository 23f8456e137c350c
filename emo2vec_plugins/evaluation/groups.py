"""Results by group: corpus, language, sex, speaker, or any other field of a supervision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from emo2vec_plugins.evaluation.matrix import Judge
from emo2vec_plugins.evaluation.predictions import Prediction
from emo2vec_plugins.evaluation.reliability import calibration_error
from emo2vec_plugins.evaluation.values import GroupResult

NO_VALUE = "(none)"
"""Name of the group of turns that lack the field."""

MOST_GROUPS = 1000
"""Most groups of the command: each takes hundredths of a second and three lines."""

MOST_DRAWN = 100
"""Most groups with intervals: a bootstrap of each takes tenths of a second."""


def by_group(turns: Sequence[Prediction], field: str, judge: Judge) -> dict[str, GroupResult]:
    """Return the results of each group, in the order of their first turns.

    Args:
        turns: The turns of all groups, also those without a prediction.
        field: What turns of one group share.
        judge: Computes the metrics; its draws are of the turns of one group. More than `MOST_DRAWN`
            groups have no intervals.
    """
    groups: dict[str, list[Prediction]] = {}
    for each in turns:
        groups.setdefault(each.value(field) or NO_VALUE, []).append(each)
    if len(groups) > MOST_DRAWN:
        judge = replace(judge, resamples=0)
    return {name: _result(group, judge) for name, group in groups.items()}


def _result(turns: Sequence[Prediction], judge: Judge) -> GroupResult:
    ua, wa, _, _, *recalls = judge.estimates(turns)
    return GroupResult(
        turns=len(turns),
        withheld=sum(each.withheld for each in turns),
        ua=ua,
        wa=wa,
        recalls=dict(zip(judge.rows, recalls, strict=True)),
        predicted=judge.table(turns).predicted(),
        ece=calibration_error(turns),
    )
