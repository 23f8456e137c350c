"""Pictures of dialogues, and the arithmetic behind them."""

from __future__ import annotations

import math
import subprocess
import sys
from itertools import cycle, pairwise
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from format_parts import hard
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_parts import HARD_NAMES, TALK, meeting, named, said

from emo2vec_plugins import Dialogue, Emotion
from emo2vec_plugins.dialogue import ScoredTurn, Turn
from emo2vec_plugins.errors import LabelError, OptionsError
from emo2vec_plugins.labels import COLOURS
from emo2vec_plugins.report.clock import clock, step, ticks
from emo2vec_plugins.report.lanes import between, broken, extent, lanes, spoken_by
from emo2vec_plugins.report.looks import opacity, palette, shortened, shown
from emo2vec_plugins.report.pictures import confusion, rendered, save, timeline, trajectories
from emo2vec_plugins.report.smoothing import smoothed


def texts(figure):
    from matplotlib.text import Text

    figure.canvas.draw()
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def bars(figure):
    """Give the boxes of all bars that stand for turns, as (x0, x1, colour)."""
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import to_hex

    found = []
    for axes in figure.axes:
        for collection in axes.findobj(PolyCollection):
            for path, edge in zip(
                collection.get_paths(), cycle(collection.get_edgecolors()), strict=False
            ):
                box = path.get_extents()
                found.append((box.x0, box.x1, to_hex(edge)))
    return found


# Times


def test_times_are_read_as_on_a_clock():
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
def test_an_axis_never_has_more_times_than_it_may(length, most, start):
    marks = ticks(start, start + length, most=most)

    assert len(marks) <= most + 1
    slack = 1e-6 * length
    assert all(start - slack <= time <= start + length + slack for time, _ in marks)
    assert len({name for _, name in marks}) == len(marks)


@given(st.floats(0.001, 1e9), st.integers(1, 20))
def test_a_step_is_long_enough(seconds, most):
    assert seconds <= step(seconds, most=most) * most * (1 + 1e-9)


# Names and colours


def test_a_name_is_one_line_and_told_from_others():
    names = [shown(name) for name in (*HARD_NAMES, " a", "a\u200db", "\u202eb")]

    assert len(set(names)) == len(names)
    assert all(name.strip() and "\n" not in name for name in names)
    assert (shown("a\nb"), shown("\u202eb"), shown("مريم")) == ("a\\nb", "\\u202eb", "مريم")


def test_a_long_name_loses_its_middle():
    assert shortened("SPEAKER_00", most=10) == "SPEAKER_00"
    assert shortened("abcdefghijklm", most=9) == "abcde…klm"


def test_known_labels_come_first_and_others_have_colours_of_their_own():
    found = palette(["zeal", None, "sad", "angry", "awe", "sad"])

    assert list(found) == ["angry", "sad", "awe", "zeal"]
    assert (found["sad"], len(set(found.values()))) == (COLOURS["sad"], 4)


@pytest.mark.parametrize(
    ("score", "expected"),
    [(None, 1.0), (1.0, 1.0), (0.0, 0.35), (7.0, 1.0), (-1.0, 0.35), (math.nan, 1.0)],
)
def test_a_lower_score_is_paler(score, expected):
    assert opacity(Emotion(label="sad", score=score)) == pytest.approx(expected)


# Lanes


def test_turns_of_a_speaker_that_overlap_are_in_rows_of_their_own():
    found = lanes([said(4, 6, "B"), said(0, 3), said(2, 5), said(3, 4), said(2, 2)])

    assert [
        (lane.speaker, [[one.turn.start for one in row] for row in lane.rows]) for lane in found
    ] == [
        ("A", [[0, 3], [2, 2]]),
        ("B", [[4]]),
    ]


@given(hard)
def test_every_turn_is_in_one_row_of_its_speaker(dialogues):
    [dialogue] = dialogues
    found = lanes(dialogue.turns)

    drawn = [id(one) for lane in found for row in lane.rows for one in row]
    assert sorted(drawn) == sorted(map(id, dialogue.turns))
    for lane in found:
        for row in lane.rows:
            assert all(one.turn.speaker == lane.speaker for one in row)
            assert all(a.turn.end <= b.turn.start for a, b in pairwise(row))


