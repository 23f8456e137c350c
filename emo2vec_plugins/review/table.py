"""What people changed, as a table for a spreadsheet or a script."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

from emo2vec_plugins.core import ScoredTurn
from emo2vec_plugins.review.comparison import Change

COLUMNS = ("start", "end", "speaker", "emotion", "score")


def as_csv(changes: Iterable[Change]) -> str:
    """Return one row a turn, before and after; columns of a turn that is not there are empty.

    The column ``change`` names what was done, several things joined by ``+``, and is empty where
    nothing was.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    head = [f"{column}_{when}" for when in ("before", "after") for column in COLUMNS]
    writer.writerow(["recording", "change", *head])
    for change in changes:
        cells = [*_cells(change.pair.before), *_cells(change.pair.after)]
        writer.writerow([change.recording, "+".join(change.kinds), *cells])
    return stream.getvalue()


def _cells(scored: ScoredTurn | None) -> list[Any]:
    if scored is None:
        return [None] * len(COLUMNS)
    turn, emotion = scored.turn, scored.emotion
    return [turn.start, turn.end, turn.speaker, emotion.label, emotion.score]
