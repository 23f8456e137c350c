"""Draw the pictures of these pages: ``python docs/draw_pictures.py``, with the extra ``dev``.

The conversation is that of ``emo2vec demo``, scored by ``tiny``. Needs Chromium or Chrome on the
``PATH``, or in ``EMO2VEC_CHROMIUM``.
"""

import os
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from emo2vec_plugins import Engine, annotate, load_model
from emo2vec_plugins.files import overwriting
from emo2vec_plugins.integrations import read_rttm_sources
from emo2vec_plugins.report import save, timeline, trajectories, write_page
from emo2vec_plugins.testing import sample_conversation

PICTURES = Path(__file__).parent / "pictures"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main():
    audio, rttm = sample_conversation()
    [dialogue] = annotate(
        read_rttm_sources(rttm, audio).sources, score=Engine(load_model("tiny", device="cpu"))
    )
    with overwriting():
        save(timeline(dialogue), PICTURES / "timeline.png")
        save(trajectories(dialogue), PICTURES / "trajectories.png")
    browser = os.environ.get("EMO2VEC_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        report = Path(folder, "report.html")
        write_page(dialogue, report, audio=audio)
        page = chromium.new_page(viewport={"width": 1200, "height": 980})
        page.goto(report.as_uri())
        for _ in range(2):  # select the second turn
            page.keyboard.press("j")
        page.evaluate("document.querySelector('audio').pause()")
        page.wait_for_timeout(500)
        page.screenshot(path=PICTURES / "report.png")

        notebook = Path(folder, "notebook.html")
        style = "margin: 12px; font: 13px sans-serif; background: white"
        notebook.write_text(
            f"<!DOCTYPE html><meta charset=utf-8><body style='{style}'>{dialogue._repr_html_()}",
            "utf-8",
        )
        page = chromium.new_page(viewport={"width": 990, "height": 210})
        page.goto(notebook.as_uri())
        page.screenshot(path=PICTURES / "notebook.png")
        chromium.close()


if __name__ == "__main__":
    main()
