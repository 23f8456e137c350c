"""Whole files of any format: chosen by name or ending, complete or absent, refused in words."""

from __future__ import annotations

import types
from pathlib import Path

import pytest

from emo2vec_plugins.core.format import Format
from emo2vec_plugins.core.hookspecs import hookimpl
from emo2vec_plugins.core.plugins import Plugins
from emo2vec_plugins.core.values import Dialogue, Emotion, ScoredTurn, Turn
from emo2vec_plugins.errors import FormatError, PluginError
from emo2vec_plugins.files import read_text
from emo2vec_plugins.formats.bundle import write_bundle
from emo2vec_plugins.formats.files import read_dialogues, write_dialogues

SAD = ScoredTurn(turn=Turn(start=0.0, end=1.5, speaker="A"), emotion=Emotion(label="sad"))
TALK = Dialogue(recording="talk", turns=(SAD,))


@pytest.fixture
def plugins():
    """The built-in formats, one of labels that can only be written, and one that is broken."""

    def labels(dialogues):
        return "".join(f"{each.emotion.label}\n" for one in dialogues for each in one.turns)

    class Extra:
        @hookimpl
        def emo2vec_formats(self):
            return [
                Format(name="labels", suffixes=(".lab",), description="", dumps=labels),
                Format(
                    name="broken",
                    suffixes=(".broken",),
                    description="",
                    dumps=lambda dialogues: dialogues[1],
                    loads=lambda text: None,
                ),
            ]

    return Plugins([Extra()], installed=False)


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("labels", "labels"),
        ("rttm", "rttm"),
        ("x.rttm", "rttm"),
        ("x.emotion.rttm", "emotion.rttm"),
        ("X.SPKEMO.RTTM", "spkemo.rttm"),
        (Path("a/b.lab"), "labels"),
        ("b.emotions.jsonl", "emotions.jsonl"),
    ],
)
def test_a_format_is_found_by_its_name_or_by_the_longest_ending(plugins, wanted, name):
    assert plugins.format(wanted).name == name


@pytest.mark.parametrize("wanted", ["x.srt", "srt", Path("labels")])
def test_a_format_that_is_not_there_is_refused_with_those_that_are(plugins, wanted):
    with pytest.raises(FormatError, match=r"there are rttm \(\.rttm\), .*labels \(\.lab\)"):
        plugins.format(wanted)


def test_what_is_written_is_read_back(plugins, tmp_path):
    write_dialogues(iter([TALK]), tmp_path / "talk.emotions.jsonl", plugins=plugins)

    assert read_dialogues(tmp_path / "talk.emotions.jsonl", plugins=plugins) == [TALK]
    assert [path.name for path in tmp_path.iterdir()] == ["talk.emotions.jsonl"]


@pytest.mark.parametrize("name", ["talk.vtt", "talk.audacity.txt"])
def test_a_recording_that_nobody_named_is_called_after_its_file(plugins, tmp_path, name):
    text = "WEBVTT\n" if name.endswith(".vtt") else ""
    (tmp_path / name).write_text(text, "utf-8")

    assert read_dialogues(tmp_path / name, plugins=plugins) == [Dialogue(recording="talk")]


def test_a_named_format_needs_no_ending(plugins, tmp_path):
    write_dialogues([TALK], tmp_path / "any.txt", plugins=plugins, format="labels")

    assert (tmp_path / "any.txt").read_bytes() == b"sad\n"


def test_a_file_stays_as_it_was_if_the_new_one_cannot_be_written(plugins, tmp_path):
    path = tmp_path / "talk.broken"
    path.write_text("before")

    with pytest.raises(PluginError, match="format 'broken' failed: IndexError"):
        write_dialogues([TALK], path, plugins=plugins)
    assert path.read_text() == "before"
    with pytest.raises(PluginError, match="format 'broken' is to give a list, got NoneType"):
        read_dialogues(path, plugins=plugins)


def test_what_a_format_cannot_do_is_said(plugins, tmp_path):
    with pytest.raises(FormatError, match="'labels' can be written, not read"):
        read_dialogues(tmp_path / "a.lab", plugins=plugins)


def test_a_file_of_another_format_is_named_with_its_line(plugins, tmp_path):
    path = tmp_path / "a.emotions.jsonl"
    path.write_text("nonsense\n")

    with pytest.raises(FormatError, match=r"a\.emotions\.jsonl: line 1: not JSON"):
        read_dialogues(path, plugins=plugins)


@pytest.mark.parametrize("data", [b"RIFF\x24\x80\0\0WAVE", b"\xff\xfb\x90\0\0", b"fLaC\0\0\0\x22"])
def test_audio_in_place_of_text_is_called_so(tmp_path, data):
    path = tmp_path / "a.rttm"
    path.write_bytes(data)

    with pytest.raises(FormatError, match=r"found audio or other binary data; .* swapped"):
        read_text(path)


def test_what_is_no_dialogue_is_refused(plugins, tmp_path):
    meeting = types.SimpleNamespace(emotions=TALK)

    with pytest.raises(FormatError, match=r"got SimpleNamespace; pass its \.emotions"):
        write_bundle(meeting, tmp_path / "out")
    with pytest.raises(FormatError, match="a list of dialogues, got one Dialogue"):
        write_dialogues(TALK, tmp_path / "a.rttm", plugins=plugins)
    assert list(tmp_path.iterdir()) == []


def test_folders_are_made(plugins, tmp_path):
    write_dialogues([TALK], tmp_path / "a" / "b" / "a.rttm", plugins=plugins)

    assert (tmp_path / "a" / "b" / "a.rttm").is_file()


def test_a_file_in_place_of_a_folder_is_named(plugins, tmp_path):
    (tmp_path / "file").write_text("")

    for place in ("file/a.rttm", "file/b/a.rttm"):
        with pytest.raises(NotADirectoryError, match="is a file, expected a folder") as caught:
            write_dialogues([TALK], tmp_path / place, plugins=plugins)
        assert caught.value.filename == str(tmp_path / "file")
    with pytest.raises(NotADirectoryError, match="is a file, expected a folder"):
        write_bundle(TALK, tmp_path / "file")


def test_a_link_is_written_through(plugins, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link.rttm").symlink_to(tmp_path / "there" / "a.rttm")

    write_dialogues([TALK], tmp_path / "link.rttm", plugins=plugins)

    assert (tmp_path / "link.rttm").is_symlink()
    assert read_dialogues(tmp_path / "there" / "a.rttm", plugins=plugins)
