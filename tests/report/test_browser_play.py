"""The page of a recording in a real browser: audio, keyboard and pointer."""

from __future__ import annotations

import re

import pytest
from support.browser import A1, A2, PAUSED, PLAYING, READY
from support.pictures import TALK, scored_turn

from emo2vec_plugins import Dialogue
from emo2vec_plugins.report.page import page, write_page

pytestmark = pytest.mark.slow  # audio plays in real time: 40 s together


def test_a_click_on_a_turn_plays_it_from_its_start_to_its_end(talk):
    talk.click(4.5, A2)

    assert talk.page.locator("#detail b").inner_text() == "happy"
    talk.wait_for(PLAYING)
    _, first = talk.playback()
    cursor = talk.page.locator("#cursor").bounding_box()["x"]
    assert 2.0 <= first < 3.5
    talk.wait_for(PAUSED)
    assert talk.playback()[1] == pytest.approx(5.0 + 1105 / 16_000, abs=0.02)
    assert talk.text("#time") == "0:05.0 / 0:12"
    assert talk.page.locator("#cursor").bounding_box()["x"] > cursor
    assert talk.text("#now") == "B: unscored"


def test_a_click_beside_turns_moves_the_cursor(talk):
    talk.click(10, A1)

    assert talk.text("#time") == "0:10.0 / 0:12"
    assert talk.playback()[0]


def test_the_keyboard_controls_everything(talk):
    talk.press("j")
    assert talk.text("#announcement") == "A, 0:00.5 to 0:03.0, sad 0.75"
    talk.wait_for(PLAYING)
    talk.press(" ")
    assert talk.playback()[0]
    talk.press("j", "j")
    assert talk.text("#announcement") == "B, 0:05.0 to 0:09.0, unscored: silent"
    talk.press("k", " ", "+", "+")
    start, end = talk.view()
    assert end - start == pytest.approx(3)
    assert start < 3.5 < end
    talk.press("]")
    assert talk.view()[0] == pytest.approx(start + 0.75)
    talk.press("-", "0")
    assert talk.view() == (0, 12)
    talk.press("z")
    assert talk.view() == (0, 12)  # four times the three seconds of the turn
    talk.press("ArrowRight")
    assert 4 <= float(talk.text("#time")[2:6]) < 4.5
    talk.press("Enter")
    talk.wait_for(PLAYING)
    assert talk.text("#play") == "Pause"
    talk.press("/")
    talk.page.keyboard.type("j")
    assert talk.page.locator("#by-text").input_value() == "j"
    talk.press("Escape", "?")
    assert talk.page.locator("#help").is_visible()
    assert "play or pause" in talk.text("#help-keys")
    talk.press("Escape")
    talk.wait_for("() => !document.getElementById('help').open")


def test_a_focused_button_keeps_its_keys(talk):
    talk.page.locator("#zoom-in").focus()
    talk.press(" ")

    assert talk.playback()[0]
    assert talk.view()[1] - talk.view()[0] == pytest.approx(6)


def test_the_audio_plays_without_a_selected_turn(talk):
    talk.page.locator("#play").click()
    talk.wait_for("() => document.getElementById('audio').currentTime > 0.5")
    talk.page.locator("#speed").select_option("2")
    talk.page.locator("#play").click()

    assert talk.playback()[0]
    assert talk.page.evaluate("document.getElementById('audio').playbackRate") == 2


def test_the_pointer_zooms_moves_and_shows_tooltips(opened):
    watched = opened(page(TALK))
    mouse, box = watched.page.mouse, watched.page.locator("#lanes").bounding_box()
    place = watched.place(6, A1)
    mouse.move(box["x"] + place["x"], box["y"] + place["y"])
    watched.page.keyboard.down("Control")
    mouse.wheel(0, -300)
    watched.page.keyboard.up("Control")
    watched.settle()
    start, end = watched.view()
    assert 0 < start < 6 < end < 12
    assert watched.place(6, A1)["x"] == pytest.approx(
        place["x"], abs=1
    )  # zooming keeps the position

    mouse.down()
    mouse.move(box["x"] + place["x"] + 100, box["y"] + 20, steps=4)
    mouse.up()
    watched.settle()
    assert watched.place(6, A1)["x"] == pytest.approx(place["x"] + 100, abs=1)

    watched.page.locator("#zoom-all").click()
    watched.settle()
    place = watched.place(1, A1)
    mouse.move(box["x"] + place["x"], box["y"] + place["y"])
    assert watched.text("#tip") == "A, 0:00.5 to 0:03.0, sad 0.75"
    mouse.dblclick(box["x"] + place["x"], box["y"] + place["y"])
    watched.settle()
    assert watched.view() == (0, 10)

    watched.press("+", "+")
    watched.page.locator("#overview").click(position={"x": 1300, "y": 10})
    watched.settle()
    assert watched.view()[1] == pytest.approx(12, abs=0.5)


def test_a_turn_beyond_the_audio_has_a_note(opened, write, noise, tmp_path):
    late = Dialogue(
        recording="late",
        turns=(scored_turn(1, 2), scored_turn(1.5, 9), scored_turn(8, 9), scored_turn(-2, -1)),
    )
    write_page(late, tmp_path / "late.html", audio=write("late.wav", noise(32_000), 16_000))
    watched = opened(tmp_path / "late.html")
    watched.wait_for(READY)

    watched.click(8.5, A1)
    message = watched.text("#announcement")
    assert "sad 0.75. " in message
    assert message.endswith("beyond the audio.")
    assert re.search(r"beyond the audio.*0:02\.000", watched.text("#detail"))
    assert watched.page.locator("#play-turn").is_disabled()
    watched.press("k")
    watched.wait_for("() => document.getElementById('audio').ended")  # at 2 s, not at 9
    assert "beyond the audio" in watched.text("#detail")


