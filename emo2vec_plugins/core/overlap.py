"""Overlapping speech: pure arithmetic on turns."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import groupby
from operator import itemgetter
from typing import TypeVar

from emo2vec_plugins.core.session import Span
from emo2vec_plugins.core.values import Turn

T = TypeVar("T")


def overlaps(turns: Sequence[Turn]) -> Iterator[tuple[Span, ...] | None]:
    """Yield, for each turn, the spans during which another speaker speaks too.

    Spans are sorted and disjoint. Turns of the same speaker do not count as overlap, nor do turns
    without a common channel. The result is None for a turn without a speaker: its overlap is
    unknown.

    Memory grows with the number of turns, however many of them overlap.

    >>> a, b = Turn(start=0, end=2, speaker="a"), Turn(start=1, end=3, speaker="b")
    >>> list(overlaps([a, b]))
    [((1, 2),), ((1, 2),)]
    """
    known = [turn for turn in turns if turn.speaker is not None]
    by_channel: dict[int | None, list[Turn]] = defaultdict(list)
    for turn in known:
        for channel in _channels(turn):
            by_channel[channel].append(turn)
    # While a turn lasts, its own speaker speaks: another one does when two speakers do.
    found: dict[frozenset[int | None], list[Span]] = {}
    for turn in turns:
        if turn.speaker is None:
            yield None
            continue
        channels = _channels(turn)
        if channels not in found:
            if None in channels:
                audible = known
            else:
                # Turns with several of these channels come several times, which changes nothing.
                audible = [each for channel in {*channels, None} for each in by_channel[channel]]
            found[channels] = _crowded(audible)
        yield tuple(_within(found[channels], turn))


def _channels(turn: Turn) -> frozenset[int | None]:
    """Return the channels of a turn; None stands for all."""
    channels = turn.channel if isinstance(turn.channel, tuple) else (turn.channel,)
    return frozenset(channels)


def _crowded(turns: Iterable[Turn]) -> list[Span]:
    """Return the sorted, disjoint spans during which two speakers or more speak."""
    changes = [
        change
        for turn in turns
        if turn.start < turn.end
        for change in ((turn.start, 1, turn.speaker), (turn.end, -1, turn.speaker))
    ]
    changes.sort(key=itemgetter(0))
    speaking: Counter[str | None] = Counter()
    spans: list[Span] = []
    begun: float | None = None
    for time, together in groupby(changes, key=itemgetter(0)):
        for _, step, speaker in together:
            speaking[speaker] += step
            if not speaking[speaker]:
                del speaking[speaker]
        if begun is None and len(speaking) > 1:
            begun = time
        elif begun is not None and len(speaking) < 2:
            spans.append((begun, time))
            begun = None
    return spans


def _within(spans: Sequence[Span], turn: Turn) -> list[Span]:
    """Return the parts of sorted, disjoint spans that are within a turn."""
    if turn.start == turn.end:
        return []
    first = bisect_right(spans, turn.start, key=itemgetter(1))
    last = bisect_left(spans, turn.end, key=itemgetter(0))
    parts = [*spans[first:last]]
    if parts:  # only the outer two may reach beyond the turn
        parts[0] = max(parts[0][0], turn.start), parts[0][1]
        parts[-1] = parts[-1][0], min(parts[-1][1], turn.end)
    return parts


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
