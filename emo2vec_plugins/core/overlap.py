"""Overlapping speech: pure arithmetic on turns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from typing import TypeVar

from emo2vec_plugins.core.session import Span
from emo2vec_plugins.core.values import Turn

T = TypeVar("T")


def overlaps(turns: Sequence[Turn]) -> list[tuple[Span, ...] | None]:
    """Return, for each turn, the spans during which another speaker speaks too.

    Spans are sorted and disjoint. Turns of the same speaker do not count as overlap, nor do turns
    without a common channel. The result is None for a turn without a speaker: its overlap is
    unknown.

    >>> a, b = Turn(start=0, end=2, speaker="a"), Turn(start=1, end=3, speaker="b")
    >>> overlaps([a, b])
    [((1, 2),), ((1, 2),)]
    """
    shared: list[list[Span]] = [[] for _ in turns]
    active: list[int] = []
    for index in sorted(range(len(turns)), key=lambda i: turns[i].start):
        turn = turns[index]
        active = [other for other in active if turns[other].end > turn.start]
        for other in active:
            if _differ(turn, turns[other]):
                span = (turn.start, min(turn.end, turns[other].end))
                shared[index].append(span)
                shared[other].append(span)
        active.append(index)
    return [
        None if turn.speaker is None else tuple(union(spans))
        for turn, spans in zip(turns, shared, strict=True)
    ]


def union(spans: Iterable[Span]) -> list[Span]:
    """Merge spans that touch or overlap; drop empty spans.

    >>> union([(3, 4), (0, 1), (0.5, 2), (5, 5)])
    [(0, 2), (3, 4)]
    """
    merged: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def rows_without_overlap(items: Iterable[T], span: Callable[[T], Span]) -> list[tuple[T, ...]]:
    """Arrange items in the fewest rows without overlap within a row, filling the first row first.

    Args:
        items: Sorted by start.
        span: Returns the start and end of an item.

    >>> rows_without_overlap([(0, 2), (1, 3), (2, 4)], span=lambda each: each)
    [((0, 2), (2, 4)), ((1, 3),)]
    """
    rows: list[list[T]] = []
    # Heaps, because a recording may have thousands of overlapping turns.
    busy: list[tuple[float, int]] = []  # (end of the last item, row)
    free: list[int] = []
    for item in items:
        start, end = span(item)
        while busy and busy[0][0] <= start:
            heappush(free, heappop(busy)[1])
        row = heappop(free) if free else len(rows)
        if row == len(rows):
            rows.append([])
        rows[row].append(item)
        heappush(busy, (end, row))
    return list(map(tuple, rows))


def _differ(one: Turn, other: Turn) -> bool:
    if one.speaker is None or other.speaker is None or one.speaker == other.speaker:
        return False
    if one.channel is None or other.channel is None:
        return True
    return not _channels(one).isdisjoint(_channels(other))


def _channels(turn: Turn) -> set[int]:
    return {turn.channel} if isinstance(turn.channel, int) else set(turn.channel or ())
