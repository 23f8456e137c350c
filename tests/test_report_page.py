"""What a page is made of: its data, its policy, its sound."""

from __future__ import annotations

import base64
import io
import json
import math
import re
import tracemalloc
from dataclasses import replace
from html import unescape

import numpy as np
import pytest
import soundfile
from picture_parts import HARD_NAMES, TALK, meeting, named, said

from emo2vec_plugins import Dialogue, Emotion, Provenance, ScoredTurn, Turn
from emo2vec_plugins.dialogue import FLAGS
from emo2vec_plugins.errors import AudioError, OptionsError
from emo2vec_plugins.report import page as page_module
from emo2vec_plugins.report.page import SCRIPTS, page, write_page
from emo2vec_plugins.report.page_data import MEANINGS, page_data, script_json
from emo2vec_plugins.report.page_sound import embedded, linked


def told(html):
    """The data in a page."""
    [text] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html, re.S)
    return json.loads(text)


def sound_in(html):
    """The sound in a page: samples, and their rate."""
    [text] = re.findall(r'<script type="text/plain" id="sound">(.*?)</script>', html, re.S)
    return soundfile.read(io.BytesIO(base64.b64decode(text)))


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
        "model": [None, 0],
        "scores": [None, [0.75, 0.25]],
    }
    assert [each["name"] for each in data["labels"]] == ["sad", "odd"]
    assert [each["texture"] for each in data["labels"]] == ["plain", "checks"]
    assert [each["turns"] for each in data["labels"]] == [0, 1]
    assert data["flags"] == [
        {"name": "clipped", "meaning": MEANINGS["clipped"], "turns": 1},
        {"name": "mine", "meaning": "a flag of another tool", "turns": 1},
    ]
    assert (data["reasons"], data["classes"]) == (["silent"], [0, 1])
    assert data["models"] == [
        [
            ("model", "first"),
            ("SHA-256 of its weights", "ab"),
            ("arithmetic", "float32"),
            ("classes as the model names them", "生气/angry"),
        ]
    ]


def test_every_flag_has_a_meaning():
    assert tuple(MEANINGS) == FLAGS


def test_what_is_no_number_is_none():
    odd = scored(0, 1, label="sad", score=math.nan, scores={"sad": math.inf}, duration=math.nan)

    data = page_data(Dialogue(recording="r", turns=(odd,), duration=math.inf and None))

    turns = data["turns"]
    assert (turns["score"], turns["scores"], turns["scored"]) == ([None], [[None]], [None])
    script_json(data)  # which refuses what JSON has no number for


def test_json_ends_no_element_and_is_what_it_was():
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
    assert len(told(html)["turns"]["start"]) == len(dialogue.turns)


def test_the_policy_allows_the_pages_own_and_nothing_else():
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]*)"', page(TALK))
    rules = dict(rule.split(" ", 1) for rule in unescape(policy).split("; "))

    assert rules.keys() == {
        *("default-src", "script-src", "style-src", "media-src", "base-uri", "form-action")
    }
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert re.fullmatch(r"'sha256-[\w+/=]+'", rules["script-src"])
    assert re.fullmatch(r"'sha256-[\w+/=]+'", rules["style-src"])
    assert rules["media-src"] == "blob:"


def test_a_page_is_within_300_bytes_a_turn():
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
def test_text_can_be_read_in_both_schemes(scheme):
    """4.5 to 1 is what level AA of the WCAG asks of text, and 3 to 1 of what is not text."""
    style = page_module.files("emo2vec_plugins.report").joinpath("web", "style.css").read_text()
    block = style[style.index(scheme) :].split("}", 1)[0]
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", block))

    for behind in ("back", "panel", "lane", "chosen"):
        assert contrast(colours["text"], colours[behind]) >= 4.5
        assert contrast(colours["muted"], colours[behind]) >= 4.5
        assert contrast(colours["accent"], colours[behind]) >= 3
    assert contrast(colours["on-accent"], colours["accent"]) >= 4.5


def test_turns_too_far_apart_are_refused():
    far = Dialogue(recording="far", turns=(said(0, 1), said(1e300, 1e300)))

    with pytest.raises(OptionsError, match="far: turns from 0 to 1e"):
        page(far)


def test_the_sound_is_the_file_at_16_khz_mono(write, tmp_path):
    rate = 44_100
    silence = np.zeros((2, 3 * rate), np.float32)
    silence[0, rate : rate + 4410] = 0.8 * np.sin(np.arange(4410) * 0.1)
    audio = write("beep.flac", silence, rate)

    heard = write_page(TALK, tmp_path / "p.html", audio=audio)
    html = (tmp_path / "p.html").read_text("utf-8")
    samples, found_rate = sound_in(html)

    assert (found_rate, samples.ndim) == (16_000, 1)
    onset = np.flatnonzero(np.abs(samples) > 0.1)[0] / 16_000 - heard.delay
    assert onset == pytest.approx(1.0, abs=0.01)
    assert np.abs(samples).max() == pytest.approx(0.4, abs=0.08)  # the mean of two channels
    assert told(html)["duration"] == told(html)["sound"]["seconds"] == 3
    assert told(html)["sound"]["about"].startswith("The sound is beep.flac, as the model hears it")


