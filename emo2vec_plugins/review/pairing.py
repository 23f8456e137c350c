"""Matching of turns in a corrected annotation with turns in the original.

No id of a turn survives all edits in all tools, so turns are matched by time. Two turns match if
their Jaccard index (intersection over union, as in diarization scoring) is at least 0.5 and
neither has a better match that is free.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from emo2vec_plugins.core import ScoredTurn, Turn

LEAST_SHARE = 0.5
"""Minimum Jaccard index of matching turns."""

SLACK = 0.01
"""Largest difference in seconds between equal times: each tool rounds differently."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A turn before and after correction. *before* is None if added, *after* is None if removed."""

    before: ScoredTurn | None
    after: ScoredTurn | None


def pair(before: Sequence[ScoredTurn], after: Sequence[ScoredTurn]) -> list[Pair]:
    """Match turns and return every turn of both once, sorted by start.

    Turns with equal times match best. Among equally good matches, the one with the same speaker
    wins, then the one with the same label, then the closer one, then the earlier one.
    """
    partner = _unchanged(before, after)
    taken = set(partner.values())
    # Greedy, best match first, instead of the best total: annotators move turns one at a time, and
    # an untouched turn must not lose its match in favour of another.
    left = [(i, scored) for i, scored in enumerate(before) if i not in partner]
    free = [(j, scored) for j, scored in enumerate(after) if j not in taken]
    for *_, i, j in sorted(_candidates(left, free), reverse=True):
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


class Timeline:
    """Turns, sorted by time, for finding those that overlap another.

    Args:
        turns: In any order.
    """

    def __init__(self, turns: Iterable[ScoredTurn]) -> None:
        self._turns = sorted(turns, key=lambda scored: scored.turn.start)
        self._starts = [scored.turn.start for scored in self._turns]
        self._longest = max((scored.turn.duration for scored in self._turns), default=0.0)

    def common(self, turn: Turn) -> Iterator[tuple[ScoredTurn, float]]:
        """Yield the turns that touch or overlap *turn*, with the number of common seconds."""
        first = bisect_left(self._starts, turn.start - self._longest)
        for scored in islice(self._turns, first, None):
            if scored.turn.start > turn.end:
                return
            seconds = min(turn.end, scored.turn.end) - max(turn.start, scored.turn.start)
            if seconds >= 0:
                yield scored, seconds

    def contains(self, scored: ScoredTurn) -> bool:
        """Return whether at least half of a turn is part of a turn of the same speaker."""
        turn = scored.turn
        return any(
            seconds > 0 and 2 * seconds >= turn.duration and other.turn.speaker == turn.speaker
            for other, seconds in self.common(turn)
        )


def same_times(one: Turn, other: Turn) -> bool:
    """Return whether two turns have the same times, apart from the rounding of tools."""
    return max(abs(one.start - other.start), abs(one.end - other.end)) <= SLACK


def _unchanged(before: Sequence[ScoredTurn], after: Sequence[ScoredTurn]) -> dict[int, int]:
    """Return the matches of turns with the same times, speaker and label.

    They are most turns, and may be thousands at the same time.
    """
    places: defaultdict[tuple[Any, ...], deque[int]] = defaultdict(deque)
    for j, scored in enumerate(after):
        places[_identity(scored)].append(j)
    found = {i: places[_identity(scored)] for i, scored in enumerate(before)}
    return {i: each.popleft() for i, each in found.items() if each}


def _identity(scored: ScoredTurn) -> tuple[Any, ...]:
    turn = scored.turn
    times = round(turn.start, 3), round(turn.end, 3)
    return *times, turn.speaker, scored.emotion.label


def _candidates(
    before: Iterable[tuple[int, ScoredTurn]], after: Iterable[tuple[int, ScoredTurn]]
) -> Iterator[tuple[float, bool, bool, float, int, int]]:
    """Yield what makes two turns a good match, the most important first, and their negative indices.

    Indices are negative so that earlier turns sort higher among equals.
    """
    order = sorted(after, key=lambda each: each[1].turn.start)
    starts = [scored.turn.start for _, scored in order]
    for i, scored in before:
        turn = scored.turn
        # At 0.5 or more, neither turn starts before the other by more than the other's duration.
        first = bisect_left(starts, turn.start - max(turn.duration, SLACK))
        for j, candidate in islice(order, first, None):
            other = candidate.turn
            if other.start > turn.end + SLACK:
                break
            common = share(turn, other)
            is_same = same_times(turn, other)
            if common >= LEAST_SHARE or is_same:
                same_speaker = turn.speaker == other.speaker
                same_label = scored.emotion.label == candidate.emotion.label
                yield 1.0 if is_same else common, same_speaker, same_label, common, -i, -j


def _start(pair: Pair) -> tuple[float, float]:
    scored = pair.before or pair.after
    return (scored.turn.start, scored.turn.end) if scored else (0.0, 0.0)
