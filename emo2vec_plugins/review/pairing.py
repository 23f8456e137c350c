"""Which turn of a corrected annotation is which turn of the original.

Tools give no turn an identity that survives all they can do to it, so turns are the same where
their times are: the share that two of them have in common of all that either covers (Jaccard
index, as in diarization scoring) is at least a half, and no better partner is free.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emo2vec_plugins.core import ScoredTurn, Turn

LEAST_SHARE = 0.5
"""Turns that have less in common are different ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A turn before and after correction; None before if it was added, None after if removed."""

    before: ScoredTurn | None
    after: ScoredTurn | None


def pair(before: Sequence[ScoredTurn], after: Sequence[ScoredTurn]) -> list[Pair]:
    """Return every turn of both once, by start; those that fit best are together.

    Of equally good partners the one with the same speaker is taken, then the earlier one.
    """
    partner: dict[int, int] = {}
    taken: set[int] = set()
    # Best first, not the best sum of all: an annotator moves turns one at a time, and one that
    # was left alone must not lose its partner to make room for another.
    for _, _, i, j in sorted(_candidates(before, after), reverse=True):
        if -i not in partner and -j not in taken:
            partner[-i] = -j
            taken.add(-j)
    pairs = [
        Pair(before=turn, after=after[partner[i]] if i in partner else None)
        for i, turn in enumerate(before)
    ]
    pairs += [Pair(before=None, after=turn) for j, turn in enumerate(after) if j not in taken]
    return sorted(pairs, key=_start)


def share(one: Turn, other: Turn) -> float:
    """Return what two turns have in common, of all that either covers: 0 to 1.

    >>> share(Turn(start=0, end=2), Turn(start=1, end=3)) == 1 / 3
    True
    """
    if (one.start, one.end) == (other.start, other.end):
        return 1.0  # also of turns of no length
    common = min(one.end, other.end) - max(one.start, other.start)
    return max(0.0, common) / (max(one.end, other.end) - min(one.start, other.start))


def _candidates(
    before: Sequence[ScoredTurn], after: Sequence[ScoredTurn]
) -> Iterator[tuple[float, bool, int, int]]:
    """Yield what two turns have in common, whether the speaker is one, and their negative places.

    Negative, so that of equals the earlier ones are the greatest.
    """
    order = sorted(range(len(after)), key=lambda j: after[j].turn.start)
    starts = [after[j].turn.start for j in order]
    for i, scored in enumerate(before):
        turn = scored.turn
        # Half in common: neither starts before the other by more than the other's length.
        first = bisect_left(starts, turn.start - turn.duration)
        for j in order[first:]:
            other = after[j].turn
            if other.start > turn.end:
                break
            common = share(turn, other)
            if common >= LEAST_SHARE:
                yield common, turn.speaker == other.speaker, -i, -j


def _start(pair: Pair) -> tuple[float, float]:
    scored = pair.before or pair.after
    return (scored.turn.start, scored.turn.end) if scored else (0.0, 0.0)