def test_a_recording_is_drawn_from_0_to_the_end_of_its_sound():
    assert extent(TALK) == (0.0, 12.0)
    assert extent(Dialogue(recording="r", turns=(said(-2, 3),))) == (-2.0, 3.0)
    assert extent(Dialogue(recording="r")) == (0.0, 1.0)
    assert extent(TALK, start=3, end=7) == (3, 7)


@pytest.mark.parametrize(
    ("start", "end"), [(5, 5), (5, 2), (20, None), (math.nan, 5), (0, math.inf)]
)
def test_a_picture_needs_an_end_after_its_start(start, end):
    with pytest.raises(OptionsError, match="start < end"):
        extent(TALK, start=start, end=end)


def test_turns_that_are_years_apart_are_not_drawn_on_one_axis():
    with pytest.raises(OptionsError, match="too far apart"):
        timeline(Dialogue(recording="r", turns=(said(0, 1), said(1e300, 1e300))))


def test_turns_that_are_heard_in_a_span_are_kept_whole():
    found = between(TALK, 4.0, 9.0)

    assert [each.turn.start for each in found.turns] == [2.0, 5.0, 9.0]


def test_lines_are_broken_where_turns_would_be_too_narrow():
    turns = [said(i * 10, i * 10 + 2) for i in range(720)]

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


def test_a_speaker_who_is_not_there_is_an_error():
    assert len(spoken_by(TALK, ["B"]).turns) == 2
    with pytest.raises(OptionsError, match="no speaker 'C', there are A, B"):
        spoken_by(TALK, ["C"])


# Timelines


def test_a_timeline_has_a_bar_for_each_turn_in_its_colour():
    found = bars(timeline(TALK))

    grey, width = "#777777", 1e-9
    assert [(a, pytest.approx(b, abs=width), c) for a, b, c in found if c != "#f2f2f2"] == [
        (0.5, 3.0, COLOURS["sad"]),
        (2.0, 5.0, COLOURS["happy"]),
        (9.0, 9.0, COLOURS["angry"]),
        (5.0, 9.0, grey),
    ]


def test_a_timeline_names_speakers_times_and_emotions():
    found = texts(timeline(TALK))

    assert found.count("unscored") == 1
    assert {"A", "B", "0:00", "0:12", "angry", "happy", "sad"} <= set(found)
    assert "4 turns from 0:00 to 0:12 of talk" in found
    assert "neutral" not in found


def test_a_timeline_of_a_span_has_what_is_heard_in_it():
    figure = timeline(TALK, start=4.0, end=6.0)

    assert figure.axes[0].get_xlim() == (4.0, 6.0)
    assert [(a, b) for a, b, c in bars(figure) if c != "#f2f2f2"] == [(4.0, 5.0), (5.0, 6.0)]
    assert "2 turns from 0:04 to 0:06 of talk" in texts(figure)


def test_a_meeting_of_two_hours_is_broken_into_lines_that_lose_no_turn():
    figure = timeline(meeting())

    assert len(figure.axes) == 12
    assert [axes.get_xlim()[0] for axes in figure.axes] == [i * 600 for i in range(12)]
    starts = {round(a, 6) for a, _, c in bars(figure) if c != "#f2f2f2"}
    assert {round(each.turn.start, 6) for each in meeting().turns} <= starts
    assert max(figure.get_size_inches()) < 30


@pytest.mark.parametrize("draw", [timeline, trajectories])
def test_names_are_drawn_as_they_are(draw):
    figure = draw(named("$x$", r"\frac{", "_a_", "مريم", "a\nb"))

    found = texts(figure)
    assert {"$x$", r"\frac{", "_a_", "مريم", "a\\nb"} <= set(found)
    assert any("$r_1$\\n" in text for text in found)
    rendered(figure, suffix=".png")


def test_a_character_that_no_font_has_is_drawn_as_its_escape():
    private = "\U0010fffd"

    assert "x\\U0010fffd" in texts(timeline(named(f"x{private}")))


