"""Emotion fields of a record: a supervision, a sentence, a line of a manifest, a row.

- ``emotion``: the label
- ``emotion_score``: probability of the label
- ``emotion_scores``: probability of each class
- ``emotion_flags``: a list
- ``emotion_reason``: why there is no label
- ``emotion_overlap_ratio``: share of the turn with other speakers
- ``emotion_doubt``: estimated probability that the most probable class is wrong
- ``emotion_model``: the model
- ``emotion_embedding``: on request only

All fields but the embedding are always set, to None if unknown: Lhotse raises for fields that were
never set, and a column needs one type. ``options.field`` replaces ``emotion`` in all names.

A record with a label, or with one that was withheld, keeps all its fields, unless
``options.overwrite`` is set. `is_label` decides what is a label, and `is_by_model` whose it is, for all
hosts. Values are plain JSON. Inputs are never
changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

from emo2vec_plugins.core import PLACEHOLDERS, Emotion, Options, Provenance, is_withheld
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.formats import emotion_record

PARTS = ("score", "scores", "flags", "reason", "overlap_ratio", "doubt")
"""Parts of an emotion's record that get a field, besides the label."""

ARRAYS = ("embedding", "frames", "frames_start", "frames_shift")
"""Parts with arrays that an earlier run may have written; only Lhotse cuts have frames."""

NOTES = ("source", "before")
"""Parts that describe a label of other origin: whose it is, and which label a person replaced."""

REVIEW, PSEUDO = "review", "pseudo"
"""Values of ``FIELD_source``: a person gave or confirmed the label, or a model chose it for training."""

NO_LABELS = frozenset({"nan", "nat", "<na>", "undefined", "emo_unknown"}) | PLACEHOLDERS
"""Texts that toolkits write where there is no label; in tags such as ``<|emo:undefined|>``, too."""


def label_fields(emotion: Emotion, options: Options) -> dict[str, Any]:
    """Return the fields of one emotion, without arrays. The names are always the same."""
    record = emotion_record(emotion)
    # None instead of an empty mapping, which has no type in Arrow and suggests known classes.
    parts = {name: record.get(name) for name in PARTS} | {"scores": record["scores"] or None}
    parts["model"] = model_label(emotion.provenance)
    return {options.field: record["emotion"]} | {
        _name(part, options): parts[part] for part in parts
    }


def embedding_field(emotion: Emotion, options: Options) -> dict[str, Any]:
    """Return the field of the embedding: a list of floats, or None if the emotion has none.

    The result is empty unless ``options.embeddings`` is set.
    """
    if not options.embeddings:
        return {}
    vector = emotion.embedding
    values = None if vector is None else vector.astype(options.array_dtype).tolist()
    return {_name("embedding", options): values}


def field_names(options: Options) -> set[str]:
    """Return all field names that a run with this prefix may write."""
    return label_fields(Emotion(), options).keys() | {_name(part, options) for part in ARRAYS}


def absent_fields(record: Mapping[str, Any] | None, options: Options) -> dict[str, Any]:
    """Return empty values for the emotion fields that *record* lacks.

    They give all records the same fields in a corpus that is partly labelled by people.
    """
    nothing = label_fields(Emotion(), options)
    return {name: value for name, value in nothing.items() if name not in (record or {})}


def is_label(value: Any) -> bool:
    """Return whether a field's value is a label, and not one of the many ways to say "none".

    None, NaN, NaT, pandas' NA, False, 0, -1, empty values, blanks and `NO_LABELS` are no labels.

    >>> [is_label(value) for value in ("sad", " ", float("nan"), 0, "<|emo:undefined|>")]
    [True, False, False, False, False]
    """
    if isinstance(value, str):
        text = value.strip().casefold()
        if text.startswith("<|") and text.endswith("|>"):
            text = text.strip("<|>").removeprefix("emo:").strip()
        return text not in NO_LABELS and text != ""
    if isinstance(value, Real):
        number: Any = value  # the type Real has no comparison with numbers
        return bool(number > 0)
    try:
        # NaN and NaT are the only values that do not equal themselves.
        return bool(value == value) and bool(value)
    except TypeError:  # pandas.NA is neither true nor false
        return False
    except ValueError:  # an array, which is somebody's data
        return True


