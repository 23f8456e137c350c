"""Fixtures that open pages in a real Chromium, and helpers to inspect them."""

from __future__ import annotations

import os
import shutil

import pytest

from emo2vec_plugins.report.page import write_page
from support.pictures import TALK

A1, A2, B1 = 17, 41, 75
"""Vertical positions in pixels of the rows of TALK's two lanes."""

READY = "() => document.getElementById('audio').readyState >= 1"
PLAYING = "() => !document.getElementById('audio').paused"
PAUSED = "() => document.getElementById('audio').paused"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--no-sandbox",  # containers have none
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium():
    """Return the path of Chromium, from EMO2VEC_CHROMIUM or the PATH."""
    named = os.environ.get("EMO2VEC_CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="session")
def chromium():
    """A browser that runs during the whole session."""
    path = find_chromium()
    if path is None:
        pytest.skip(f"no EMO2VEC_CHROMIUM, and none of {', '.join(NAMES)} on the PATH")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


class Watched:
    """An open page that records console messages, errors, dialogs and requests.

    Args:
        page: A page of playwright.
        path: The file to open.
    """

    def __init__(self, page, path) -> None:
        self.page = page
        self.complaints = []
        self.requests = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(path.as_uri())
        self.settle()

    def settle(self):
        """Wait until pending drawing is done."""
        self.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def text(self, selector):
        return self.page.locator(selector).inner_text()

    def rows(self):
        """Return the rows of the table of turns, each as the texts of its cells."""
        cells = "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))"
        return self.page.locator("#rows tr").evaluate_all(cells)

    def view(self):
        """Return the start and the end of the visible time, in seconds."""
        shown = self.page.locator("#lanes").evaluate("canvas => ({...canvas.dataset})")
        return float(shown["start"]), float(shown["end"])

    def place(self, time, y):
        """Return the position of a time on the lanes' canvas."""
        shown = self.page.locator("#lanes").evaluate("canvas => ({...canvas.dataset})")
        start, end, left, right = (float(shown[name]) for name in ("start", "end", "left", "right"))
        return {"x": left + (time - start) / (end - start) * (right - left), "y": y}

    def click(self, time, y):
        self.page.locator("#lanes").click(position=self.place(time, y))
        self.settle()

    def colour(self, time, y, canvas="lanes"):
        """Return the red, green and blue of a pixel of a canvas."""
        place = self.place(time, y)
        script = """([name, x, y]) => {
          const canvas = document.getElementById(name);
          const scale = canvas.width / canvas.clientWidth;
          const copy = new OffscreenCanvas(canvas.width, canvas.height);
          const brush = copy.getContext("2d", { willReadFrequently: true });
          brush.drawImage(canvas, 0, 0);
          return [...brush.getImageData(Math.round(x * scale), Math.round(y * scale), 1, 1).data];
        }"""
        return tuple(self.page.evaluate(script, [canvas, place["x"], place["y"]])[:3])

    def playback(self):
        """Return whether the audio is paused, and its current time."""
        return self.page.evaluate(
            "() => { const a = document.getElementById('audio'); return [a.paused, a.currentTime] }"
        )

    def wait_for(self, condition):
        self.page.wait_for_function(condition, timeout=20_000)
        self.settle()


@pytest.fixture
def opened(chromium, tmp_path):
    """Open pages; fail at the end if one had an error or requested anything else."""
    pages = []

    def open_(html, *, width=1400, height=1000, allowed=(), before=None, **context):
        path = html
        if isinstance(html, str):
            path = tmp_path / "opened.html"
            path.write_text(html, "utf-8")
        page = chromium.new_page(viewport={"width": width, "height": height}, **context)
        if before is not None:
            before(page)
        watched = Watched(page, path)
        pages.append((watched, path.as_uri(), allowed))
        return watched

    yield open_
    for watched, url, allowed in pages:
        asked = [each for each in watched.requests if not each.startswith(("blob:", *allowed))]
        assert (watched.complaints, asked) == ([], [url])
        watched.page.close()


@pytest.fixture
def talk(opened, write, noise, tmp_path):
    """The open page of TALK with twelve seconds of audio."""
    write_page(TALK, tmp_path / "talk.html", audio=write("talk.wav", noise(192_000), 16_000))
    watched = opened(tmp_path / "talk.html")
    watched.wait_for(READY)
    return watched
