"""Who speaks at the same time as whom: pure arithmetic on turns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from emo2vec_plugins.core.session import Span
from emo2vec_plugins.core.values import Turn


def overlaps(turns: Sequence[Turn]) -> list[tuple[Span, ...] | None]:
    """Return, for each turn, the spans of it in which another speaker is heard too.

    Spans are sorted and disjoint. Turns of one speaker do not overlap each other, nor do turns
    on channels that have none in common. A turn without a speaker has None: nobody knows.

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
    """Merge spans that touch or overlap; drop those without length.

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


def _differ(one: Turn, other: Turn) -> bool:
    if one.speaker is None or other.speaker is None or one.speaker == other.speaker:
        return False
    if one.channel is None or other.channel is None:
        return True
    return not _channels(one).isdisjoint(_channels(other))


def _channels(turn: Turn) -> set[int]:
    return {turn.channel} if isinstance(turn.channel, int) else set(turn.channel or ())