@settings(max_examples=15)
@given(hard)
def test_whatever_names_there_are_a_picture_is_drawn_without_a_warning(dialogues):
    [dialogue] = dialogues

    assert rendered(timeline(dialogue), suffix=".png").startswith(b"\x89PNG")


@pytest.mark.parametrize("turns", [(), (said(1, 1),), (said(1, 2, None, None),)])
def test_a_timeline_of_next_to_nothing_is_drawn(turns):
    save_nothing = rendered(timeline(Dialogue(recording="r", turns=turns)), suffix=".png")

    assert save_nothing.startswith(b"\x89PNG")


def test_hundreds_of_speakers_fit_into_a_file():
    turns = tuple(said(i, i + 2, f"S{i}") for i in range(400))

    figure = timeline(Dialogue(recording="r", turns=turns))

    assert figure.get_figheight() <= 60
    assert rendered(figure, suffix=".png").startswith(b"\x89PNG")


# Trajectories


def test_few_turns_are_drawn_one_by_one():
    figure = trajectories(TALK, labels=["happy"])

    [a, b] = figure.axes
    levels = [
        [(p[0][0], p[1][0], p[0][1]) for p in collection.get_segments()]
        for axes in (a, b)
        for collection in axes.collections
    ]
    assert levels == [[(0.5, 3.0, 0.25), (2.0, 5.0, 0.5)], [(9.0, 9.0, 0.0)]]
    assert "3 turns, 1 more without probabilities: talk" in texts(figure)


def test_many_turns_are_smoothed_and_that_is_said():
    figure = trajectories(meeting(), labels=["sad", "angry"], speaker="S1")

    [axes] = figure.axes
    assert [line.get_color() for line in axes.lines] == [COLOURS["angry"], COLOURS["sad"]]
    assert any("smoothed over 90 s" in text for text in texts(figure))
    assert not axes.collections


def test_a_panel_is_as_long_as_the_recording_whoever_speaks():
    assert trajectories(TALK, speaker="A").axes[0].get_xlim() == (0.0, 12.0)


def test_what_cannot_be_drawn_is_an_error():
    plain = Dialogue(
        recording="plain",
        turns=(ScoredTurn(turn=Turn(start=0, end=1), emotion=Emotion(label="sad", score=1.0)),),
    )
    crowd = Dialogue(recording="crowd", turns=tuple(said(i, i + 1, str(i)) for i in range(61)))

    with pytest.raises(OptionsError, match="no turn here has the probability"):
        trajectories(plain)
    with pytest.raises(
        LabelError, match="no turn has a probability of 'glad'; there are happy, sad"
    ):
        trajectories(Dialogue(recording="r", turns=(said(0, 1),)), labels=["glad"])
    with pytest.raises(LabelError, match="list of names"):
        trajectories(TALK, labels="sad")
    with pytest.raises(OptionsError, match="no speaker 'C'"):
        trajectories(TALK, speaker="C")
    with pytest.raises(OptionsError, match="smoothing is a number"):
        trajectories(TALK, smoothing=-1)
    with pytest.raises(OptionsError, match="61 speakers"):
        trajectories(crowd)


def smooth(*turns, labels=("sad", "happy"), seconds=1.0, **span):
    return smoothed(turns, labels=labels, seconds=seconds, **{"start": 0.0, "end": 10.0} | span)


def test_between_two_equal_turns_both_count_the_same():
    found = smooth(
        said(1, 3, label="sad", score=1.0), said(7, 9, label="happy", score=1.0), moments=3
    )

    assert found.times.tolist() == [0.0, 5.0, 10.0]
    assert found.probabilities[1].tolist() == pytest.approx([0.5, 0.5])
    assert found.probabilities[0].tolist() == pytest.approx([1.0, 0.0], abs=1e-6)


def test_a_turn_counts_for_as_long_as_it_lasts():
    # Under a bell much wider than both, each weighs what it is long.
    found = smooth(
        said(3, 6, label="sad", score=1.0),
        said(6, 7, label="happy", score=1.0),
        seconds=60,
        moments=1,
    )

    assert found.probabilities[0].tolist() == pytest.approx([0.75, 0.25], abs=1e-3)


