"""Matching the recordings of an RTTM file with audio files."""

from __future__ import annotations

import unicodedata

import pytest

from emo2vec_plugins import Engine, Turn, annotate
from emo2vec_plugins.errors import AudioError, FormatError
from emo2vec_plugins.formats.rttm import parse_rttm
from emo2vec_plugins.integrations.recordings import chosen_recording
from emo2vec_plugins.integrations.rttm_sources import read_rttm_sources
from emo2vec_plugins.testing import FakeBackend, tone

LINE = "SPEAKER {} 1 0.0 1.0 <NA> <NA> A <NA> <NA>\n"


@pytest.fixture
def rttm(tmp_path):
    """Return a function that writes an RTTM file with one line for each name."""

    def save(*names: str, channel: int = 1):
        path = tmp_path / "ref.rttm"
        lines = [f"SPEAKER {name} {channel} 0.0 1.0 <NA> <NA> A <NA> <NA>\n" for name in names]
        path.write_text("".join(lines), "utf-8")
        return path

    return save


@pytest.fixture
def audio(tmp_path):
    """Return a function that creates an empty file; these tests never open audio."""

    def touch(name: str):
        path = tmp_path / "audio" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        return path

    return touch


def test_recordings_find_their_files(rttm, audio, tmp_path):
    audio("b.wav"), audio("deep/er/a.FLAC"), audio("other.mp3"), audio("c.txt")

    found = read_rttm_sources(rttm("a", "b", "c", "a"), tmp_path / "audio")

    assert [source.recording for source in found.sources] == ["a", "b"]
    assert [source.audio.name for source in found.sources] == ["a.FLAC", "b.wav"]
    assert found.sources[0].turns == (Turn(start=0, end=1, speaker="A"),) * 2
    assert found.missing == ("c",)
    assert found.unused == ()
    assert found.lines["c"] == "SPEAKER c 1 0.0 1.0 <NA> <NA> A <NA> <NA>\n"


def test_files_may_be_named_one_by_one(rttm, audio):
    files = [audio("a.wav"), audio("b.m4a"), audio("z.wav")]

    found = read_rttm_sources(rttm("b", "a"), files)

    assert [source.audio for source in found.sources] == [files[1], files[0]]
    assert found.unused == (files[2],)


def test_recordings_may_be_mapped_to_files(rttm, audio):
    file = audio("a.Mix-Headset.wav")

    found = read_rttm_sources(rttm("a", "b"), {"a": file, "z": file})

    assert [(source.recording, source.audio) for source in found.sources] == [("a", file)]
    assert found.missing == ("b",)
    assert found.unused == (file,)


def test_a_file_with_another_name_is_assigned_to_a_recording(rttm, audio, tmp_path):
    file, equals = audio("a.Mix-Headset.wav"), audio("b=c.wav")

    found = read_rttm_sources(rttm("a", "b=c"), [f"a={file}", f"z={file}", str(equals)])

    assert [(source.recording, source.audio) for source in found.sources] == [
        ("a", file),
        ("b=c", equals),
    ]
    assert found.unused == (file,)
    with pytest.raises(AudioError, match=r"gone\.wav: .*'a'"):
        read_rttm_sources(rttm("a"), [f"a={tmp_path}/gone.wav"])


def test_two_files_for_one_recording_are_rejected(rttm, audio, tmp_path):
    files = audio("a.wav"), audio("deep/a.flac")

    with pytest.raises(AudioError, match="'a', found 2") as caught:
        read_rttm_sources(rttm("a"), tmp_path / "audio")
    assert all(str(file) in str(caught.value) for file in files)


def test_two_files_of_an_unknown_recording_are_accepted(rttm, audio, tmp_path):
    audio("a.wav"), audio("z.wav"), audio("z.flac")

    found = read_rttm_sources(rttm("a"), tmp_path / "audio")

    assert len(found.sources) == 1


def test_a_file_that_is_given_twice_is_used_once(rttm, audio, tmp_path):
    file = audio("a.wav")

    found = read_rttm_sources(rttm("a"), [tmp_path / "audio", file, str(file)])

    assert found.sources[0].audio == file


def test_hidden_files_are_ignored(rttm, audio, tmp_path):
    audio("a.wav"), audio("._a.wav"), audio(".trash/a.wav")

    assert len(read_rttm_sources(rttm("a"), tmp_path / "audio").sources) == 1


def test_accents_may_be_composed_or_not(rttm, audio, tmp_path):
    audio(unicodedata.normalize("NFD", "réunion") + ".wav")

    assert read_rttm_sources(rttm("réunion"), tmp_path / "audio").missing == ()


def test_a_path_that_does_not_exist_is_named(rttm, tmp_path):
    with pytest.raises(AudioError, match="nowhere: "):
        read_rttm_sources(rttm("a"), [tmp_path / "nowhere"])


def test_a_malformed_rttm_file_is_named(tmp_path):
    path = tmp_path / "x.rttm"
    path.write_text("hello\n", "utf-8")

    with pytest.raises(FormatError, match=r"x\.rttm: line 1: "):
        read_rttm_sources(path, tmp_path)


def test_channels_are_read_on_request(rttm, write):
    file = write("a.wav", [tone(1.0), 0 * tone(1.0)], 16_000)
    path = rttm("a", channel=2)

    mixed, one = (
        read_rttm_sources(path, file, use_channels=asked).sources for asked in (False, True)
    )

    assert mixed[0].turns[0].channel is None
    assert one[0].turns[0].channel == 1
    [dialogue] = annotate(one, score=Engine(FakeBackend()))
    assert dialogue.turns[0].emotion.flags == ("silent",)


def test_recordings_are_matched_in_a_folder_of_meetings(shared):
    found = read_rttm_sources(
        shared / "conversations" / "debug.train.rttm", shared / "conversations"
    )

    assert [source.recording for source in found.sources] == ["trn01", "trn02"]
    assert len(found.missing) == 8


def test_the_chosen_recording_is_the_named_one_or_the_only_one():
    one, two = (parse_rttm(LINE.format(name))[0] for name in ("a", "b"))

    assert chosen_recording([one, two], "c", "b") is two
    assert chosen_recording([one], "c") is one
    with pytest.raises(FormatError, match=r"'c'.* found 'a'.* recording="):
        chosen_recording([one], "c", only=False)
    with pytest.raises(FormatError, match=r"one recording .*found 'a', 'b'"):
        chosen_recording([one, two], None)
