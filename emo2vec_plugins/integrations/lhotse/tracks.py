"""Where the supervisions of a cut hang: on itself, or on the tracks of a mixture."""

from __future__ import annotations

from typing import Any


def tracks(cut: Any) -> list[tuple[int, float, Any]]:
    """Return the cuts that hold supervisions: (index of the track, offset in seconds, cut).

    A cut that is no mixture is its own only track. Muted tracks and padding hold nothing.
    """
    if type(cut).__name__ != "MixedCut":
        return [(0, 0.0, cut)]
    return [
        (index, track.offset, track.cut)
        for index, track in enumerate(cut.tracks)
        if not track.mute and type(track.cut).__name__ != "PaddingCut"
    ]
