"""Predictions in a file of their own, joined with the truth by the id of the turn."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lhotse.cut.set import deserialize_cut

from emo2vec_plugins.core import LabelMap
from emo2vec_plugins.errors import FormatError, warn
from emo2vec_plugins.evaluation.predictions import Prediction, few
from emo2vec_plugins.evaluation.reading import AS_NAMED, predictions_of
from emo2vec_plugins.integrations.lhotse import LabelledTurn, lines_of

_PLAIN = "label"


def joined(
    turns: Sequence[LabelledTurn],
    path: Path,
    *,
    field: str = "emotion",
    label_map: LabelMap = AS_NAMED,
    truth_field: str = "emotion",
) -> list[Prediction]:
    """Return the predictions that a file has of the turns, in the order of the turns.

    Args:
        turns: As `Truth.turns` gives them.
        path: A ``.jsonl`` or ``.jsonl.gz`` of cuts or supervisions with *field*, or of plain
            objects ``{"id": ..., "label": ..., "scores": {...}}``. Results of FunASR are such
            lines with a ``key`` and lists of ``scores`` and ``labels``; those of ``emo2vec score``
            have a ``recording`` and an ``emotion``. There may be more than there are turns.
        field: Of cuts and supervisions.
        label_map: What predicted names mean.
        truth_field: That the true labels of *turns* were read from; a warning says so if
            the predictions are identical to these.

    Raises:
        FormatError: If a line is of another kind, an id occurs twice, on either side, or a turn
            has no line.
        LabelError: If a label is not known.
        OptionsError: If no turn has *field* in the file.
    """
    # By id, never by order: other tools sort, drop and add lines.
    _refuse_repeats("the labelled turns", [each.supervision.id for each in turns])
    found = list(_predictions(path, field))
    _refuse_repeats(str(path), [name for name, _ in found])
    values = dict(found)
    missing = [each.supervision.id for each in turns if each.supervision.id not in values]
    if missing:
        raise FormatError(
            f"{path}: says nothing of {len(missing)} of {len(turns)} turns: {few(missing)}; its "
            f"own ids are {few(list(values))}. A turn that was not scored must have a null label"
        )
    own = [values[each.supervision.id] for each in turns]
    true = [(each.supervision.custom or {}).get(truth_field) for each in turns]
    if [each.get(field) for each in own] == true:
        asked = "are they meant as predictions? --predicted-field names another"
        warn(f"{path}: field {field!r} has, word for word, the true labels; {asked}")
    return predictions_of(turns, own, field, label_map=label_map)


def _predictions(path: Path, field: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each id with its values, under the names that cuts have them."""
    for number, line in lines_of(path):
        where = f"{path}, line {number}"
        try:
            document = json.loads(line)
        except ValueError as error:
            raise FormatError(f"{where}: not JSON: {error}") from error
        if not isinstance(document, dict):
            raise FormatError(f"{where}: an object was expected, got {type(document).__name__}")
        if "supervisions" in document or "tracks" in document:
            for supervision in _cut(document, where).supervisions:
                yield supervision.id, supervision.custom or {}
        elif "recording_id" in document and "id" in document:  # a supervision
            yield str(document["id"]), document.get("custom") or {}
        else:
            yield _plain(document, field, where)


def _cut(document: dict[str, Any], where: str) -> Any:
    try:
        return deserialize_cut(document)
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{where}: not a cut ({type(error).__name__}: {error})") from error


def _plain(document: Mapping[str, Any], field: str, where: str) -> tuple[str, dict[str, Any]]:
    # The spellings of plain lines, of FunASR, and of emotions.jsonl, whose recording is the turn.
    name = document.get("id", document.get("key", document.get("recording")))
    if not isinstance(name, str) or not {_PLAIN, "emotion", "scores"} & document.keys():
        expected = 'a cut, a supervision, or {"id": ..., "label": ..., "scores": {...}}'
        raise FormatError(f"{where}: expected {expected}, found the keys {', '.join(document)}")
    scores, labels = document.get("scores"), document.get("labels")
    if isinstance(scores, list) and isinstance(labels, list):
        if len(scores) != len(labels):
            raise FormatError(f"{where}: {len(labels)} labels, but {len(scores)} scores")
        scores = dict(zip(labels, scores, strict=True))
    return name, {
        field: document.get(_PLAIN, document.get("emotion")),
        f"{field}_scores": scores or None,
        f"{field}_reason": document.get("reason"),
    }


def _refuse_repeats(what: str, names: Sequence[str]) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        several = f"{len(repeated)} ids are there more than once, and cannot be joined by"
        raise FormatError(f"{what}: {several}: {few(repeated)}")
