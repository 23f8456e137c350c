"""Matching of turns in a corrected annotation with turns in the original.

No id of a turn survives all edits in all tools, so turns are matched by time. Two turns match if
their Jaccard index (intersection over union, as in diarization scoring) is at least 0.5 and
neither has a better match that is free.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emo2vec_plugins.core import ScoredTurn, Turn

LEAST_SHARE = 0.5
"""Minimum Jaccard index of matching turns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A turn before and after correction. *before* is None if added, *after* is None if removed."""

    before: ScoredTurn | None
    after: ScoredTurn | None


def pair(before: Sequence[ScoredTurn], after: Sequence[ScoredTurn]) -> list[Pair]:
    """Match turns and return every turn of both once, sorted by start.

    Among equally good matches, the one with the same speaker wins, then the earlier one.
    """
    partner: dict[int, int] = {}
    taken: set[int] = set()
    # Greedy, best match first, instead of the best total: annotators move turns one at a time, and
    # an untouched turn must not lose its match in favour of another.
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
    """Return the Jaccard index of two turns: intersection over union, 0 to 1.

    >>> share(Turn(start=0, end=2), Turn(start=1, end=3)) == 1 / 3
    True
    """
    if (one.start, one.end) == (other.start, other.end):
        return 1.0  # also for turns of duration 0
    common = min(one.end, other.end) - max(one.start, other.start)
    return max(0.0, common) / (max(one.end, other.end) - min(one.start, other.start))


def _candidates(
    before: Sequence[ScoredTurn], after: Sequence[ScoredTurn]
) -> Iterator[tuple[float, bool, int, int]]:
    """Yield the Jaccard index, whether the speakers are equal, and the negative indices of two turns.

    Indices are negative so that earlier turns sort higher among equals.
    """
    order = sorted(range(len(after)), key=lambda j: after[j].turn.start)
    starts = [after[j].turn.start for j in order]
    for i, scored in enumerate(before):
        turn = scored.turn
        # At 0.5 or more, neither turn starts before the other by more than the other's duration.
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
