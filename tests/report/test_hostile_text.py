"""Names, labels and reasons of strangers in pages and notebooks: text only, visible and short."""

from __future__ import annotations

import re

import pytest

from emo2vec_plugins import Dialogue, Emotion, ScoredTurn, Turn
from emo2vec_plugins.core import Provenance
from emo2vec_plugins.report.notebook import notebook_html
from emo2vec_plugins.report.page import page, write_page
from emo2vec_plugins.report.style import LONGEST, shown

EVIL = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)><!--]]>&lt;\"' ${data} $sound"
    "\u202eabc\u2066\u2028\x1b[2J\x00\ud800"
)
INVISIBLE = re.compile(
    "[\u202a-\u202e\u2066-\u2069\u2028\u2029\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]"
)


def dialogue(text, *, turns=3):
    """Return a dialogue in which everything that can be a text is *text*."""
    model = Provenance(model=text, sha256="0" * 64, tokens=(text,), version="0")
    emotion = Emotion(
        label=text,
        score=0.5,
        scores={text: 0.5, "x": 0.5},
        flags=(text,),
        reason=text,
        provenance=model,
    )
    times = [Turn(start=float(each), end=each + 1.0, speaker=text) for each in range(turns)]
    return Dialogue(
        recording=text, turns=tuple(ScoredTurn(turn=each, emotion=emotion) for each in times)
    )


def renderings(given):
    unscored = Emotion(reason=given.recording, flags=(given.recording,))
    return {
        "page": page(given),
        "dialogue": notebook_html(given),
        "turn": notebook_html(given.turns[0]),
        "emotion": notebook_html(unscored),
    }


@pytest.mark.parametrize("text", [EVIL, EVIL * 7_000], ids=["short", "megabyte"])
def test_text_of_strangers_is_only_text(text):
    for name, html in renderings(dialogue(text)).items():
        assert html.count("<script") == html.count("</script>") == (3 if name == "page" else 0)
        assert "<img" not in html, name
        assert "<!--" not in html, name
        assert not INVISIBLE.search(html), name


def test_a_megabyte_of_text_makes_a_small_page():
    for name, html in renderings(dialogue(EVIL * 7_000, turns=300)).items():
        assert len(html) < 500_000, name


def test_a_long_name_is_shortened():
    text = shown("x" * 10**6)

    assert len(text) == LONGEST
    assert "…" in text
    assert len(shown("\u202e" * 10**6, most=50)) == 50


@pytest.mark.parametrize(
    "named", ["secret.wav", "http://127.0.0.1:9/a.wav", "file:///etc/hostname"]
)
def test_only_audio_that_was_asked_for_is_embedded(write, noise, tmp_path, monkeypatch, named):
    monkeypatch.chdir(tmp_path)
    write("secret.wav", noise(16_000), 16_000)
    given = Dialogue(recording="talk", turns=dialogue("a").turns, audio=named)

    used = write_page(given, tmp_path / "page.html")

    assert not used.content
    assert not used.url
    assert "media-src blob:" in (tmp_path / "page.html").read_text("utf-8")
