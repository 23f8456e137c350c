"""The page of a recording in a real browser."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from support.browser import A1, A2, B1
from support.pictures import HARD_NAMES, TALK, meeting, named, scored_turn

from emo2vec_plugins import Dialogue, Emotion, Provenance, ScoredTurn, Turn
from emo2vec_plugins.core.labels import COLOURS
from emo2vec_plugins.formats.rttm import read_rttm
from emo2vec_plugins.report.page import page
from emo2vec_plugins.report.trajectories import smoothed

pytestmark = pytest.mark.slow  # a browser


def test_the_page_shows_title_facts_turns_and_speakers(talk):
    assert talk.text("#title") == "talk"
    assert talk.text("#facts") == "4 turns, 2 speakers, 1 unscored, 0:12"
    assert talk.page.title() == "talk: emotions"
    assert talk.rows() == [
        ["A", "0:00.50", "2.50", "sad", "0.75", ""],
        ["A", "0:02.00", "3.00", "happy", "0.50", ""],
        ["B", "0:05.00", "4.00", "unscored: silent", "", ""],
        ["B", "0:09.00", "0.00", "angry", "1.00", ""],
    ]
    assert talk.view() == (0, 12)
    speakers = talk.page.locator("#speakers tbody tr").all_inner_texts()
    assert [re.split(r"\s*\t\s*", each.strip())[:6] for each in speakers] == [
        ["A", "0:04.5", "2", "0", "1", "0.63"],
        ["B", "0:04.0", "2", "1", "0", "1.00"],
    ]
    assert "happy 56 %, sad 44 %" in speakers[0]
    assert talk.text("#flags") == "silent\n1 turn without a label"


def test_withheld_labels_are_shown_as_such_and_models_with_how_far_to_trust_them(opened):
    tiny = Provenance(model="tiny", trust="for calls")
    emotions = [
        Emotion(label="sad", score=0.9, provenance=tiny, doubt=0.25),
        Emotion(reason="withheld: doubt 0.83 is above 0.60", scores={"sad": 1.0}, provenance=tiny),
        Emotion(reason="withheld: doubt 0.71 is above 0.60", scores={"sad": 1.0}, provenance=tiny),
        Emotion(reason="silent", provenance=tiny),
    ]
    turns = tuple(
        ScoredTurn(turn=Turn(start=n, end=n + 1, speaker="A"), emotion=each)
        for n, each in enumerate(emotions)
    )
    watched = opened(page(Dialogue(recording="r", turns=turns)))

    assert watched.text("#facts") == "4 turns, 1 speaker, 2 withheld, 1 unscored"
    assert watched.text("#trust") == "tiny: for calls"
    assert [row[3] for row in watched.rows()] == [
        "sad",
        "withheld: doubt 0.83 is above 0.60",
        "withheld: doubt 0.71 is above 0.60",
        "unscored: silent",
    ]
    assert watched.text("#flags").splitlines() == [
        *("withheld", "2 turns whose label has too much doubt"),
        *("silent", "1 turn without a label"),
    ]
    watched.press("j")
    assert "25 %" in watched.text("#detail")


def test_turns_are_coloured_by_emotion_and_paler_for_lower_scores(talk):
    lane = talk.colour(11, A1)
    sure, unsure = talk.colour(1.5, A1), talk.colour(4.5, A2)

    def between(colour, score):
        strength = 0.35 + 0.65 * score
        full = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
        return [
            strength * one + (1 - strength) * other for one, other in zip(full, lane, strict=True)
        ]

    assert sure == pytest.approx(between(COLOURS["sad"], 0.75), abs=1)
    assert unsure == pytest.approx(between(COLOURS["happy"], 0.5), abs=1)
    hatched = {talk.colour(7 + step / 40, B1) for step in range(20)}
    assert len(hatched) >= 2  # lines, and the space between them


def test_the_curves_equal_those_of_pictures(opened):
    """The mean around each moment equals that of `smoothed`, to a pixel."""
    dialogue = meeting(turns=400)
    watched = opened(page(dialogue))
    for button in watched.page.locator("#key button").all():
        if "happy" not in button.inner_text():
            button.click()
    watched.settle()
    start, end = watched.view()
    expected = smoothed(
        dialogue.turns, labels=["happy"], start=start, end=end, seconds=(end - start) / 80
    )
    script = """() => {
      const canvas = document.getElementById("curves");
      const { left, right } = document.getElementById("lanes").dataset;
      const copy = new OffscreenCanvas(canvas.width, canvas.height);
      const brush = copy.getContext("2d", { willReadFrequently: true });
      brush.drawImage(canvas, 0, 0);
      const isOrange = ([r, g, b]) => r - b > 60 && r > g + 15;
      const middle = (x) => {
        const { data } = brush.getImageData(x, 0, 1, canvas.height);
        const found = [];
        for (let y = 0; y < canvas.height; y++) {
          if (isOrange(data.slice(4 * y, 4 * y + 4))) found.push(y + 0.5);
        }
        return found.length ? (found[0] + found.at(-1)) / 2 : null;
      };
      const shares = [];
      for (let x = Math.ceil(+left) + 2; x < right - 2; x++) {
        const y = middle(x);
        if (y !== null) shares.push([(x + 0.5 - left) / (right - left), 1 - (y - 10) / 150]);
      }
      return shares;
    }"""
    found = watched.page.evaluate(script)

    assert len(found) > 400  # the curve is dashed
    for place, share in found:
        moment = round(place * (len(expected.times) - 1))
        near = expected.probabilities[max(0, moment - 2) : moment + 3, 0]
        assert near.min() - 0.02 < share < near.max() + 0.02


def test_a_pixel_shows_its_longest_emotion(opened):
    """A long turn is followed by one of a hundredth of a pixel."""
    turns = (scored_turn(0, 500.5, label="sad"), scored_turn(500.5, 500.52, label="angry"))
    watched = opened(page(Dialogue(recording="r", turns=turns, duration=1000)))

    red, _, blue = watched.colour(500.4, A1)
    assert blue > red


def test_the_overview_counts_speakers_it_does_not_show(opened):
    turns = tuple(scored_turn(n, n + 1.5, f"S{n}") for n in range(30))
    watched = opened(page(Dialogue(recording="crowd", turns=turns)))

    note = watched.text("#strip-note")
    assert "24" in note
    assert " 6." in note


def test_forced_colours_do_not_change_emotions(opened):
    watched = opened(page(TALK), forced_colors="active")
    swatch = watched.page.locator("#key .swatch").nth(2)
    colour = swatch.evaluate("each => getComputedStyle(each).backgroundColor")

    assert colour == "rgb(0, 114, 178)"


def test_the_legend_shows_and_hides_curves(opened):
    watched = opened(page(TALK))
    curves = "document.getElementById('curves').toDataURL()"
    with_all = watched.page.evaluate(curves)
    happy = watched.page.locator("#key button:has-text('happy')")
    happy.click()
    watched.settle()

    assert happy.get_attribute("aria-pressed") == "false"
    assert watched.page.evaluate(curves) != with_all
    happy.click()
    watched.settle()
    assert watched.page.evaluate(curves) == with_all
    watched.page.locator("#curves-of").select_option(label="B")
    watched.settle()
    assert watched.page.evaluate(curves) != with_all


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_the_theme_is_that_of_the_readers_system(opened, scheme, dark):
    watched = opened(page(TALK), color_scheme=scheme)
    back = "getComputedStyle(document.body).backgroundColor"
    first, lane = watched.page.evaluate(back), watched.colour(11, A1)
    watched.page.locator("#theme").click()
    watched.settle()

    assert (first == "rgb(255, 255, 255)") is not dark
    assert watched.page.evaluate(back) != first
    assert watched.colour(11, A1) != lane


def test_names_of_any_kind_are_shown_as_text(opened):
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    watched = opened(page(named(*HARD_NAMES, evil, "</script><!--", "\u2028")))
    cells = [row[0] for row in watched.rows()]

    assert {evil, "</script><!--", "\\u2028", "(no speaker)", "''", "مريم", "\\ud800"} <= set(cells)
    assert watched.page.locator("script").count() == 2  # the data and the program
    assert watched.page.locator("img").count() == 0
    assert watched.text("#title") == "$r_1$\\n"


def test_injected_markup_does_not_run(opened):
    watched = opened(page(TALK))
    button = '<button id=bad onclick="window.ran = 1">'
    watched.page.evaluate("html => document.body.insertAdjacentHTML('beforeend', html)", button)
    watched.page.locator("#bad").click()

    assert watched.page.evaluate("window.ran") is None
    assert any("Content Security Policy" in each for each in watched.complaints)
    watched.complaints.clear()


def test_two_hours_are_shown_with_paged_turns(opened):
    watched = opened(page(meeting()))

    assert watched.text("#page") == "page 1 of 30"
    assert len(watched.rows()) == 100
    assert "smoothed over 90 s" in watched.text("#curves-note")
    watched.page.locator("#page-after").click()
    assert watched.rows()[0][1] == "0:04:00.00"
    watched.page.locator("#by-text").fill("1:59:")
    watched.settle()
    assert len(watched.rows()) == 25
    watched.page.locator("#title").click()
    watched.press("j", "0", *"+++++++++++")
    start, end = watched.view()
    assert end - start == pytest.approx(7200 / 2**11, rel=0.01)
    assert start <= 7140 <= end
    assert watched.text("#curves-note") == "turn by turn"


def test_a_real_meeting_of_more_than_two_hours_is_shown(opened, shared):
    """The four parts of the meeting are concatenated."""
    turns, offset = [], 0.0
    for part in "abcd":
        [recording] = read_rttm(shared / "meetings_rttm" / f"TS3004{part}.rttm")
        turns += [
            replace(each, start=offset + each.start, end=offset + each.end)
            for each in recording.turns
        ]
        offset = max(each.end for each in turns)
    scored = tuple(ScoredTurn(turn=turn, emotion=Emotion()) for turn in turns)
    watched = opened(page(Dialogue(recording="TS3004", turns=scored)))

    assert watched.text("#facts") == "2,033 turns, 12 speakers, 2,033 unscored"
    assert watched.text("#time").endswith("/ 2:25:31")
    assert not watched.page.locator("#curves-part").is_visible()
    watched.press("j", "+", "+", "+", "+", "+", "+")
    assert watched.page.locator("#detail b").inner_text() == "unscored"
    assert len({watched.colour(watched.view()[0] + 2 + n, A1) for n in range(40)}) > 1


def test_thousands_of_speakers_can_be_scrolled(opened):
    turns = tuple(scored_turn(n, n + 1.5, f"S{n}") for n in range(2000))
    watched = opened(page(Dialogue(recording="crowd", turns=turns)))
    watched.page.locator("#by-text").fill("S1999")
    watched.page.locator("#title").click()
    watched.press("j")

    assert watched.text("#announcement").startswith("S1999, ")
    scrolled = watched.page.locator("#lanes-scroll").evaluate("box => box.scrollTop")
    assert scrolled > 60_000
    assert watched.page.locator("#lanes").bounding_box()["height"] < 700


@pytest.mark.parametrize(
    ("dialogue", "facts"),
    [
        (Dialogue(recording="empty"), "0 turns, 0 speakers"),
        (Dialogue(recording="sound", duration=5.0), "0 turns, 0 speakers, 0:05"),
        (
            Dialogue(
                recording="odd", turns=(scored_turn(-3, -2), scored_turn(4, 4, None)), duration=2.0
            ),
            "2 turns, 2 speakers, 0:02",
        ),
    ],
)
def test_almost_empty_recordings_are_shown(opened, dialogue, facts):
    watched = opened(page(dialogue))
    watched.press("j", "j", "k", "+", "-", "Enter", " ", "ArrowLeft", "z", "0")

    assert watched.text("#facts") == facts
    assert len(watched.rows()) == len(dialogue.turns)
    assert watched.page.locator("#play").is_disabled()
    assert "no audio" in watched.text("#about-sound")


def test_it_fits_a_phone(opened):
    watched = opened(page(meeting(turns=300)), width=390, height=800)

    wide = watched.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    watched.click(watched.view()[1] / 2, A1)
