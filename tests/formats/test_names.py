"""Escaping of names in RTTM fields and file names."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emo2vec_plugins.formats.names import Escaping, bundle_stem, recording_of
from emo2vec_plugins.formats.rttm import LABELS, NAMES

# Generate the characters of escapes, and those that must be escaped, often.
names = st.text(st.one_of(st.sampled_from('%0123456789ABCDEFNaon? ".+/'), st.characters()))


@given(name=names)
@example("%20")
@example("%%20")
@example("50%25")
@example("%2 ")
@example("%")
@example("")
@example("%4Eone")
@example("\udc80")
def test_every_name_survives_a_round_trip(name):
    assert NAMES.unescape(NAMES.escape(name)) == name


@given(name=names)
@example("None")
def test_no_escaped_name_breaks_a_line_or_a_field(name):
    escaped = NAMES.escape(name)

    assert escaped.split() == [escaped]
    assert escaped.isprintable()
    assert '"' not in escaped


@given(label=names)
def test_labels_are_ascii_without_plus(label):
    escaped = LABELS.escape(label)

    assert escaped.isascii()
    assert "+" not in escaped
    assert LABELS.unescape(escaped) == label


@pytest.mark.parametrize(
    "name", ["MÉO069", "SPEAKER_00", "李雷", "50%", "a+b", "#1", "o'neil", "😀"]
)
def test_printable_names_are_kept(name):
    assert NAMES.escape(name) == name


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("a b", "a%20b"),
        ("a\u00a0b", "a%C2%A0b"),
        ("a\tb\n", "a%09b%0A"),
        ('"Bob"', "%22Bob%22"),
        ("a%20b", "a%2520b"),
        ("None", "%4Eone"),
        ("<NA>", "%3CNA>"),
        ("nan", "%6Ean"),
        ("?", "%3F"),
    ],
)
def test_other_names_are_escaped(name, escaped):
    assert NAMES.escape(name) == escaped


@pytest.mark.parametrize("text", ["50%25", "a%ZZ", "%C3", "%6eone", "x%41"])
def test_names_of_other_tools_are_unchanged(text):
    assert NAMES.unescape(text) == text


TOKENS = Escaping(lambda character: character.isalnum() or character == ".", mark=":")


@given(name=st.text(st.sampled_from(":%0123456789ABCDEFNaon? .") | st.characters()))
@example("a:20b")
@example(":")
@example("")
def test_another_mark_replaces_the_percent_sign(name):
    escaped = TOKENS.escape(name)

    assert "%" not in escaped
    assert " " not in escaped
    assert TOKENS.unescape(escaped) == name


def test_a_name_is_escaped_with_another_mark():
    assert [TOKENS.escape(name) for name in ("a b%", "a:b", "a:20", "")] == [
        "a:20b:25",
        "a:b",
        "a:3A20",
        ":",
    ]


@given(name=names)
@example("..")
@example("../../etc/passwd")
@example("/abs")
@example("C:\\x")
@example("x" * 500)
def test_a_file_name_never_leaves_its_folder(name):
    stem = bundle_stem(name)

    assert "/" not in stem
    assert "\\" not in stem
    assert not stem.startswith(".")
    assert 0 < len(stem.encode()) <= 200


@given(one=names, other=names)
@example("x", "x.emotion")
@example("x.emotion", "x%2Eemotion")
@example("é" * 300, "é" * 301)
@example("con", "%63on")
@example(".x", "%2Ex")
def test_no_two_recordings_share_a_file(one, other):
    suffixes = (".rttm", ".emotion.rttm", ".spkemo.rttm", ".emotions.jsonl", ".embeddings.npz")
    files = [{bundle_stem(name) + suffix for suffix in suffixes} for name in (one, other)]

    assert one == other or files[0].isdisjoint(files[1])


@pytest.mark.parametrize("name", ["x.emotion", "x.spkemo", "x.SpkEmo"])
def test_no_rttm_takes_the_name_of_an_emotion_rttm(name):
    assert bundle_stem(name).lower() not in ("x.emotion", "x.spkemo")


@pytest.mark.parametrize("name", ["NUL", "con.wav", "lpt1"])
def test_no_file_has_the_name_of_a_windows_device(name):
    assert bundle_stem(name).startswith("%")


@given(name=names)
@example("x" * 200)
@example("x" * 174 + "é" * 20)  # shortened in the middle of a character
@example("/" * 70)  # shortened in the middle of an escape
def test_a_file_name_gives_the_recording(name):
    stem = bundle_stem(name)

    # Long names are shortened, below the limit if the cut would split an escape.
    if not re.search("%-[0-9a-f]{20}$", stem):
        assert recording_of(stem) == name
