"""The layout of pictures: times on axes, names, lanes and lines."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.formats import hard
from support.pictures import HARD_NAMES, TALK, scored_turn

from emo2vec_plugins import Dialogue, Emotion
from emo2vec_plugins.core.labels import COLOURS
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.report.layout import between, broken, extent, packed_rows, select_speakers
from emo2vec_plugins.report.style import clock, opacity, palette, shortened, shown, step, ticks
from emo2vec_plugins.report.timelines import timeline


def test_times_are_written_as_on_a_clock():
    assert [clock(0), clock(59.5), clock(3599.4), clock(61.25, digits=2)] == [
        "0:00",
        "1:00",
        "59:59",
        "1:01.25",
    ]
    assert [clock(3661, hours=True), clock(-5), clock(-0.01)] == ["1:01:01", "-0:05", "0:00"]


def test_an_axis_has_round_times_in_one_form():
    assert ticks(0, 30, most=6) == [
        (0, "0:00"),
        (5, "0:05"),
        (10, "0:10"),
        (15, "0:15"),
        (20, "0:20"),
        (25, "0:25"),
        (30, "0:30"),
    ]
    assert [name for _, name in ticks(3000, 4000, most=4)] == [
        "0:50:00",
        "0:55:00",
        "1:00:00",
        "1:05:00",
    ]
    assert [name for _, name in ticks(-0.1, 0.1, most=4)] == [
        "-0:00.10",
        "-0:00.05",
        "0:00.00",
        "0:00.05",
        "0:00.10",
    ]


@given(st.floats(0.01, 1e8), st.integers(2, 12), st.floats(-1e4, 1e4))
def test_an_axis_respects_the_maximum_number_of_times(length, most, start):
    marks = ticks(start, start + length, most=most)

    assert len(marks) <= most + 1
    slack = 1e-6 * length
    assert all(start - slack <= time <= start + length + slack for time, _ in marks)
    assert len({name for _, name in marks}) == len(marks)


@given(st.floats(0.001, 1e9), st.integers(1, 20))
def test_a_step_is_long_enough(seconds, most):
    assert seconds <= step(seconds, most=most) * most * (1 + 1e-9)


def test_a_name_is_one_line_and_distinct():
    names = [shown(name) for name in (*HARD_NAMES, " a", "a\u200db", "\u202eb")]

    assert len(set(names)) == len(names)
    assert all(name.strip() and "\n" not in name for name in names)
    assert (shown("a\nb"), shown("\u202eb"), shown("مريم")) == ("a\\nb", "\\u202eb", "مريم")


def test_a_long_name_loses_its_middle():
    assert shortened("SPEAKER_00", most=10) == "SPEAKER_00"
    assert shortened("abcdefghijklm", most=9) == "abcde…klm"


def test_known_labels_come_first_and_others_have_other_colours():
    found = palette(["zeal", None, "sad", "angry", "awe", "sad"])

    assert list(found) == ["angry", "sad", "awe", "zeal"]
    assert (found["sad"], len(set(found.values()))) == (COLOURS["sad"], 4)


@pytest.mark.parametrize(
    ("score", "expected"),
    [(None, 1.0), (1.0, 1.0), (0.0, 0.35), (7.0, 1.0), (-1.0, 0.35), (math.nan, 1.0)],
)
def test_a_lower_score_is_paler(score, expected):
    assert opacity(Emotion(label="sad", score=score)) == pytest.approx(expected)


def test_overlapping_turns_of_a_speaker_are_in_separate_rows():
    found = packed_rows(
        [
            scored_turn(4, 6, "B"),
            scored_turn(0, 3),
            scored_turn(2, 5),
            scored_turn(3, 4),
            scored_turn(2, 2),
        ]
    )

    assert [
        (speaker, [[one.turn.start for one in row] for row in rows])
        for speaker, rows in found.items()
    ] == [
        ("A", [[0, 3], [2, 2]]),
        ("B", [[4]]),
    ]


@given(hard)
def test_every_turn_is_in_one_row_of_its_speaker(dialogues):
    [dialogue] = dialogues
    found = packed_rows(dialogue.turns)

    drawn = [id(one) for rows in found.values() for row in rows for one in row]
    assert sorted(drawn) == sorted(map(id, dialogue.turns))
    for speaker, rows in found.items():
        for row in rows:
            assert all(one.turn.speaker == speaker for one in row)
            assert all(a.turn.end <= b.turn.start for a, b in pairwise(row))


def test_a_recording_is_drawn_from_0_to_the_end_of_its_audio():
    assert extent(TALK) == (0.0, 12.0)
    assert extent(Dialogue(recording="r", turns=(scored_turn(-2, 3),))) == (-2.0, 3.0)
    assert extent(Dialogue(recording="r")) == (0.0, 1.0)
    assert extent(TALK, start=3, end=7) == (3, 7)


@pytest.mark.parametrize(
    ("start", "end"), [(5, 5), (5, 2), (20, None), (math.nan, 5), (0, math.inf)]
)
def test_a_picture_needs_an_end_after_its_start(start, end):
    with pytest.raises(OptionsError, match="expected start < end"):
        extent(TALK, start=start, end=end)


def test_turns_that_are_years_apart_cannot_be_drawn():
    with pytest.raises(OptionsError, match=r"r: .*0 to 1e\+300"):
        timeline(Dialogue(recording="r", turns=(scored_turn(0, 1), scored_turn(1e300, 1e300))))


def test_turns_that_overlap_a_span_are_kept_whole():
    found = between(TALK, 4.0, 9.0)

    assert [each.turn.start for each in found.turns] == [2.0, 5.0, 9.0]


def test_lines_are_broken_where_turns_would_be_too_narrow():
    turns = [scored_turn(i * 10, i * 10 + 2) for i in range(720)]

    assert broken(turns, 0, 30, most=12, turns_wide=137) == [(0, 30)]
    assert broken(turns, 0, 7200, most=12, turns_wide=137) == [
        (i * 600, i * 600 + 600) for i in range(12)
    ]
    assert broken(turns, 0, 1000, most=12, turns_wide=137) == [
        (0, 300),
        (300, 600),
        (600, 900),
        (900, 1200),
    ]
    assert broken([], 0, 7200, most=12, turns_wide=137) == [(0, 7200)]


def test_an_unknown_speaker_is_an_error():
    assert len(select_speakers(TALK, ["B"]).turns) == 2
    with pytest.raises(OptionsError, match=r"'C'.*A, B"):
        select_speakers(TALK, ["C"])