def test_linked_audio_is_played(opened, write, noise, tmp_path):
    audio = write("a #b?.wav", noise(192_000), 16_000)
    write_page(TALK, tmp_path / "talk.html", audio=audio, sound="link")
    watched = opened(tmp_path / "talk.html", allowed=(audio.as_uri(),))
    watched.wait_for(READY)

    watched.click(1, A1)
    watched.wait_for(PLAYING)
    assert 0.5 <= watched.playback()[1] < 3


def test_missing_linked_audio_is_reported(opened, write, noise, tmp_path):
    audio = write("gone.wav", noise(16_000), 16_000)
    write_page(TALK, tmp_path / "talk.html", audio=audio, sound="link")
    audio.unlink()
    watched = opened(tmp_path / "talk.html", allowed=(audio.as_uri(),))
    watched.wait_for("() => document.getElementById('play').disabled")

    about = watched.text("#about-sound")
    assert "cannot be opened" in about
    assert "gone.wav" in about
    watched.complaints.clear()  # the browser reports the missing file


def follow(watched, seconds=0.3):
    """Let the audio play for a moment."""
    _, begin = watched.playback()
    watched.wait_for(f"() => document.getElementById('audio').currentTime > {begin + seconds}")


def test_the_view_follows_the_cursor_until_the_reader_moves_it(talk):
    talk.press("+", "+", "+", " ")
    talk.wait_for("() => document.getElementById('audio').currentTime > 1.7")
    assert talk.view()[0] > 1  # the view has moved
    talk.press(*"]]]]]]]]]]")
    there = talk.view()
    follow(talk)

    assert talk.view() == there
    talk.press(" ", " ")
    follow(talk)
    assert talk.view()[0] < there[0]


def test_a_turn_that_is_paused_still_ends(talk):
    talk.click(1, A1)
    follow(talk)
    talk.press(" ", " ")
    talk.wait_for(PAUSED)

    assert talk.playback()[1] == pytest.approx(3.0 + 1105 / 16_000, abs=0.02)
    talk.press(" ")
    follow(talk)
    assert float(talk.text("#time")[2:6]) > 3


def test_the_next_turn_is_relative_to_the_cursor(talk):
    talk.click(1, A1)
    talk.click(8.6, A1)
    talk.press("j")

    assert talk.text("#announcement") == "B, 0:09.0 to 0:09.0, angry 1.00"
    talk.press("k")
    assert talk.text("#announcement") == "B, 0:05.0 to 0:09.0, unscored: silent"


def test_a_held_key_acts_once(talk):
    for _ in range(4):
        talk.page.keyboard.down(" ")
    talk.page.keyboard.up(" ")
    talk.settle()

    assert not talk.playback()[0]


def test_keys_can_be_switched_off(talk):
    talk.press("?")
    talk.page.locator("#use-keys").uncheck()
    talk.press("Escape")
    talk.wait_for("() => !document.getElementById('help').open")
    talk.press(" ", "j")

    assert talk.playback()[0]
    assert talk.text("#announcement") == ""


def test_brackets_typed_with_altgr_are_shortcuts(talk):
    talk.press("+", "+")
    before = talk.view()
    talk.page.evaluate(
        """() => document.body.dispatchEvent(new KeyboardEvent("keydown", {
          key: "]", ctrlKey: true, altKey: true, modifierAltGraph: true, bubbles: true }))"""
    )
    talk.settle()

    assert talk.view()[0] > before[0]
    talk.press("Control+]")
    assert talk.view()[0] == pytest.approx(before[0] + (before[1] - before[0]) / 4)


def test_a_double_click_on_a_turn_at_the_edge_shows_that_turn(opened):
    turns = tuple(scored_turn(n, n + 0.8) for n in range(60))
    watched = opened(page(Dialogue(recording="many", turns=turns)))
    watched.press("+", "+", "+", "+")
    edge = watched.view()[1]
    last = int(edge - 0.05)
    place = watched.place(min(last + 0.75, edge - 0.02), A1)
    watched.page.locator("#lanes").dblclick(position=place)
    watched.settle()

    start, end = watched.view()
    assert (start + end) / 2 == pytest.approx(last + 0.4)
    assert end - start == pytest.approx(3.2)
    assert watched.text("#announcement").startswith(f"A, 0:{last:02d}.0 ")


def test_the_slider_moves_the_cursor(talk):
    talk.page.locator("#seek").fill("7.5")
    talk.settle()

    assert talk.text("#time") == "0:07.5 / 0:12"
    assert talk.page.locator("#seek").get_attribute("aria-valuetext") == "0:07.5"


def test_audio_of_unknown_duration_extends_the_timeline(opened, chromium, write, noise, tmp_path):
    """The duration is unknown, and the server does not send parts."""
    audio = write("a.wav", noise(20 * 16_000), 16_000).read_bytes()
    url = "https://sound.example/a.wav"
    turns = Dialogue(recording="r", turns=(scored_turn(1, 2), scored_turn(4, 5)))
    write_page(turns, tmp_path / "p.html", audio=url, sound="link")

    def serve(page_):
        page_.route(url, lambda route: route.fulfill(body=audio, content_type="audio/wav"))

    watched = opened(tmp_path / "p.html", allowed=(url,), before=serve)
    watched.wait_for(READY)
    assert watched.text("#time") == "0:00.0 / 0:20"
    assert watched.view() == (0, 20)

    watched.press("j", "j")
    reachable = watched.page.evaluate("document.getElementById('audio').seekable.end(0) > 4")
    message = watched.text("#announcement")
    assert reachable or "server" in message
    assert watched.playback()[0] is not reachable
