"""The page's table in a real browser: filters, sorting and the keyboard."""

from __future__ import annotations

import pytest
from support.pictures import meeting, scored_turn

from emo2vec_plugins import Dialogue, Emotion, ScoredTurn, Turn
from emo2vec_plugins.report.page import page
from emo2vec_plugins.report.style import LONGEST

pytestmark = pytest.mark.slow  # a browser


def flagged(start, speaker, label, *flags, score=0.5):
    emotion = Emotion(label=label, score=score, flags=flags)
    return ScoredTurn(turn=Turn(start=start, end=start + 1, speaker=speaker), emotion=emotion)


MIXED = Dialogue(
    recording="mixed",
    turns=(
        flagged(0, "Ann", "sad", "short", score=0.9),
        flagged(1, "bob", "angry", "short", "clipped", score=0.3),
        flagged(2, "Ann", "happy", score=0.6),
        flagged(3, "bob", "sad", "clipped", score=None),
        scored_turn(4, 5, "Zoë", label=None),
    ),
)


def starts(watched):
    return [row[1] for row in watched.rows()]


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ({"by-speaker": "bob"}, [1, 3]),
        ({"by-label": "sad"}, [0, 3]),
        ({"by-label": "unscored"}, [4]),
        ({"by-flag": "clipped"}, [1, 3]),
        ({"by-flag": "no flag"}, [2, 4]),
        ({"by-speaker": "Ann", "by-label": "sad"}, [0]),
    ],
)
def test_the_table_is_filtered(opened, filters, left):
    watched = opened(page(MIXED))
    for name, choice in filters.items():
        watched.page.locator(f"#{name}").select_option(label=choice)

    assert starts(watched) == [f"0:0{start}.00" for start in left]
    number = len(left)
    assert watched.text("#count") == f"{number} of 5 turns"
    watched.page.locator("#filters button").click()
    watched.wait_for("() => document.querySelectorAll('#rows tr').length === 5")


@pytest.mark.parametrize(
    ("words", "left"),
    [("BOB", [1, 3]), ("ann happy", [2]), ("silent", [4]), ("zoë", [4]), ("0:03", [3]), ("x", [])],
)
def test_the_search_covers_all_texts(opened, words, left):
    watched = opened(page(MIXED))
    watched.page.locator("#by-text").fill(words)
    watched.settle()

    assert starts(watched) == [f"0:0{start}.00" for start in left]


@pytest.mark.parametrize(
    ("column", "up"),
    [
        ("speaker", [0, 2, 1, 3, 4]),
        ("start", [4, 3, 2, 1, 0]),  # already sorted by start, so the order is reversed
        ("emotion", [1, 2, 0, 3, 4]),
        ("score", [1, 2, 0, 3, 4]),
        ("flags", [3, 0, 1, 2, 4]),
    ],
)
def test_the_table_is_sorted(opened, column, up):
    watched = opened(page(MIXED))
    watched.page.locator(f"#columns button:has-text('{column}')").click()

    assert starts(watched) == [f"0:0{start}.00" for start in up]
    way = "descending" if column == "start" else "ascending"
    sorted_ = watched.page.locator(f"#columns th[aria-sort={way}]")
    assert sorted_.inner_text().startswith(column)


def test_the_focus_stays_in_place(opened):
    watched = opened(page(meeting(turns=150)))
    focus = "document.activeElement.innerText"

    watched.page.locator("#columns button:has-text('score')").press("Enter")
    assert watched.page.evaluate(focus).startswith("score")
    watched.page.locator("#page-after").press("Enter")
    watched.settle()
    assert watched.text("#page") == "page 2 of 2"
    assert watched.page.evaluate(focus) == "Next"
    watched.press("Enter")
    assert watched.text("#page") == "page 2 of 2"
    watched.page.locator("#zoom-turn").evaluate("button => button.parentElement.hidden = false")
    watched.page.locator("#zoom-turn").focus()
    watched.press("j")
    assert watched.page.evaluate("document.activeElement.id") == "zoom-turn"


def test_a_row_is_selected_by_the_keyboard(opened):
    watched = opened(page(MIXED))
    watched.page.locator("#rows button").nth(2).press("Enter")

    assert watched.text("#announcement") == "Ann, 0:02.0 to 0:03.0, happy 0.60"
    assert watched.page.locator("#rows tr[aria-current]").get_attribute("data-turn") == "2"


@pytest.mark.parametrize("key", ["Escape", "Enter"])
def test_leaving_the_search_field_keeps_its_text(opened, key):
    watched = opened(page(MIXED))
    watched.press("/")
    watched.page.keyboard.type("bob")
    watched.press(key, "j")

    assert watched.page.locator("#by-text").input_value() == "bob"
    assert watched.text("#count") == "2 of 5 turns"
    assert watched.text("#announcement").startswith("bob, ")


def test_filters_without_matches_show_a_message(opened):
    watched = opened(page(MIXED))
    watched.page.locator("#by-text").fill("missing")
    watched.press("Escape", "j")

    assert "filters" in watched.text("#nothing")
    assert "filters" in watched.text("#announcement")


def test_turns_that_do_not_match_are_faint_and_skipped(opened):
    watched = opened(page(MIXED))
    before = watched.colour(2.7, 17)
    watched.page.locator("#by-label").select_option(label="sad")
    watched.settle()
    after = watched.colour(2.7, 17)
    watched.page.locator("#title").click()
    watched.press("j", "j")

    assert sum(after) > sum(before)
    assert watched.text("#announcement") == "bob, 0:03.0 to 0:04.0, sad (clipped)"
    watched.press("j")
    assert "next turn" in watched.text("#announcement")


def test_flags_are_explained(opened):
    watched = opened(page(MIXED))
    watched.press("j", "j")

    assert "2 turns: less than 1 s" in watched.text("#flags")
    assert "20 ms" in watched.text("#detail")


def test_a_name_of_any_length_fits(opened):
    long = "x" * 10_000 + " 🐈"
    turns = [flagged(0, long, long), flagged(1, "Ann", "sad")]
    watched = opened(page(Dialogue(recording=long, turns=tuple(turns))))

    width, height = watched.page.evaluate(
        "() => [document.documentElement.scrollWidth, document.querySelector('#rows tr').offsetHeight]"
    )
    cell = watched.page.locator("#rows tr bdi").first
    option = watched.page.locator("#by-speaker option", has_text="…")

    assert width <= 1400
    assert height < 100
    for shown in (cell, option):
        assert len(shown.inner_text()) <= 62
        title = shown.get_attribute("title")
        assert title.startswith("x" * 600)
        assert title.endswith("x 🐈")
        assert len(title) <= LONGEST
    watched.page.locator("#by-text").fill("xx 🐈")
    watched.wait_for("() => document.querySelectorAll('#rows tr').length === 1")
