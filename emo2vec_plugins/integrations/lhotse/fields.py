"""Which fields a turn gets, and the copies of cuts that carry them.

Everything goes to ``custom``, as plain JSON values and array manifests; nothing that was given
is changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emo2vec_plugins.core import Emotion, Options
from emo2vec_plugins.integrations import is_labelled, model_label
from emo2vec_plugins.integrations.lhotse.tracks import tracks

Place = tuple[int, int | None]
"""Track and index of a supervision; no index for the cut as a whole.

Never its id: ``cut.append(cut)`` repeats ids.
"""

PARTS = ("score", "scores", "flags", "reason", "overlap_ratio", "model")
ARRAYS = ("embedding", "frames", "frames_start", "frames_shift")


def label_fields(emotion: Emotion, options: Options) -> dict[str, Any]:
    """Return what is said of one turn, None where nothing can be said."""
    field = options.field
    return {
        field: emotion.label,
        f"{field}_score": emotion.score,
        f"{field}_scores": dict(emotion.scores) or None,
        f"{field}_flags": list(emotion.flags),
        f"{field}_reason": emotion.reason,
        f"{field}_overlap_ratio": emotion.overlap_ratio,
        f"{field}_model": model_label(emotion.provenance),
    }


def field_names(options: Options) -> set[str]:
    """Return every field that may be written."""
    return {options.field, *(f"{options.field}_{part}" for part in PARTS + ARRAYS)}


def is_wanted(custom: Mapping[str, Any] | None, options: Options) -> bool:
    """Return whether a turn is to be scored: it has no label yet, or lacks an array."""
    if not is_labelled(custom, options):
        return True
    have = custom or {}
    return (options.embeddings and have.get(f"{options.field}_embedding") is None) or (
        options.frames and have.get(f"{options.field}_frames") is None
    )


def kept_fields(turns: Mapping[Place, Any], options: Options) -> dict[Place, dict[str, Any]]:
    """Return the turns whose labels are kept, with the fields that they lack, saying nothing.

    With these a corpus of which people labelled a part has the same fields everywhere.
    """
    nothing = label_fields(Emotion(), options)
    return {
        place: {k: v for k, v in nothing.items() if k not in own.custom}
        for place, own in turns.items()
        if is_labelled(own.custom, options)
    }


def merged(
    custom: Mapping[str, Any] | None, fields: Mapping[str, Any], options: Options
) -> dict[str, Any]:
    """Return a copy of *custom* with new fields; a new label takes the old one's fields away."""
    stale = field_names(options) if options.field in fields else set()
    return {k: v for k, v in (custom or {}).items() if k not in stale} | dict(fields)


def places(cut: Any) -> dict[Place, Any]:
    """Return every turn of a cut with the object whose ``custom`` says what is known of it.

    A cut without supervisions is one turn; of a mixed cut the first track speaks for it.
    """
    held = tracks(cut)
    turns: dict[Place, Any] = {
        (track, index): supervision
        for track, _, holder in held
        for index, supervision in enumerate(holder.supervisions)
    }
    return turns or {(track, None): holder for track, _, holder in held[:1]}


def enriched(cut: Any, fields: Mapping[Place, Mapping[str, Any]], options: Options) -> Any:
    """Return a copy of *cut* whose turns carry *fields*."""
    if type(cut).__name__ != "MixedCut":
        return _with_fields(cut, 0, fields, options)
    held = {track for track, _ in fields}
    changed = [
        replace(track, cut=_with_fields(track.cut, index, fields, options))
        if index in held
        else track
        for index, track in enumerate(cut.tracks)
    ]
    return replace(cut, tracks=changed)


def _with_fields(
    cut: Any, track: int, fields: Mapping[Place, Mapping[str, Any]], options: Options
) -> Any:
    if (track, None) in fields:
        return replace(cut, custom=merged(cut.custom, fields[track, None], options))
    return replace(
        cut,
        supervisions=[
            replace(supervision, custom=merged(supervision.custom, fields[track, i], options))
            if (track, i) in fields
            else supervision
            for i, supervision in enumerate(cut.supervisions)
        ],
    )
