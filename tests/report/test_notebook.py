"""HTML for notebooks: self-contained and safe for any content."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from support.formats import hard
from support.paths import ROOT
from support.pictures import HARD_NAMES, TALK, meeting, named, scored_turn

from emo2vec_plugins import Dialogue, Emotion, ScoredTurn, Turn
from emo2vec_plugins.core.labels import COLOURS

EMPTY = {"meta", "br", "hr", "img", "input", "link"}
SVG = "{http://www.w3.org/2000/svg}"


class Page(HTMLParser):
    """A strict HTML parser that keeps tags, attributes and text; elements must be closed in order."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.words, self._open = [], [], [], []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join("".join(self.words).split())


def rows(html):
    """Return the cells of a table, with the heading first."""
    return [
        [Page(cell).text for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
        for row in re.findall(r"<tr>(.*?)</tr>", html)
    ]


def drawing_of(html):
    """Return the timeline as a tree; it must be well-formed."""
    return ElementTree.fromstring(re.search(r"<svg.*?</svg>", html, re.DOTALL)[0])


def titles(html):
    return [each.text for each in drawing_of(html).iter(f"{SVG}title")]


def test_a_dialogue_shows_its_turns_and_speakers():
    html = TALK._repr_html_()

    assert "talk: 4 turns, 2 speakers, 1 unscored, 0:12" in Page(html).text
    assert titles(html) == [
        "A",
        "B",
        "A, 0:00.5 to 0:03.0, sad 0.75",
        "A, 0:02.0 to 0:05.0, happy 0.50",
        "B, 0:05.0 to 0:09.0, unscored: silent",
        "B, 0:09.0 to 0:09.0, angry 1.00",
    ]
    assert rows(html) == [
        *[
            [
                "speaker",
                "talk time",
                "turns",
                "no label",
                "changes",
                "mean score",
                "share of talk time",
                "",
            ]
        ],
        ["A", "0:04", "2", "0", "1", "0.62", "", "happy 56%, sad 44%"],
        ["B", "0:04", "2", "1", "0", "1.00", "", "angry 0%, no label 100%"],
    ]


def test_turns_have_the_colours_of_their_emotions_and_their_positions():
    marks = {
        each.find(f"{SVG}title").text[:8]: (each.get("fill"), each.get("d"))
        for each in drawing_of(TALK._repr_html_()).iter(f"{SVG}path")
        if each.find(f"{SVG}title") is not None
    }

    colour, path = marks["A, 0:00."]
    assert colour == COLOURS["sad"]
    x, width = re.match(r"M([\d.]+) [\d.]+h([\d.]+)v", path).groups()
    assert (float(x), float(width)) == pytest.approx((182.8, 163.8), abs=0.1)
    assert marks["B, 0:05."][0] is None


def test_a_turn_of_zero_length_is_visible():
    [path] = [
        each.get("d")
        for each in drawing_of(TALK._repr_html_()).iter(f"{SVG}path")
        if "angry" in (each.findtext(f"{SVG}title") or "")
    ]

    assert re.search(r"h1v", path)


def test_a_meeting_of_two_hours_is_a_small_page():
    html = meeting()._repr_html_()

    assert len(html) < 200_000
    assert "3,000 turns, 4 speakers" in Page(html).text
    assert re.search(r"\d,\d{3} turns narrower than a pixel", Page(html).text)
    assert sorted(titles(html)) == sorted(["S0", "S1", "S2", "S3"] * 4)


def test_speakers_and_labels_that_are_not_shown_are_counted():
    turns = tuple(scored_turn(i, i + 2, f"S{i}", label=f"label {i}") for i in range(50))

    page = Page(Dialogue(recording="crowd", turns=turns)._repr_html_())

    assert "30 more speakers not shown" in page.text
    assert "30 more speakers with 30 turns" in page.text
    assert "and 38 more labels" in page.text


def test_thousands_of_overlapping_turns_are_a_small_page():
    turns = tuple(scored_turn(i / 10, 3600.0, "A") for i in range(3000))

    assert len(Dialogue(recording="r", turns=turns)._repr_html_()) < 200_000


def test_without_turns_there_is_only_a_heading():
    page = Page(Dialogue(recording="r")._repr_html_())

    assert (page.text, "svg" in page.tags) == ("r: 0 turns, 0 speakers", False)


def test_turns_that_are_years_apart_are_reported_and_not_drawn():
    page = Page(
        Dialogue(recording="r", turns=(scored_turn(0, 1), scored_turn(1e300, 1e300)))._repr_html_()
    )

    assert "too far apart" in page.text
    assert "2 turns, 1 speaker" in page.text


def test_an_emotion_shows_its_distribution():
    emotion = Emotion(
        label="sad", score=0.75, scores={"happy": 0.25, "sad": 0.75}, flags=("short", "clipped")
    )

    html = emotion._repr_html_()

    assert rows(html) == [["sad", "", "0.750"], ["happy", "", "0.250"]]
    assert Page(html).text.startswith("sad 0.75 (short, clipped)")
    assert COLOURS["sad"] in html


def test_an_emotion_without_a_label_shows_the_reason():
    assert Page(Emotion(reason="a < b")._repr_html_()).text == "unscored: a < b"
    assert Page(Emotion()._repr_html_()).text == "unscored"
    assert Page(Emotion(label="sad")._repr_html_()).text == "sad"


def test_a_turn_shows_its_speaker_and_time():
    scored = ScoredTurn(
        turn=Turn(start=3661.5, end=3663.0), emotion=Emotion(label="sad", score=0.5)
    )

    assert Page(scored._repr_html_()).text == (
        "(no speaker), 1:01:01.50 to 1:01:03.00 (1.50 s)sad 0.50"
    )


def check(html):
    page = Page(html)
    assert not {"script", "style", "link", "img", "iframe", "b>"} & set(page.tags)
    names = {name for name, _ in page.attributes}
    assert not {"id", "class", "href", "src"} & names
    assert not [name for name in names if name.startswith("on")]
    assert "url(" not in html
    for svg in re.findall(r"<svg.*?</svg>", html, re.DOTALL):
        ElementTree.fromstring(svg)
    html.encode("utf-8")


@pytest.mark.parametrize("name", HARD_NAMES)
def test_names_from_files_are_only_text(name):
    dialogue = named(name, "<script>alert(1)</script>", '" onload="x', "x" * 200)

    check(dialogue._repr_html_())
    check(dialogue.turns[0]._repr_html_())


@settings(max_examples=40)
@given(hard)
def test_any_dialogue_gives_valid_html(dialogues):
    [dialogue] = dialogues

    check(dialogue._repr_html_())
    for each in dialogue.turns:
        check(each._repr_html_())


def test_the_text_has_the_colour_of_the_notebook():
    html = TALK._repr_html_()

    assert 'fill="currentColor"' in html
    assert not re.search(r"background|(?<![-\w])color:(?!inherit)", html)


def test_a_diarization_shows_its_emotions():
    from pyannote.core import Annotation

    from emo2vec_plugins.integrations.pyannote.diarization import AnnotatedDiarization

    found = AnnotatedDiarization(
        speaker_diarization=Annotation(),
        emotions=TALK,
        emotion_diarization=Annotation(),
        speaker_emotion_diarization=Annotation(),
    )

    assert found._repr_html_() == TALK._repr_html_()


def test_no_library_is_loaded_to_show_a_dialogue():
    code = (
        "import sys; from support.pictures import TALK; TALK._repr_html_()\n"
        "print([name for name in ('matplotlib', 'numpy', 'torch') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT / "tests",
        capture_output=True,
        text=True,
    )

    assert (done.stdout.strip(), done.stderr) == ("[]", "")
