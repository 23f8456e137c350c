"""The audio of a page: embedded, linked or absent."""

from __future__ import annotations

import base64
import io
import re
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from support.facts import assert_facts
from support.pages import data_of
from support.pictures import TALK

from emo2vec_plugins.core import Permissions
from emo2vec_plugins.errors import AudioError, OptionsError
from emo2vec_plugins.report.page import page, write_page
from emo2vec_plugins.report.page_sound import embedded, linked


def sound_in(html):
    """Return the samples and the sampling rate of the audio in a page."""
    [text] = re.findall(r'<script type="text/plain" id="sound">(.*?)</script>', html, re.S)
    return soundfile.read(io.BytesIO(base64.b64decode(text)))


def test_embedded_audio_is_the_file_at_16_khz_mono(write, tmp_path):
    rate = 44_100
    silence = np.zeros((2, 3 * rate), np.float32)
    silence[0, rate : rate + 4410] = 0.8 * np.sin(np.arange(4410) * 0.1)
    audio = write("beep.flac", silence, rate)

    sound = write_page(TALK, tmp_path / "p.html", audio=audio)
    html = (tmp_path / "p.html").read_text("utf-8")
    samples, found_rate = sound_in(html)

    assert (found_rate, samples.ndim) == (16_000, 1)
    onset = np.flatnonzero(np.abs(samples) > 0.1)[0] / 16_000 - sound.delay
    assert onset == pytest.approx(1.0, abs=0.01)
    assert np.abs(samples).max() == pytest.approx(0.4, abs=0.08)  # the mean of two channels
    assert data_of(html)["duration"] == data_of(html)["sound"]["seconds"] == 3
    for fact in ("beep.flac", "16 kHz", "32 kbit/s"):
        assert fact in data_of(html)["sound"]["about"]


