"""Fields of supervisions by which turns are grouped: corpus, language, sex, speaker, or any other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from emo2vec_plugins.core import counted, did_you_mean, shown
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.evaluation.predictions import Prediction, few
from emo2vec_plugins.integrations.lhotse import LabelledTurn

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
            custom field, such as ``corpus``. The number 1 and the text ``"1"`` are one value.

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


def known_value(supervision: Any, field: str) -> str | None:
    """Return the same as `value_of`, but None for a value that nothing can be grouped by."""
    try:
        return value_of(supervision, field)
    except OptionsError:
        return None


def fields_of(
    turns: Sequence[LabelledTurn], names: Sequence[str], *, most: int | None = None
) -> list[dict[str, str]]:
    """Return the values that each turn has of these fields.

    Args:
        turns: The turns.
        names: The fields.
        most: Most values of a field; None for any number.

    Raises:
        OptionsError: If no turn has one of the fields, a value cannot be grouped by, or a field has
            too many values.
    """
    found = [
        {name: value for name in names if (value := value_of(each.supervision, name)) is not None}
        for each in turns
    ]
    for name in names:
        values = {each[name] for each in found if name in each}
        if not values:
            raise OptionsError(_missing(name, turns))
        if most is not None and len(values) > most:
            expected = (
                f"expected at most {counted(most, 'group')}, choose a field with fewer values"
            )
            raise OptionsError(f"field {shown(name)} has {len(values):,} values; {expected}")
    return found


def with_fields(
    predictions: Sequence[Prediction], fields: Sequence[Mapping[str, str]]
) -> list[Prediction]:
    """Return the predictions with these fields, in the same order."""
    return [replace(each, fields=own) for each, own in zip(predictions, fields, strict=True)]


def _missing(field: str, turns: Sequence[LabelledTurn]) -> str:
    own = [name for name in _OWN if any(known_value(each.supervision, name) for each in turns)]
    custom = sorted({name for each in turns for name in each.supervision.custom or {}})
    known = [*own, *custom]
    if field in known:
        return f"no turn has a value in the field {shown(field)}"
    found = few(known, 20) or "none"
    return (
        f"no turn has the field {shown(field)}{did_you_mean(field, known)}; fields found: {found}"
    )
