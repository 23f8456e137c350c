"""An emotion as fields of a toolkit's own record: a supervision, a sentence, a line, a row.

``emotion`` is the label, ``emotion_score`` its probability, ``emotion_scores`` that of each class,
``emotion_flags`` a list, ``emotion_reason`` why there is no label, ``emotion_overlap_ratio`` the
share in which someone else speaks, ``emotion_model`` which model it was. These are always there,
None where nothing is known: Lhotse raises at a field that was never set, and columns have one
type. ``emotion_embedding`` is added on request. ``options.field`` replaces ``emotion`` in all names.

The label decides: a record that has one keeps it and everything beside it, unless the user asks to
overwrite. All values are plain JSON, and nothing that was given is changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emo2vec_plugins.core import Emotion, Options, Provenance
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.formats import emotion_record

PARTS = ("score", "scores", "flags", "reason", "overlap_ratio")
"""What of an emotion's record stands beside the label."""

ARRAYS = ("embedding", "frames", "frames_start", "frames_shift")
"""What an earlier run may have left of arrays; only Lhotse's cuts hold frames."""


def label_fields(emotion: Emotion, options: Options) -> dict[str, Any]:
    """Return the fields of one emotion, arrays excepted; the names are always the same."""
    record = emotion_record(emotion)
    # No scores are null: an empty mapping has no type in Arrow, and reads as if there were classes.
    parts = {name: record[name] for name in PARTS} | {"scores": record["scores"] or None}
    parts["model"] = model_label(emotion.provenance)
    return {options.field: record["emotion"]} | {
        _name(part, options): parts[part] for part in parts
    }


def embedding_field(emotion: Emotion, options: Options) -> dict[str, Any]:
    """Return the embedding as a list of floats, None if there is none; nothing unless asked for."""
    if not options.embeddings:
        return {}
    vector = emotion.embedding
    values = None if vector is None else vector.astype(options.array_dtype).tolist()
    return {_name("embedding", options): values}


def field_names(options: Options) -> set[str]:
    """Return every field that any run with this prefix may write."""
    return label_fields(Emotion(), options).keys() | {_name(part, options) for part in ARRAYS}


def absent_fields(record: Mapping[str, Any] | None, options: Options) -> dict[str, Any]:
    """Return the fields that a record with a label of its own lacks, without a value.

    With these a corpus of which people labelled a part has the same fields everywhere.
    """
    nothing = label_fields(Emotion(), options)
    return {name: value for name, value in nothing.items() if name not in (record or {})}


def is_labelled(record: Mapping[str, Any] | None, options: Options) -> bool:
    """Return whether there is a label to keep; a blank one does not count."""
    label = (record or {}).get(options.field)
    is_blank = label is None or (isinstance(label, str) and not label.strip())
    return not (options.overwrite or is_blank)


def missing_arrays(record: Mapping[str, Any] | None, options: Options) -> list[str]:
    """Return which of ``embedding`` and ``frames`` are asked for and must still be added."""
    # Beside a new label, arrays of an earlier run would be those of another model.
    kept = record or {} if is_labelled(record, options) else {}
    asked = {"embedding": options.embeddings, "frames": options.frames}
    return [name for name in asked if asked[name] and kept.get(_name(name, options)) is None]


def is_wanted(record: Mapping[str, Any] | None, options: Options) -> bool:
    """Return whether a record must be scored: it has no label yet, or lacks an array."""
    return not is_labelled(record, options) or bool(missing_arrays(record, options))


def merged(
    record: Mapping[str, Any] | None, fields: Mapping[str, Any], options: Options
) -> dict[str, Any]:
    """Return a copy of *record* with new fields, in the places of old ones of the same names.

    A new label removes all fields of an earlier run: none is left beside a label it is not of.
    """
    # Names that are written anyway are not removed first: keys keep their places.
    stale = field_names(options) - fields.keys() if options.field in fields else set()
    return {k: v for k, v in (record or {}).items() if k not in stale} | dict(fields)


def with_emotion(record: Mapping[str, Any], emotion: Emotion, options: Options) -> dict[str, Any]:
    """Return a copy of *record* with the emotion's fields.

    A label that is there is kept with its fields, and only a missing embedding is added. With
    ``options.overwrite``, or where there is no label, all fields are written anew.
    """
    arrays = missing_arrays(record, options)
    fields = embedding_field(emotion, options) if "embedding" in arrays else {}
    if not is_labelled(record, options):
        fields = label_fields(emotion, options) | fields
    return merged(record, fields, options)


def model_label(provenance: Provenance | None) -> str | None:
    """Return which model it was: its name, and the start of its revision or digest."""
    if provenance is None:
        return None
    version = provenance.revision or provenance.sha256
    return f"{provenance.model}@{version[:12]}" if version else provenance.model


def refuse_frames(options: Options, what: str) -> None:
    """Refuse to keep arrays of frames where they cannot be kept.

    Raises:
        OptionsError: If frames are asked for.
    """
    if options.frames:
        raise OptionsError(f"{what} holds no frames: leave them out, or score a Recording")


def _name(part: str, options: Options) -> str:
    return f"{options.field}_{part}"