def test_sound_is_embedded_a_minute_at_a_time(tmp_path):
    """Ten minutes in stereo are 230 MB as samples, and 3 MB as base64."""
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", 48_000, 2) as file:
        for _ in range(10):
            file.write(np.zeros((60 * 48_000, 2), np.float32))
    embedded(path)  # what is loaded for the first file stays

    tracemalloc.start()
    try:
        sound = embedded(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(sound.content) / 600 == pytest.approx(4000 * 4 / 3, rel=0.01)
    assert peak < 100e6


def test_where_the_dialogue_says_its_sound_is_it_is_found(write, noise, tmp_path):
    there = replace(TALK, audio=str(write("a.wav", noise(32_000), 16_000)))
    gone = replace(TALK, audio=str(tmp_path / "gone.wav"))
    url = replace(TALK, audio="https://example.org/a.wav")
    page_ = tmp_path / "p.html"

    assert write_page(there, page_).content
    assert write_page(gone, page_).about == f"There is no sound: {gone.audio}: no such audio file."
    assert "a URL can be linked to" in write_page(url, page_).about
    assert write_page(TALK, page_).about.startswith("There is no sound: none was given")
    assert write_page(there, page_, sound="none").about == "This page was made without sound."
    assert write_page(url, page_, sound="link").url == "https://example.org/a.wav"
    assert 'media-src https://example.org"' in page_.read_text("utf-8")


def test_a_link_leads_from_the_page_to_the_sound(write, noise, tmp_path):
    audio = write("a #b.wav", noise(16_000), 16_000)

    assert linked(audio, tmp_path / "pages" / "p.html").url == "../a%20%23b.wav"
    assert linked(audio, tmp_path / "p.html").url == "a%20%23b.wav"


@pytest.mark.parametrize("how", ["embed", "link"])
def test_sound_that_is_asked_for_and_cannot_be_had_is_an_error(how, tmp_path):
    page_ = tmp_path / "p.html"

    with pytest.raises(AudioError, match=r"gone\.wav: no such audio file"):
        write_page(TALK, page_, audio=tmp_path / "gone.wav", sound=how)
    with pytest.raises(OptionsError, match="leave out one of them"):
        write_page(TALK, page_, audio=tmp_path / "gone.wav", sound="none")
    assert not page_.exists()


def test_sound_that_is_none_is_an_error(write, tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    broken = np.full(16_000, np.nan, np.float32)

    with pytest.raises(AudioError, match=r"text\.wav: not readable as audio"):
        embedded(tmp_path / "text.wav")
    with pytest.raises(AudioError, match=r"empty\.wav: there is no sound in it"):
        embedded(write("empty.wav", np.zeros(0, np.float32), 16_000))
    with pytest.raises(AudioError, match=r"nan\.wav: 16000 NaN or infinite samples"):
        embedded(write("nan.wav", broken, 16_000, subtype="FLOAT"))


def test_a_libsndfile_without_mp3_says_what_to_do(write, noise, monkeypatch):
    audio = write("a.wav", noise(16_000), 16_000)
    monkeypatch.setattr("emo2vec_plugins.report.page_sound._MP3", {"format": "MP3", "subtype": "x"})

    with pytest.raises(AudioError, match=r"a\.wav: cannot be compressed .* --sound link or none"):
        embedded(audio)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://x;connect-src *;y/a.wav", "found no plain host"),
        ("https://x,y/a.wav", "found no plain host"),
        ("https://", "found no plain host"),
        ("http://[x/a.wav", "is no URL"),
        ("https://example.org:port/a.wav", "is no URL"),
        ("https://user:secret@example.org/a.wav", "which would be told by the page"),
    ],
)
def test_a_url_cannot_change_the_policy(url, message, tmp_path):
    with pytest.raises(AudioError, match=message) as caught:
        write_page(TALK, tmp_path / "p.html", audio=url, sound="link")
    heard = write_page(replace(TALK, audio=url), tmp_path / "p.html", sound="link")

    assert "secret" not in str(caught.value) + (tmp_path / "p.html").read_text("utf-8")
    assert heard.about.startswith("There is no sound: ")


@pytest.mark.parametrize("url", ["http://[::1]:8000/a.wav", "HTTPS://Example.org/a.wav?b=c;d"])
def test_sound_on_the_network_is_allowed_by_its_origin(url):
    html = page(TALK, sound=linked(url, "p.html"))

    origin = "http://[::1]:8000" if "::" in url else "https://example.org"
    assert f'media-src {origin}"' in html


def test_a_link_to_sound_stays_beside_the_page(write, noise, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "pages").mkdir()
    audio = write("data/a.wav", noise(16_000), 16_000)
    (tmp_path / "pages" / "b.wav").symlink_to(audio)

    sound = linked(tmp_path / "pages" / "b.wav", tmp_path / "pages" / "p.html")

    assert (sound.url, sound.seconds) == ("b.wav", 1.0)


def test_sound_that_only_browsers_read_is_linked_all_the_same(tmp_path):
    (tmp_path / "a.m4a").write_bytes(b"....ftypM4A ")

    assert linked(tmp_path / "a.m4a", tmp_path / "p.html").seconds is None


def test_text_that_cannot_be_seen_is_escaped_wherever_it_is(write, noise, tmp_path):
    odd = "a\u202eb"
    turn = scored(0, 1, odd, reason=odd, flags=(odd,), provenance=Provenance(model=odd))
    audio = write(f"{odd}.wav", noise(16_000), 16_000)
    write_page(Dialogue(recording=odd, turns=(turn,)), tmp_path / "p.html", audio=audio)

    html = (tmp_path / "p.html").read_text("utf-8")
    assert odd not in html
    assert odd not in json.dumps(told(html), ensure_ascii=False)
