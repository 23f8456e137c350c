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
    """A turn before and after correction; None where there was none, or is none any more."""

    before: ScoredTurn | None
    after: ScoredTurn | None


def pair(before: Sequence[ScoredTurn], after: Sequence[ScoredTurn]) -> list[Pair]:
    """Return every turn of both once, by start; those that fit best are together.

    Of equally good partners the one with the same speaker is taken, then the earlier one.
    """
    partner = dict(_chosen(before, after))
    taken = set(partner.values())
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


def _chosen(before: Sequence[ScoredTurn], after: Sequence[ScoredTurn]) -> Iterator[tuple[int, int]]:
    """Yield the places of the turns that go together, best first, each at most once."""
    candidates = sorted(_candidates(before, after), reverse=True)
    used_before: set[int] = set()
    used_after: set[int] = set()
    for _, _, minus_i, minus_j in candidates:
        i, j = -minus_i, -minus_j
        if i not in used_before and j not in used_after:
            used_before.add(i)
            used_after.add(j)
            yield i, j


def _candidates(
    before: Sequence[ScoredTurn], after: Sequence[ScoredTurn]
) -> Iterator[tuple[float, bool, int, int]]:
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
