"""Overlapping speech."""

from __future__ import annotations

import time
import tracemalloc
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emo2vec_plugins.core import overlap
from emo2vec_plugins.core.overlap import rows_without_overlap, union
from emo2vec_plugins.core.values import Turn


def overlaps(turns):
    return list(overlap.overlaps(turns))


def turns_on_a_grid():
    return st.lists(
        st.builds(
            lambda start, length, speaker, channel: Turn(
                start=start, end=start + length, speaker=speaker, channel=channel
            ),
            st.integers(-5, 20),
            st.integers(0, 8),
            st.sampled_from(["a", "b", "c", None]),
            st.sampled_from([None, 0, 1, (0, 1), (2,)]),
        ),
        max_size=8,
    )


def count_as_overlap(turn, other):
    if turn is other or None in (turn.speaker, other.speaker) or turn.speaker == other.speaker:
        return False
    sets = [
        {t.channel} if isinstance(t.channel, int) else set(t.channel or ()) for t in (turn, other)
    ]
    return None in (turn.channel, other.channel) or bool(sets[0] & sets[1])


@given(turns=turns_on_a_grid())
def test_overlaps_equal_looking_at_each_second(turns):
    for turn, spans in zip(turns, overlaps(turns), strict=True):
        if turn.speaker is None:
            assert spans is None
            continue
        expected = {
            second
            for second in range(int(turn.start), int(turn.end))
            for other in turns
            if count_as_overlap(turn, other) and other.start <= second < other.end
        }
        assert {s for start, end in spans for s in range(int(start), int(end))} == expected


@given(turns=turns_on_a_grid())
def test_spans_are_sorted_disjoint_and_within_the_turn(turns):
    for turn, spans in zip(turns, overlaps(turns), strict=True):
        edges = [edge for span in spans or () for edge in span]
        assert edges == sorted(set(edges))
        assert all(turn.start <= edge <= turn.end for edge in edges)


@given(turns=turns_on_a_grid())
def test_the_order_of_turns_does_not_matter(turns):
    assert overlaps(turns[::-1])[::-1] == overlaps(turns)


def test_two_speakers_share_the_same_span():
    first = Turn(start=0.0, end=2.0, speaker="a")
    second = Turn(start=1.5, end=3.0, speaker="b")

    assert overlaps([first, second]) == [((1.5, 2.0),), ((1.5, 2.0),)]


def test_one_speakers_turns_do_not_overlap_each_other():
    turn = Turn(start=0.0, end=2.0, speaker="a")

    assert overlaps([turn, turn]) == [(), ()]


def test_the_overlap_of_a_turn_without_a_speaker_is_unknown():
    unknown = Turn(start=0.0, end=2.0)
    known = Turn(start=0.0, end=2.0, speaker="a")

    assert overlaps([unknown, known]) == [None, ()]


@given(turns=turns_on_a_grid(), scale=st.sampled_from([1, 0.1, 1 / 3]))
def test_overlaps_equal_comparing_all_pairs(turns, scale):
    turns = [replace(turn, start=turn.start * scale, end=turn.end * scale) for turn in turns]

    assert overlaps(turns) == [
        None
        if turn.speaker is None
        else tuple(
            union(
                (max(turn.start, other.start), min(turn.end, other.end))
                for other in turns
                if count_as_overlap(turn, other)
            )
        )
        for turn in turns
    ]


@pytest.mark.parametrize(
    "turns",
    [
        [Turn(start=0.0, end=100.0 + i, speaker=f"s{i}") for i in range(20_000)],
        [Turn(start=i / 1000, end=100.0, speaker=f"s{i}", channel=i % 4) for i in range(20_000)],
        [
            *(Turn(start=0.0, end=20_000.0, speaker="a") for _ in range(2_000)),
            *(Turn(start=2.0 * i, end=2.0 * i + 1, speaker="b") for i in range(10_000)),
        ],
        [Turn(start=i, end=i + 1.5, speaker=str(i % 2)) for i in range(20_000)],
    ],
    ids=["one start", "one end", "two speakers", "neighbours"],
)
def test_memory_and_time_do_not_grow_with_the_pairs_of_turns(turns):
    tracemalloc.start()
    started = time.perf_counter()

    spans = sum(len(each) for each in overlap.overlaps(turns))

    assert spans >= 19_999
    assert time.perf_counter() - started < 60
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


@given(
    spans=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=8),
)
def test_union_keeps_every_point_and_no_other(spans):
    merged = union(spans)

    points = {p for start, end in spans for p in range(start, end)}
    assert {p for start, end in merged for p in range(start, end)} == points
    assert all(before[1] < after[0] for before, after in pairwise(merged))


@pytest.mark.parametrize("turns", [[], [Turn(start=3.0, end=3.0, speaker="a")]])
def test_nothing_overlaps_nothing(turns):
    assert overlaps(turns) == [()] * len(turns)


spans = st.lists(
    st.builds(
        lambda start, length: (start, start + length), st.integers(0, 50), st.integers(1, 20)
    ),
    max_size=30,
).map(sorted)


@given(spans=spans)
def test_nothing_in_a_row_overlaps(spans):
    rows = rows_without_overlap(spans, span=lambda each: each)

    assert spans == sorted(each for row in rows for each in row)
    for row in rows:
        assert row
        assert all(one[1] <= other[0] for one, other in pairwise(row))


@given(spans=spans)
def test_there_are_as_many_rows_as_items_that_overlap_at_one_time(spans):
    deepest = max((sum(a <= at < b for a, b in spans) for at, _ in spans), default=0)

    assert len(rows_without_overlap(spans, span=lambda each: each)) == deepest
