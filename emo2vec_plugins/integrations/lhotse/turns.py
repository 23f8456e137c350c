"""The turns of a cut of any kind, and copies of cuts whose turns carry new fields.

Fields go to ``custom``, as plain JSON values and array manifests. What was given is not changed:
copies of a supervision share its ``custom``, so that setting a field would change them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emo2vec_plugins.core import Options
from emo2vec_plugins.integrations import absent_fields, is_labelled, merged

Place = tuple[int, int | None]
"""Track and index of a supervision; no index for the cut as a whole.

Never its id: ``cut.append(cut)`` repeats ids.
"""


def tracks(cut: Any) -> list[tuple[int, float, Any]]:
    """Return the cuts that hold supervisions: (index of the track, offset in seconds, cut).

    A cut that is not a mixture is its own only track. Muted tracks and padding hold nothing.
    """
    if type(cut).__name__ != "MixedCut":
        return [(0, 0.0, cut)]
    return [
        (index, track.offset, track.cut)
        for index, track in enumerate(cut.tracks)
        if not track.mute and type(track.cut).__name__ != "PaddingCut"
    ]


def places(cut: Any) -> dict[Place, Any]:
    """Return every turn of a cut with the object whose ``custom`` describes it.

    A cut without supervisions is one turn; of a mixed cut the first track stands for it.
    """
    held = tracks(cut)
    # Not cut.supervisions: those of a mixture are copies, and lose their track.
    turns: dict[Place, Any] = {
        (track, index): supervision
        for track, _, holder in held
        for index, supervision in enumerate(holder.supervisions)
    }
    return turns or {(track, None): holder for track, _, holder in held[:1]}


def turn_name(cut: Any, place: Place, own: Any) -> str:
    """Return a turn's name in messages, by the ids of its cut and supervision."""
    return f"cut {cut.id}" if place[1] is None else f"cut {cut.id}, supervision {own.id}"


def kept_fields(turns: Mapping[Place, Any], options: Options) -> dict[Place, dict[str, Any]]:
    """Return the turns whose labels are kept, with the fields that they lack, without values."""
    return {
        place: absent_fields(own.custom, options)
        for place, own in turns.items()
        if is_labelled(own.custom, options)
    }


def enriched(cut: Any, fields: Mapping[Place, Mapping[str, Any]], options: Options) -> Any:
    """Return a copy of *cut* whose turns carry *fields*."""
    if type(cut).__name__ != "MixedCut":
        return _with_fields(cut, 0, fields, options)
    changed = {track for track, _ in fields}
    tracks = [
        replace(track, cut=_with_fields(track.cut, index, fields, options))
        if index in changed
        else track
        for index, track in enumerate(cut.tracks)
    ]
    return replace(cut, tracks=tracks)


def _with_fields(
    cut: Any, track: int, fields: Mapping[Place, Mapping[str, Any]], options: Options
) -> Any:
    def copied(holder: Any, index: int | None) -> Any:
        new = fields.get((track, index))
        return (
            holder if new is None else replace(holder, custom=merged(holder.custom, new, options))
        )

    own = [copied(supervision, index) for index, supervision in enumerate(cut.supervisions)]
    # Where there are none they cannot be set: a PaddingCut has no such argument.
    return replace(copied(cut, None), supervisions=own) if own else copied(cut, None)
