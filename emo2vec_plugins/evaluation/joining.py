"""Predictions in a separate file, joined with the true labels by turn id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from emo2vec_plugins.core import shown
from emo2vec_plugins.errors import FormatError, naming, warn
from emo2vec_plugins.evaluation.predictions import Prediction, few
from emo2vec_plugins.evaluation.reading import AS_NAMED, predictions_of
from emo2vec_plugins.files import from_json, lines_of
from emo2vec_plugins.formats import LabelMap
from emo2vec_plugins.integrations.lhotse import LabelledTurn, as_cut

_PLAIN = "label"


def joined(
    turns: Sequence[LabelledTurn],
    path: Path,
    *,
    field: str = "emotion",
    label_map: LabelMap = AS_NAMED,
    truth_field: str = "emotion",
    source: str = "the cuts",
) -> list[Prediction]:
    """Return the predictions in a file for *turns*, in the order of *turns*.

    Args:
        turns: The result of `Truth.turns`.
        path: A ``.jsonl`` or ``.jsonl.gz`` of cuts or supervisions with *field*, or of plain
            objects ``{"id": ..., "label": ..., "scores": {...}}``. FunASR results (``key``, and
            lists of ``scores`` and ``labels``) and lines of ``emo2vec score`` (``recording`` and
            ``emotion``) are plain objects as well. Plain objects may have ``reason`` and ``doubt``. Lines for other turns are ignored.
        field: Custom field of cuts and supervisions with the predicted label.
        label_map: Maps predicted names to labels.
        truth_field: The field that the true labels were read from. If the predictions equal
            its values, a warning says so.
        source: Where *turns* come from, for messages.

    Raises:
        FormatError: If a line is malformed, an id occurs twice on either side, or a turn has no
            line.
        LabelError: If a label is unknown.
        OptionsError: If no turn's line has *field*.
    """
    # By id, never by order: other tools sort, drop and add lines.
    ids = [str(each.supervision.id) for each in turns]
    _refuse_repeats(source, ids)
    found = list(_predictions(path, field))
    _refuse_repeats(str(path), [name for name, _ in found])
    values = dict(found)
    missing = [name for name in ids if name not in values]
    if missing:
        raise FormatError(
            f"{path}: no line for {len(missing)} of {len(turns)} turns in {source}: {few(missing)}; ids in the "
            f"file: {few(list(values))}. A turn that was not scored needs a line with a null label"
        )
    own = [values[name] for name in ids]
    true = [(each.supervision.custom or {}).get(truth_field) for each in turns]
    if [each.get(field) for each in own] == true:
        advice = "to use another field, pass --predicted-field"
        warn(
            f"{path}: predictions in field {shown(field)} are identical to the true labels; {advice}"
        )
    with naming(path):
        return predictions_of(turns, own, field, label_map=label_map)


def _predictions(path: Path, field: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each id with its values, keyed as in the custom fields of cuts."""
    for number, line in lines_of(path):
        where = f"{path}: line {number}"
        try:
            document = from_json(line.decode(), where=where)
        except UnicodeDecodeError as error:
            raise FormatError(f"{where}: expected text in UTF-8: {error.reason}") from error
        if not isinstance(document, dict):
            raise FormatError(f"{where}: expected an object, got {type(document).__name__}")
        if "supervisions" in document or "tracks" in document:
            for supervision in as_cut(document, where).supervisions:
                yield str(supervision.id), supervision.custom or {}
        elif "recording_id" in document and "id" in document:  # a supervision
            yield str(document["id"]), _fields(document.get("custom"), where)
        else:
            yield _plain(document, field, where)


def _plain(document: Mapping[str, Any], field: str, where: str) -> tuple[str, dict[str, Any]]:
    # Key names of plain lines, of FunASR, and of emotions.jsonl, where a recording is one turn.
    name = document.get("id", document.get("key", document.get("recording")))
    if not isinstance(name, str) or not {_PLAIN, "emotion", "scores"} & document.keys():
        expected = 'a cut, a supervision, or {"id": ..., "label": ..., "scores": {...}}'
        raise FormatError(f"{where}: expected {expected}, got keys {shown(list(document))}")
    scores, labels = document.get("scores"), document.get("labels")
    if isinstance(scores, list) and isinstance(labels, list):
        if len(scores) != len(labels) or not all(isinstance(each, str) for each in labels):
            expected = "expected one score per label, and labels that are strings"
            raise FormatError(f"{where}: {expected}, got {shown(scores)} and {shown(labels)}")
        scores = dict(zip(labels, scores, strict=True))
    return name, {
        field: document.get(_PLAIN, document.get("emotion")),
        f"{field}_scores": scores or None,
        f"{field}_reason": document.get("reason"),
        f"{field}_doubt": document.get("doubt"),
    }


def _fields(custom: Any, where: str) -> Mapping[str, Any]:
    if custom is not None and not isinstance(custom, dict):
        raise FormatError(f"{where}: expected an object of custom fields, got {shown(custom)}")
    return custom or {}


def _refuse_repeats(what: str, names: Sequence[str]) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise FormatError(
            f"{what}: expected unique ids, got {len(repeated)} duplicated: {few(repeated)}"
        )