def test_audio_is_embedded_a_minute_at_a_time(tmp_path):
    """Ten minutes in stereo are 230 MB as samples, and 3 MB as base64."""
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", 48_000, 2) as file:
        for _ in range(10):
            file.write(np.zeros((60 * 48_000, 2), np.float32))
    soundfile.write(tmp_path / "short.wav", np.zeros((48_000, 2), np.float32), 48_000)
    embedded(tmp_path / "short.wav")  # the first file loads code that stays in memory

    tracemalloc.start()
    try:
        sound = embedded(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(sound.content) / 600 == pytest.approx(4000 * 4 / 3, rel=0.01)
    assert peak < 100e6


def test_the_audio_of_the_dialogue_is_found(write, noise, tmp_path):
    there = replace(TALK, audio=str(write("a.wav", noise(32_000), 16_000)))
    gone = replace(TALK, audio=str(tmp_path / "gone.wav"))
    url = replace(TALK, audio="https://example.org/a.wav")
    page_ = tmp_path / "p.html"
    here = Permissions(root=tmp_path)

    assert write_page(there, page_, permissions=here).content
    assert gone.audio in write_page(gone, page_, permissions=here).about
    assert "https://example.org" in write_page(url, page_).about
    assert "none was given" in write_page(TALK, page_).about
    assert "no audio" in write_page(there, page_, sound="none").about
    assert write_page(url, page_, sound="link").url == "https://example.org/a.wav"
    assert 'media-src https://example.org"' in page_.read_text("utf-8")


def test_audio_is_embedded_only_if_it_was_asked_for(write, noise, tmp_path):
    """Annotations of others may name any file, and the page is shared."""
    (tmp_path / "elsewhere").mkdir()
    private = str(write("private.wav", noise(32_000), 16_000))
    talk, page_ = replace(TALK, audio=private), tmp_path / "p.html"

    unasked = write_page(talk, page_)
    outside = write_page(talk, page_, permissions=Permissions(root=tmp_path / "elsewhere"))

    for found in (unasked, outside):
        assert (found.content, found.url) == ("", "")
        assert private in found.about


def test_a_link_is_relative_to_the_page(write, noise, tmp_path):
    audio = write("a #b.wav", noise(16_000), 16_000)

    assert linked(audio, tmp_path / "pages" / "p.html").url == "../a%20%23b.wav"
    assert linked(audio, tmp_path / "p.html").url == "a%20%23b.wav"


@pytest.mark.parametrize("how", ["embed", "link"])
def test_missing_requested_audio_is_an_error(how, tmp_path):
    page_ = tmp_path / "p.html"

    with pytest.raises(AudioError, match=r"gone\.wav"):
        write_page(TALK, page_, audio=tmp_path / "gone.wav", sound=how)
    with pytest.raises(OptionsError, match="sound='none'"):
        write_page(TALK, page_, audio=tmp_path / "gone.wav", sound="none")
    assert not page_.exists()


def test_invalid_audio_is_an_error(write, tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    broken = np.full(16_000, np.nan, np.float32)

    with pytest.raises(AudioError, match=r"text\.wav"):
        embedded(tmp_path / "text.wav")
    with pytest.raises(AudioError, match=r"empty\.wav.* 0 samples"):
        embedded(write("empty.wav", np.zeros(0, np.float32), 16_000))
    with pytest.raises(AudioError, match=r"nan\.wav.*16000 NaN"):
        embedded(write("nan.wav", broken, 16_000, subtype="FLOAT"))


def test_a_libsndfile_without_mp3_names_the_remedy(write, noise, monkeypatch):
    audio = write("a.wav", noise(16_000), 16_000)
    monkeypatch.setattr("emo2vec_plugins.report.page_sound._MP3", {"format": "MP3", "subtype": "x"})

    with pytest.raises(AudioError, match=r"a\.wav: .*MP3.*--sound link"):
        embedded(audio)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://x;connect-src *;y/a.wav", "plain host"),
        ("https://x,y/a.wav", "plain host"),
        ("https://", "plain host"),
        ("http://[x/a.wav", r"http://\[x/a\.wav"),
        ("https://example.org:port/a.wav", "port"),
        ("https://user:secret@example.org/a.wav", "user name"),
        ("https://user:secret@x;y/a.wav", "user name"),
    ],
)
def test_a_url_cannot_change_the_policy(url, message, tmp_path):
    for how in ("link", "embed"):
        with pytest.raises(AudioError, match=message) as caught:
            write_page(TALK, tmp_path / "p.html", audio=url, sound=how)
        sound = write_page(replace(TALK, audio=url), tmp_path / "p.html", sound=how)

        assert "secret" not in str(caught.value) + (tmp_path / "p.html").read_text("utf-8")
        assert (sound.url, sound.content) == ("", "")
        assert sound.about


@pytest.mark.parametrize("url", ["http://[::1]:8000/a.wav", "HTTPS://Example.org/a.wav?b=c;d"])
def test_audio_on_the_network_is_allowed_by_its_origin(url):
    html = page(TALK, sound=linked(url, "p.html"))

    origin = "http://[::1]:8000" if "::" in url else "https://example.org"
    assert f'media-src {origin}"' in html


def test_symbolic_links_are_not_resolved(write, noise, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "pages").mkdir()
    audio = write("data/a.wav", noise(16_000), 16_000)
    (tmp_path / "pages" / "b.wav").symlink_to(audio)

    sound = linked(tmp_path / "pages" / "b.wav", tmp_path / "pages" / "p.html")

    assert (sound.url, sound.seconds) == ("b.wav", 1.0)


def test_audio_that_only_browsers_read_can_be_linked(tmp_path):
    (tmp_path / "a.m4a").write_bytes(b"....ftypM4A ")

    assert linked(tmp_path / "a.m4a", tmp_path / "p.html").seconds is None


def test_the_page_does_not_say_that_channels_were_averaged_for_the_model(write, noise):
    one = embedded(write("one.wav", noise(8_000), 16_000))
    two = embedded(write("two.wav", noise(8_000, channels=2), 16_000))

    assert_facts(one.about, "one.wav", "as the model receives it", "16 kHz")
    assert_facts(two.about, "two.wav", "mean of the 2 channels", "on that channel only")
    assert "as the model receives it" not in two.about
