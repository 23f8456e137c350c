"""The fields that a plain dictionary gets: a sentence, a segment, a line of a manifest.

All values are plain JSON; nothing that was given is changed. The label decides: a record that
has one keeps it and everything beside it, unless the user asks to overwrite.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emo2vec_plugins.core import Emotion, Options, Provenance
from emo2vec_plugins.errors import OptionsError

PARTS = ("score", "scores", "flags", "overlap_ratio", "model", "reason", "embedding")
"""What stands beside the label, each under the label's own name and its."""


def with_emotion(record: Mapping[str, Any], emotion: Emotion, options: Options) -> dict[str, Any]:
    """Return a copy of *record* that says which emotion was heard.

    ``emotion`` is the label, ``emotion_score`` its probability, ``emotion_scores`` that of each
    class, ``emotion_flags`` a list, ``emotion_overlap_ratio`` the share in which somebody else
    speaks (None if nobody knows), ``emotion_model`` which model spoke; of a record that could
    not be scored the first three are None and ``emotion_reason`` says why. With
    ``options.embeddings`` there is ``emotion_embedding``, a list of floats. ``options.field``
    replaces ``emotion`` in all of these names.

    A label that is there is kept with its fields, and only a missing embedding is added. With
    ``options.overwrite``, or where there is no label, all of these fields are written anew: none
    of an earlier run's is left beside them. Keys that are there stay in their places.
    """
    embedding = _embedding_field(emotion, options)
    if is_labelled(record, options):
        return dict(record) | (embedding if lacks_embedding(record, options) else {})
    fields = _label_fields(emotion, options) | embedding
    stale = record_field_names(options) - fields.keys()
    return {name: value for name, value in record.items() if name not in stale} | fields


def is_wanted(record: Mapping[str, Any], options: Options) -> bool:
    """Return whether a record is to be scored: it has no label yet, or lacks an embedding."""
    return not is_labelled(record, options) or lacks_embedding(record, options)


def is_labelled(record: Mapping[str, Any] | None, options: Options) -> bool:
    """Return whether there is a label that is not to be replaced; a blank one is none."""
    label = (record or {}).get(options.field)
    is_blank = label is None or (isinstance(label, str) and not label.strip())
    return not (options.overwrite or is_blank)


def lacks_embedding(record: Mapping[str, Any] | None, options: Options) -> bool:
    """Return whether an embedding is asked for that is not there."""
    return options.embeddings and (record or {}).get(f"{options.field}_embedding") is None


def record_field_names(options: Options) -> set[str]:
    """Return every field that may be written."""
    return {options.field, *(f"{options.field}_{part}" for part in PARTS)}


def model_name(provenance: Provenance | None) -> str | None:
    """Return which model spoke: its name, and the start of its revision or digest."""
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
        raise OptionsError(
            f"{what} holds plain values, not arrays of frames: leave out frames=True, or score a "
            "Recording, whose Dialogue holds them"
        )


def _label_fields(emotion: Emotion, options: Options) -> dict[str, Any]:
    field = options.field
    reason = {} if emotion.reason is None else {f"{field}_reason": emotion.reason}
    return {
        field: emotion.label,
        f"{field}_score": emotion.score,
        f"{field}_scores": dict(emotion.scores) or None,
        f"{field}_flags": list(emotion.flags),
        f"{field}_overlap_ratio": emotion.overlap_ratio,
        f"{field}_model": model_name(emotion.provenance),
    } | reason


def _embedding_field(emotion: Emotion, options: Options) -> dict[str, Any]:
    if not options.embeddings or emotion.embedding is None:
        return {}
    return {f"{options.field}_embedding": emotion.embedding.astype(options.array_dtype).tolist()}
