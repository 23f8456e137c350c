"""Results by group: corpus, language, sex, speaker, or any other field of a supervision."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from emo2vec_plugins.core import did_you_mean, shown
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.evaluation.matrix import Judge
from emo2vec_plugins.evaluation.predictions import Prediction, few
from emo2vec_plugins.evaluation.reliability import calibration_error
from emo2vec_plugins.evaluation.values import GroupResult
from emo2vec_plugins.integrations.lhotse import LabelledTurn

UNKNOWN = "unknown"
"""Name of the group of turns that lack the field."""

_OWN = {
    "speaker": "speaker",
    "recording": "recording_id",
    "language": "language",
    "gender": "gender",
    "sex": "gender",
}
"""Names of fields that are attributes of a supervision; all others are custom fields."""


def value_of(supervision: Any, field: str) -> str | None:
    """Return the value of a field of a Lhotse supervision as text; None if it has none.

    Args:
        supervision: The supervision.
        field: ``speaker``, ``recording``, ``language``, ``gender`` (or ``sex``), or the name of a
            custom field, such as ``corpus``.

    Raises:
        OptionsError: If the value is not text, a number or a truth value.
    """
    value = getattr(supervision, _OWN[field], None) if field in _OWN else None
    if value is None:
        value = (supervision.custom or {}).get(field)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if not isinstance(value, str | int | float):
        where = f"turn {shown(supervision.id)}, field {shown(field)}"
        raise OptionsError(f"{where}: expected text or a number to group by, got {shown(value)}")
    return str(value).strip() or None


def with_fields(
    predictions: Sequence[Prediction], turns: Sequence[LabelledTurn], fields: Sequence[str]
) -> list[Prediction]:
    """Return the predictions with these fields of their supervisions, in the same order.

    Raises:
        OptionsError: If no turn has one of the fields, or a value cannot be grouped by.
    """
    found = {name: [value_of(each.supervision, name) for each in turns] for name in fields}
    for name, values in found.items():
        if all(value is None for value in values):
            raise OptionsError(_missing(name, turns))
    return [
        replace(each, fields={name: value for name in found if (value := found[name][i])})
        for i, each in enumerate(predictions)
    ]


def by_group(turns: Sequence[Prediction], field: str, judge: Judge) -> dict[str, GroupResult]:
    """Return the results of each group, in the order of their first turns.

    Args:
        turns: The turns of all groups, also those without a prediction.
        field: What turns of one group share.
        judge: Computes the metrics; its draws are of the turns of one group.
    """
    groups: dict[str, list[Prediction]] = {}
    for each in turns:
        groups.setdefault(each.value(field) or UNKNOWN, []).append(each)
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


def _missing(field: str, turns: Sequence[LabelledTurn]) -> str:
    own = [name for name in _OWN if any(value_of(each.supervision, name) for each in turns)]
    custom = sorted({name for each in turns for name in each.supervision.custom or {}})
    known = [*own, *custom]
    found = few(known, 20) or "none"
    return (
        f"no turn has the field {shown(field)}{did_you_mean(field, known)}; fields found: {found}"
    )
