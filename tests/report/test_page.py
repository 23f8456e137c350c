"""The parts of a page: data, content security policy and audio."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from html import unescape

import pytest
from support.pages import data_of
from support.pictures import HARD_NAMES, TALK, meeting, named, scored_turn

from emo2vec_plugins import Dialogue, Emotion, Provenance, ScoredTurn, Turn
from emo2vec_plugins.core.values import FLAGS
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.report import page as page_module
from emo2vec_plugins.report.page import SCRIPTS, page, write_page
from emo2vec_plugins.report.page_data import MEANINGS, page_data, script_json


def scored(start, end, speaker=None, channel=None, **emotion):
    turn = Turn(start=start, end=end, speaker=speaker, channel=channel)
    return ScoredTurn(turn=turn, emotion=Emotion(**emotion))


def test_turns_are_columns_in_order_of_time():
    first = Provenance(model="first", sha256="ab", tokens=("生气/angry",))
    dialogue = Dialogue(
        recording="r",
        turns=(
            scored(
                *(5, 6.5, "B", (0, 2)),
                label="odd",
                score=0.25,
                scores={"odd": 0.25, "sad": 0.75},
                flags=("clipped", "mine"),
                duration=1.5,
                overlap_ratio=0.125,
                provenance=first,
            ),
            scored(0.00049, 2, "A", 1, reason="silent"),
        ),
    )

    data = page_data(dialogue)

    assert data["turns"] == {
        "start": [0.0005, 5],
        "end": [2, 6.5],
        "speaker": [0, 1],
        "row": [0, 0],
        "channel": ["1", "0, 2"],
        "label": [None, 1],
        "score": [None, 0.25],
        "flags": [[], [0, 1]],
        "reason": [0, None],
        "scored": [0, 1.5],
        "overlap": [None, 0.125],
        "doubt": [None, None],
        "withheld": [False, False],
        "model": [None, 0],
        "scores": [None, [0.75, 0.25]],
    }
    assert [each["name"] for each in data["labels"]] == ["sad", "odd"]
    assert [each["texture"] for each in data["labels"]] == ["plain", "checks"]
    assert [each["turns"] for each in data["labels"]] == [0, 1]
    assert data["flags"] == [
        {"name": "clipped", "meaning": MEANINGS["clipped"], "turns": 1},
        {"name": "mine", "meaning": "a flag from another tool", "turns": 1},
    ]
    assert (data["reasons"], data["classes"]) == (["silent"], [0, 1])
    assert data["models"] == [
        [
            ("model", "first"),
            ("SHA-256 of the weights", "ab"),
            ("number type", "float32"),
            ("classes", "生气/angry"),
        ]
    ]


def test_every_flag_has_a_meaning():
    assert tuple(MEANINGS) == FLAGS


def test_numbers_that_are_not_finite_are_none():
    odd = scored(0, 1, label="sad", score=math.nan, scores={"sad": math.inf}, duration=math.nan)

    data = page_data(Dialogue(recording="r", turns=(odd,), duration=math.inf and None))

    turns = data["turns"]
    assert (turns["score"], turns["scores"], turns["scored"]) == ([None], [[None]], [None])
    script_json(data)  # raises for numbers that are not finite


def test_json_is_safe_in_a_script_element():
    values = {"a": "</script><!-- & \u2028 \ud800", "b": [1.5, None]}

    text = script_json(values)

    assert json.loads(text) == values
    assert text.isascii()
    assert not set("<>&") & set(text)


@pytest.mark.parametrize("dialogue", [TALK, meeting(), named(*HARD_NAMES), Dialogue(recording="")])
def test_a_page_has_one_of_each_part_and_is_utf8(dialogue):
    html = page(dialogue)

    assert html.encode()
    assert html.count("<script") == html.count("</script>") == 3
    assert len(data_of(html)["turns"]["start"]) == len(dialogue.turns)


def test_the_policy_allows_only_the_pages_own_parts():
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]*)"', page(TALK))
    rules = dict(rule.split(" ", 1) for rule in unescape(policy).split("; "))

    assert rules.keys() == {
        *("default-src", "script-src", "style-src", "media-src", "base-uri", "form-action")
    }
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert re.fullmatch(r"'sha256-[\w+/=]+'", rules["script-src"])
    assert re.fullmatch(r"'sha256-[\w+/=]+'", rules["style-src"])
    assert rules["media-src"] == "blob:"


def test_a_page_needs_under_300_bytes_per_turn():
    bare = len(page(replace(meeting(), turns=())))

    assert (len(page(meeting())) - bare) / 3000 < 300


def test_every_script_is_used():
    web = page_module.files("emo2vec_plugins.report").joinpath("web")

    assert {f"{name}.js" for name in SCRIPTS} == {
        each.name for each in web.iterdir() if each.name.endswith(".js")
    }


def contrast(one, other):
    def luminance(colour):
        channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [":root {", ':root[data-theme="dark"] {'])
def test_text_is_readable_in_both_themes(scheme):
    """WCAG level AA requires a contrast of 4.5:1 for text and 3:1 for other elements."""
    style = page_module.files("emo2vec_plugins.report").joinpath("web", "style.css").read_text()
    block = style[style.index(scheme) :].split("}", 1)[0]
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", block))

    for behind in ("back", "panel", "lane", "chosen"):
        assert contrast(colours["text"], colours[behind]) >= 4.5
        assert contrast(colours["muted"], colours[behind]) >= 4.5
        assert contrast(colours["accent"], colours[behind]) >= 3
    assert contrast(colours["on-accent"], colours["accent"]) >= 4.5


def test_turns_too_far_apart_are_an_error():
    far = Dialogue(recording="far", turns=(scored_turn(0, 1), scored_turn(1e300, 1e300)))

    with pytest.raises(OptionsError, match=r"far: .*0 to 1e\+300"):
        page(far)


def test_invisible_characters_are_escaped_everywhere(write, noise, tmp_path):
    odd = "a\u202eb"
    turn = scored(0, 1, odd, reason=odd, flags=(odd,), provenance=Provenance(model=odd))
    audio = write(f"{odd}.wav", noise(16_000), 16_000)
    write_page(Dialogue(recording=odd, turns=(turn,)), tmp_path / "p.html", audio=audio)

    html = (tmp_path / "p.html").read_text("utf-8")
    assert odd not in html
    assert odd not in json.dumps(data_of(html), ensure_ascii=False)