def test_where_nobody_speaks_there_is_no_probability():
    found = smooth(said(0, 1), said(2, 2), said(9, 10, label=None), moments=11)

    assert np.isnan(found.probabilities).all(axis=1).tolist() == [False] * 4 + [True] * 7


def test_smoothing_is_the_same_as_by_the_definition():
    turns = meeting(turns=300, speakers=1).turns
    labels, seconds = ["sad", "happy"], 20.0
    told = [each for each in turns if each.emotion.scores]
    found = smoothed(turns, labels=labels, start=0.0, end=7200.0, seconds=seconds, moments=50)

    for time, row in zip(found.times, found.probabilities, strict=True):
        areas = [
            NormalDist(time, seconds).cdf(each.turn.end)
            - NormalDist(time, seconds).cdf(each.turn.start)
            for each in told
        ]
        for label, value in zip(labels, row, strict=True):
            scores = [each.emotion.scores.get(label, 0.0) for each in told]
            mean = sum(a * b for a, b in zip(areas, scores, strict=True)) / sum(areas)
            assert value == pytest.approx(mean, abs=1e-9)


@given(hard, st.floats(0.1, 1000))
def test_smoothed_probabilities_lie_between_those_of_the_turns(dialogues, seconds):
    [dialogue] = dialogues
    labels = sorted({label for each in dialogue.turns for label in each.emotion.scores}) or ["sad"]
    start, end = extent(dialogue)
    found = smoothed(
        dialogue.turns, labels=labels, start=start, end=end, seconds=seconds, moments=20
    )

    known = found.probabilities[~np.isnan(found.probabilities)]
    assert found.probabilities.shape == (20, len(labels))
    assert ((known >= -1e-9) & (known <= 1 + 1e-9)).all()


# Confusion


def test_pairs_of_labels_are_counted():
    pairs = [("sad", "sad"), ("sad", "awe"), ("angry", None), (None, "sad"), ("$x$", "sad")]

    figure = confusion(pairs)

    axes = figure.axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["angry", "sad", "$x$"]
    columns = [text.get_text() for text in axes.get_xticklabels()]
    assert columns == ["angry", "sad", "$x$", "awe", "unscored"]
    counts = [text.get_text().partition("\n")[0] for text in axes.texts]
    assert counts == [*"00001", *"01010", *"01000"]
    assert "$x$" in texts(figure)


def test_no_pair_with_a_true_label_is_an_error():
    with pytest.raises(OptionsError, match="found none"):
        confusion([(None, "sad")])


# Files


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_the_same_picture_is_the_same_file(tmp_path, suffix):
    first, second = tmp_path / f"a{suffix.upper()}", tmp_path / f"b{suffix}"
    save(timeline(TALK), first)
    save(timeline(TALK), second)

    content = first.read_bytes()
    assert content == second.read_bytes()
    assert content.lstrip()[:5] in (b"\x89PNG\r", b"<?xml", b"%PDF-")
    assert not any(word in content for word in (b"matplotlib.org", b"CreationDate", b"<dc:date>"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [first.name, second.name]


def test_a_picture_is_one_of_three_kinds_of_files(tmp_path):
    with pytest.raises(OptionsError, match=r"\.png, \.svg, \.pdf files, got '\.gif'"):
        save(timeline(TALK), tmp_path / "a.gif")


def test_pyplot_is_left_alone_and_so_are_its_settings():
    import matplotlib as mpl

    before = mpl.rcParams["font.family"]
    rendered(timeline(TALK), suffix=".svg")
    code = (
        "import sys; from picture_parts import TALK\n"
        "from emo2vec_plugins.report.pictures import rendered, timeline\n"
        "assert 'matplotlib' not in sys.modules\n"
        "rendered(timeline(TALK), suffix='.png')\n"
        "print('matplotlib.pyplot' in sys.modules, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True
    )

    assert (done.stdout.strip(), done.stderr) == ("False False", "")
    assert mpl.rcParams["font.family"] == before


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    from emo2vec_plugins.errors import MissingExtraError

    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(MissingExtraError, match=r"emo2vec-plugins\[pictures\]"):
        timeline(TALK)
