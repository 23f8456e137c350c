"""Files of any format: choice by name or suffix, atomic writing, and errors."""

from __future__ import annotations

import codecs
import types
from dataclasses import replace
from pathlib import Path

import pytest
from support.facts import assert_facts
from support.paths import names_in

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
    """The built-in formats, a write-only format of labels, and a broken format."""

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
def test_a_format_is_found_by_name_or_longest_suffix(plugins, wanted, name):
    assert plugins.format(wanted).name == name


@pytest.mark.parametrize("wanted", ["x.srt", "srt", Path("zzz")])
def test_an_unknown_format_is_an_error_that_lists_formats(plugins, wanted):
    with pytest.raises(FormatError, match=r"rttm.*labels"):
        plugins.format(wanted)


def test_what_is_written_is_read_back(plugins, tmp_path):
    write_dialogues(iter([TALK]), tmp_path / "talk.emotions.jsonl", plugins=plugins)

    assert read_dialogues(tmp_path / "talk.emotions.jsonl", plugins=plugins) == [TALK]
    assert names_in(tmp_path) == ["talk.emotions.jsonl"]


@pytest.mark.parametrize("name", ["talk.vtt", "talk.audacity.txt"])
def test_an_unnamed_recording_is_named_after_its_file(plugins, tmp_path, name):
    text = "WEBVTT\n" if name.endswith(".vtt") else ""
    (tmp_path / name).write_text(text, "utf-8")

    assert read_dialogues(tmp_path / name, plugins=plugins) == [Dialogue(recording="talk")]


def test_a_named_format_needs_no_suffix(plugins, tmp_path):
    write_dialogues([TALK], tmp_path / "any.txt", plugins=plugins, format="labels")

    assert (tmp_path / "any.txt").read_bytes() == b"sad\n"


def test_a_failed_write_leaves_the_old_file_intact(plugins, tmp_path):
    path = tmp_path / "talk.broken"
    path.write_text("before")

    with pytest.raises(PluginError, match=r"'broken'.*IndexError"):
        write_dialogues([TALK], path, plugins=plugins)
    assert path.read_text() == "before"
    with pytest.raises(PluginError, match=r"'broken'.*list.*NoneType"):
        read_dialogues(path, plugins=plugins)


def test_reading_a_write_only_format_is_an_error(plugins, tmp_path):
    with pytest.raises(FormatError, match=r"'labels'.*write-only.*a\.lab"):
        read_dialogues(tmp_path / "a.lab", plugins=plugins)


def test_a_malformed_file_is_named_with_its_line(plugins, tmp_path):
    path = tmp_path / "a.emotions.jsonl"
    path.write_text("nonsense\n")

    with pytest.raises(FormatError, match=r"a\.emotions\.jsonl: line 1: .*JSON"):
        read_dialogues(path, plugins=plugins)


@pytest.mark.parametrize("data", [b"RIFF\x24\x80\0\0WAVE", b"\xff\xfb\x90\0\0", b"fLaC\0\0\0\x22"])
def test_audio_instead_of_text_is_recognised(tmp_path, data):
    path = tmp_path / "a.rttm"
    path.write_bytes(data)

    with pytest.raises(FormatError, match=r"a\.rttm.*audio"):
        read_text(path)


@pytest.mark.parametrize("mark", [codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
@pytest.mark.parametrize("text", ["", "one\ntwo\u00e9\n"])
@pytest.mark.parametrize("by_line", [False, True])
def test_a_byte_order_mark_is_no_part_of_a_text(tmp_path, mark, text, by_line):
    names = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le"}
    path = tmp_path / "a.txt"
    path.write_bytes(mark + text.encode(names.get(mark, "utf-16-be")))

    assert read_text(path, by_line=by_line) == text


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_what_is_not_utf_8_is_named_with_its_line(tmp_path, mark):
    path = tmp_path / "a.txt"
    path.write_bytes(mark + b"one\ntwo\xe9\n")

    with pytest.raises(FormatError) as caught:
        read_text(path)

    assert_facts(str(caught.value), path, "line 2", "0xe9")


def test_other_objects_than_dialogues_are_an_error(plugins, tmp_path):
    meeting = types.SimpleNamespace(emotions=TALK)

    with pytest.raises(FormatError, match=r"SimpleNamespace.*\.emotions"):
        write_bundle(meeting, tmp_path / "out")
    with pytest.raises(FormatError, match=r"list.* Dialogue"):
        write_dialogues(TALK, tmp_path / "a.rttm", plugins=plugins)
    assert list(tmp_path.iterdir()) == []


def test_missing_folders_are_created(plugins, tmp_path):
    write_dialogues([TALK], tmp_path / "a" / "b" / "a.rttm", plugins=plugins)

    assert (tmp_path / "a" / "b" / "a.rttm").is_file()


def test_a_file_instead_of_a_folder_is_named(plugins, tmp_path):
    (tmp_path / "file").write_text("")

    for place in ("file/a.rttm", "file/b/a.rttm"):
        with pytest.raises(NotADirectoryError, match="folder") as caught:
            write_dialogues([TALK], tmp_path / place, plugins=plugins)
        assert caught.value.filename == str(tmp_path / "file")
    with pytest.raises(NotADirectoryError, match="folder"):
        write_bundle(TALK, tmp_path / "file")


def test_a_link_is_written_through(plugins, tmp_path):
    (tmp_path / "there").mkdir()
    target = tmp_path / "there" / "a.rttm"
    write_dialogues([replace(TALK, recording="before")], target, plugins=plugins)
    (tmp_path / "link.rttm").symlink_to(target)

    write_dialogues([TALK], tmp_path / "link.rttm", plugins=plugins)

    assert (tmp_path / "link.rttm").is_symlink()
    [talk] = read_dialogues(target, plugins=plugins)
    assert talk.recording == TALK.recording