def is_by_model(record: Mapping[str, Any] | None, field: str) -> bool:
    """Return whether a model gave the label of *record*, so that it says nothing about people.

    ``FIELD_source`` says so for pseudo-labels. Otherwise, the label is a model's if ``FIELD_model``
    names one and the label is the one that it gave: people also edit labels and leave the rest. A
    label that the model withheld was given by people.
    """
    values = record or {}
    source = values.get(f"{field}_source")
    if source in (REVIEW, PSEUDO):
        return bool(source == PSEUDO)
    scores = values.get(f"{field}_scores")
    if not is_label(values.get(field)) or not is_label(values.get(f"{field}_model")):
        return False
    if is_withheld(values.get(f"{field}_reason")):
        return False
    known = isinstance(scores, Mapping) and all(isinstance(x, Real) for x in scores.values())
    return not (known and scores) or bool(values[field] == max(scores, key=scores.__getitem__))


def is_labelled(record: Mapping[str, Any] | None, options: Options) -> bool:
    """Return whether *record* has a label to keep; see `is_label`."""
    return not options.overwrite and is_label((record or {}).get(options.field))


def is_done(record: Mapping[str, Any] | None, options: Options) -> bool:
    """Return whether *record* has a result to keep: a label, or one that was withheld."""
    reason = (record or {}).get(f"{options.field}_reason")
    return is_labelled(record, options) or (is_withheld(reason) and not options.overwrite)


def missing_arrays(record: Mapping[str, Any] | None, options: Options) -> list[str]:
    """Return which of ``embedding`` and ``frames`` are requested but missing."""
    # A new label replaces the arrays of an earlier run: they may be from another model.
    kept = record or {} if is_done(record, options) else {}
    asked = {"embedding": options.embeddings, "frames": options.frames}
    return [name for name in asked if asked[name] and kept.get(_name(name, options)) is None]


def is_wanted(record: Mapping[str, Any] | None, options: Options) -> bool:
    """Return whether *record* must be scored: it has no result or lacks a requested array."""
    return not is_done(record, options) or bool(missing_arrays(record, options))


def merged(
    record: Mapping[str, Any] | None, fields: Mapping[str, Any], options: Options
) -> dict[str, Any]:
    """Return a copy of *record* with new fields. Fields of the same name keep their position.

    If *fields* has a label, all other fields of an earlier run are removed: they describe
    another label.
    """
    # Fields that are written again are not removed first, so that they keep their position.
    old = field_names(options) | {_name(part, options) for part in NOTES}
    stale = old - fields.keys() if options.field in fields else set()
    return {k: v for k, v in (record or {}).items() if k not in stale} | dict(fields)


def with_emotion(record: Mapping[str, Any], emotion: Emotion, options: Options) -> dict[str, Any]:
    """Return a copy of *record* with the fields of *emotion*.

    An existing label, or a withheld one, is kept with its fields, and only a missing embedding is
    added. Without it, or with ``options.overwrite``, all fields are replaced.
    """
    arrays = missing_arrays(record, options)
    fields = embedding_field(emotion, options) if "embedding" in arrays else {}
    if not is_done(record, options):
        fields = label_fields(emotion, options) | fields
    return merged(record, fields, options)


def model_label(provenance: Provenance | None) -> str | None:
    """Return ``NAME@VERSION`` of a model; the version is the start of its revision or digest."""
    if provenance is None:
        return None
    version = provenance.revision or provenance.sha256
    return f"{provenance.model}@{version[:12]}" if version else provenance.model


def check_no_frames(options: Options, what: str) -> None:
    """Check that no frames are requested for *what*, which cannot store them.

    Raises:
        OptionsError: If the options request frames.
    """
    if options.frames:
        raise OptionsError(f"{what} cannot store frames: omit frames=True or score a Recording")


def _name(part: str, options: Options) -> str:
    return f"{options.field}_{part}"
