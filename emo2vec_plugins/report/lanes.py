"""Where turns lie in a timeline: a lane for each speaker, rows in it where turns overlap."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from statistics import median

from emo2vec_plugins.core import Dialogue, ScoredTurn, rows_without_overlap
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.report.clock import step
from emo2vec_plugins.report.style import shown
from emo2vec_plugins.report.summary import by_speaker

LONGEST = 1e8
"""Seconds that can be drawn, three years: of more, times are no times of a recording."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One speaker's turns.

    Attributes:
        speaker: None for the turns of nobody known.
        rows: In order of time; in a row no two turns overlap.
    """

    speaker: str | None
    rows: tuple[tuple[ScoredTurn, ...], ...]


def lanes(turns: Iterable[ScoredTurn]) -> list[Lane]:
    """Return a lane for each speaker, in the order in which they begin to talk."""
    return [
        Lane(speaker=who, rows=tuple(rows_without_overlap(said, span=_span)))
        for who, said in by_speaker(turns).items()
    ]


def _span(scored: ScoredTurn) -> tuple[float, float]:
    return scored.turn.start, scored.turn.end


def extent(
    dialogue: Dialogue, *, start: float | None = None, end: float | None = None
) -> tuple[float, float]:
    """Return from when to when a recording is drawn: all of it, unless told.

    All of it begins at 0, or with a turn before that, and ends with the sound or the last turn.

    Raises:
        OptionsError: Unless *start* is before *end*, or if there is more than can be drawn.
    """
    turns = [each.turn for each in dialogue.turns]
    first = min([0.0, *(turn.start for turn in turns)]) if start is None else start
    last = max([dialogue.duration or 0.0, *(turn.end for turn in turns)]) if end is None else end
    if start is None and end is None and first == last:
        last = first + 1.0  # nothing to draw, but an axis needs a length
    if not -math.inf < first < last < math.inf:
        raise OptionsError(f"a picture needs start < end, got {first:g} to {last:g} seconds")
    if last - first > LONGEST:
        raise OptionsError(
            f"{dialogue.recording}: turns from {first:g} to {last:g} s are too far apart to be "
            "drawn in one: draw a part, or mend their times"
        )
    return first, last


def broken(
    turns: Iterable[ScoredTurn], start: float, end: float, *, most: int, turns_wide: float
) -> list[tuple[float, float]]:
    """Break time into lines of one length, round if there are several.

    Args:
        turns: Those that are drawn.
        start: First second.
        end: Last second; the last line may go on beyond it.
        most: Lines there may be.
        turns_wide: How many middling turns fit into a line and can still be seen.
    """
    lengths = [each.turn.duration for each in turns if each.turn.duration > 0]
    wanted = median(lengths) * turns_wide if lengths else end - start
    length = step(max(wanted, (end - start) / most), most=1)
    if length >= end - start or most == 1:
        return [(start, end)]
    count = math.ceil((end - start) / length)
    return [(start + i * length, start + (i + 1) * length) for i in range(count)]


def between(dialogue: Dialogue, start: float, end: float) -> Dialogue:
    """Return a dialogue with the turns that are heard from *start* to *end*, whole."""
    return replace(
        dialogue,
        turns=tuple(
            each
            for each in dialogue.turns
            if (each.turn.start < end and each.turn.end > start)
            or start <= each.turn.start <= each.turn.end <= end
        ),
    )


def spoken_by(dialogue: Dialogue, speakers: Collection[str]) -> Dialogue:
    """Return a dialogue with the turns of some speakers.

    Raises:
        OptionsError: If one of them says nothing.
    """
    there = {each.turn.speaker for each in dialogue.turns}
    missing = [name for name in speakers if name not in there]
    if missing:
        names = ", ".join(sorted(shown(name) for name in there)[:10])
        raise OptionsError(
            f"{dialogue.recording}: there is no speaker {missing[0]!r}, "
            f"there are {names or 'no turns'}"
        )
    turns = tuple(each for each in dialogue.turns if each.turn.speaker in speakers)
    return replace(dialogue, turns=turns)
