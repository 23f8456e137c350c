"""Marks in annotation files: which turns a person reviewed, and which turns were exported.

An unchanged label in a file that an annotator saved does not show that anybody listened. So a label
is a person's only if the person changed it or marked its turn.
"""

from __future__ import annotations

import hashlib
import json

from emo2vec_plugins.core import Dialogue

YES = "yes"
"""The mark of a reviewed turn, as text."""

_MARKS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False, "": False}


def mark_of(text: str | None) -> bool | None:
    """Return whether a text marks a turn as reviewed; None if it is neither yes nor no.

    >>> mark_of(" Yes"), mark_of("no"), mark_of(None), mark_of("too loud")
    (True, False, False, None)
    """
    return _MARKS.get((text or "").strip().casefold())


def digest_of(dialogue: Dialogue) -> str:
    """Return a SHA-256 of the times, speakers and labels of the turns, in any order.

    The name of the recording, scores and differences under a millisecond do not matter.
    """
    turns = sorted(
        json.dumps(
            [
                round(scored.turn.start * 1000),
                round(scored.turn.end * 1000),
                scored.turn.speaker,
                scored.emotion.label,
            ]
        )
        for scored in dialogue.turns
    )
    return hashlib.sha256("\n".join(turns).encode()).hexdigest()
