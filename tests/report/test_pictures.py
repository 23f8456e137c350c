"""Pictures of dialogues, and the arithmetic behind them."""

from __future__ import annotations

import subprocess
import sys
from itertools import cycle
from pathlib import Path

import pytest
from hypothesis import given, settings
from support.formats import hard
from support.paths import names_in
from support.pictures import TALK, meeting, named, scored_turn

from emo2vec_plugins import Dialogue, Emotion
from emo2vec_plugins.core.labels import COLOURS
from emo2vec_plugins.core.values import ScoredTurn, Turn
from emo2vec_plugins.errors import LabelError, OptionsError
from emo2vec_plugins.report.confusions import confusion
from emo2vec_plugins.report.figures import rendered, save
from emo2vec_plugins.report.timelines import timeline
from emo2vec_plugins.report.trajectories import trajectories


def texts(figure):
    from matplotlib.text import Text

    figure.canvas.draw()
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def bars(figure):
    """Return the boxes of all bars as (x0, x1, colour)."""
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


def test_a_timeline_of_a_span_has_the_turns_in_it():
    figure = timeline(TALK, start=4.0, end=6.0)

    assert figure.axes[0].get_xlim() == (4.0, 6.0)
    assert [(a, b) for a, b, c in bars(figure) if c != "#f2f2f2"] == [(4.0, 5.0), (5.0, 6.0)]
    assert "2 turns from 0:04 to 0:06 of talk" in texts(figure)


def test_a_meeting_of_two_hours_is_drawn_on_several_lines():
    figure = timeline(meeting())

    assert len(figure.axes) == 12
    assert [axes.get_xlim()[0] for axes in figure.axes] == [i * 600 for i in range(12)]
    starts = {round(a, 6) for a, _, c in bars(figure) if c != "#f2f2f2"}
    assert {round(each.turn.start, 6) for each in meeting().turns} <= starts
    assert max(figure.get_size_inches()) < 30


@pytest.mark.parametrize("draw", [timeline, trajectories])
def test_names_are_drawn_literally(draw):
    figure = draw(named("$x$", r"\frac{", "_a_", "مريم", "a\nb"))

    found = texts(figure)
    assert {"$x$", r"\frac{", "_a_", "مريم", "a\\nb"} <= set(found)
    assert any("$r_1$\\n" in text for text in found)
    rendered(figure, suffix=".png")


def test_a_character_that_no_font_has_is_drawn_as_its_escape():
    private = "\U0010fffd"

    assert "x\\U0010fffd" in texts(timeline(named(f"x{private}")))


@pytest.mark.slow
@settings(max_examples=15)
@given(hard)
def test_any_names_are_drawn_without_a_warning(dialogues):
    [dialogue] = dialogues

    assert rendered(timeline(dialogue), suffix=".png").startswith(b"\x89PNG")


@pytest.mark.parametrize("turns", [(), (scored_turn(1, 1),), (scored_turn(1, 2, None, None),)])
def test_an_almost_empty_timeline_is_drawn(turns):
    save_nothing = rendered(timeline(Dialogue(recording="r", turns=turns)), suffix=".png")

    assert save_nothing.startswith(b"\x89PNG")


def test_hundreds_of_speakers_fit_into_a_file():
    turns = tuple(scored_turn(i, i + 2, f"S{i}") for i in range(400))

    figure = timeline(Dialogue(recording="r", turns=turns))

    assert figure.get_figheight() <= 60
    assert rendered(figure, suffix=".png").startswith(b"\x89PNG")


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


def test_many_turns_are_smoothed_as_the_heading_states():
    figure = trajectories(meeting(), labels=["sad", "angry"], speaker="S1")

    [axes] = figure.axes
    assert [line.get_color() for line in axes.lines] == [COLOURS["angry"], COLOURS["sad"]]
    assert any("smoothed over 90 s" in text for text in texts(figure))
    assert not axes.collections


def test_every_panel_covers_the_recording():
    assert trajectories(TALK, speaker="A").axes[0].get_xlim() == (0.0, 12.0)


def test_invalid_requests_are_an_error():
    plain = Dialogue(
        recording="plain",
        turns=(ScoredTurn(turn=Turn(start=0, end=1), emotion=Emotion(label="sad", score=1.0)),),
    )
    crowd = Dialogue(
        recording="crowd", turns=tuple(scored_turn(i, i + 1, str(i)) for i in range(61))
    )

    with pytest.raises(OptionsError, match=r"plain: .*emotions\.jsonl"):
        trajectories(plain)
    with pytest.raises(LabelError, match=r"'glad'.*happy, sad"):
        trajectories(Dialogue(recording="r", turns=(scored_turn(0, 1),)), labels=["glad"])
    with pytest.raises(LabelError, match=r"list.*'sad'"):
        trajectories(TALK, labels="sad")
    with pytest.raises(OptionsError, match=r"'C'.*A, B"):
        trajectories(TALK, speaker="C")
    with pytest.raises(OptionsError, match=r"smoothing.*-1"):
        trajectories(TALK, smoothing=-1)
    with pytest.raises(OptionsError, match=r"crowd: .*60 speakers.*61"):
        trajectories(crowd)


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


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_the_same_picture_is_the_same_file(tmp_path, suffix):
    first, second = tmp_path / f"a{suffix.upper()}", tmp_path / f"b{suffix}"
    save(timeline(TALK), first)
    save(timeline(TALK), second)

    content = first.read_bytes()
    assert content == second.read_bytes()
    assert content.lstrip()[:5] in (b"\x89PNG\r", b"<?xml", b"%PDF-")
    assert not any(word in content for word in (b"matplotlib.org", b"CreationDate", b"<dc:date>"))
    assert names_in(tmp_path) == [first.name, second.name]


def test_a_picture_has_one_of_three_suffixes(tmp_path):
    with pytest.raises(OptionsError, match=r"\.png, \.svg, \.pdf.*'\.gif'"):
        save(timeline(TALK), tmp_path / "a.gif")


def test_pyplot_and_its_settings_are_unchanged():
    import matplotlib as mpl

    before = mpl.rcParams["font.family"]
    rendered(timeline(TALK), suffix=".svg")
    code = (
        "import sys; from support.pictures import TALK\n"
        "from emo2vec_plugins.report import rendered, timeline\n"
        "assert 'matplotlib' not in sys.modules\n"
        "rendered(timeline(TALK), suffix='.png')\n"
        "print('matplotlib.pyplot' in sys.modules, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[1], capture_output=True, text=True
    )

    assert (done.stdout.strip(), done.stderr) == ("False False", "")
    assert mpl.rcParams["font.family"] == before


def test_a_missing_matplotlib_names_the_extra(monkeypatch):
    from emo2vec_plugins.errors import MissingExtraError

    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(MissingExtraError, match=r"\[pictures\]"):
        timeline(TALK)
