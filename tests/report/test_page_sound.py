"""The sound of a page: within it, beside it, or not there."""

from __future__ import annotations

import base64
import io
import re
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from support.pages import data_of
from support.pictures import TALK

from emo2vec_plugins.errors import AudioError, OptionsError
from emo2vec_plugins.report.page import page, write_page
from emo2vec_plugins.report.page_sound import embedded, linked


def sound_in(html):
    """The sound in a page: samples, and their rate."""
    [text] = re.findall(r'<script type="text/plain" id="sound">(.*?)</script>', html, re.S)
    return soundfile.read(io.BytesIO(base64.b64decode(text)))


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
    assert data_of(html)["duration"] == data_of(html)["sound"]["seconds"] == 3
    assert data_of(html)["sound"]["about"].startswith(
        "The sound is beep.flac, as the model hears it"
    )


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
    assert "but a URL linked to" in write_page(url, page_).about
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
        ("https://user:secret@example.org/a.wav", "which the page would show"),
        ("https://user:secret@x;y/a.wav", "which the page would show"),
    ],
)
def test_a_url_cannot_change_the_policy(url, message, tmp_path):
    for how in ("link", "embed"):
        with pytest.raises(AudioError, match=message) as caught:
            write_page(TALK, tmp_path / "p.html", audio=url, sound=how)
        heard = write_page(replace(TALK, audio=url), tmp_path / "p.html", sound=how)

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
