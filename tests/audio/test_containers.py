"""Recognising audio files, by suffix and by first bytes."""

from __future__ import annotations

import io

import pytest
import soundfile

from emo2vec_plugins.audio.containers import (
    READABLE_SUFFIXES,
    UNREADABLE_SUFFIXES,
    is_audio_file,
)


def test_suffixes_are_in_lower_case_and_in_one_list_only():
    assert not READABLE_SUFFIXES & UNREADABLE_SUFFIXES
    assert all(
        suffix.startswith(".") and suffix == suffix.lower()
        for suffix in READABLE_SUFFIXES | UNREADABLE_SUFFIXES
    )


@pytest.mark.parametrize(
    "suffix", [".aiff", ".au", ".caf", ".flac", ".mp3", ".ogg", ".rf64", ".wav"]
)
def test_readable_files_are_recognised_by_their_first_bytes(noise, suffix):
    stream = io.BytesIO()

    soundfile.write(stream, noise(16_000), 16_000, format=suffix[1:].upper())

    assert suffix in READABLE_SUFFIXES
    assert is_audio_file(stream.getvalue())


@pytest.mark.parametrize("data", [b"", b"RIFF\0\0\0\0AVI ", b"\xff\xfb\x90\x00" + bytes(500)])
def test_other_bytes_are_not_an_audio_file(data):
    assert not is_audio_file(data)
