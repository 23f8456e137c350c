"""Reasons are counted by their kind."""

from __future__ import annotations

import pytest

from emo2vec_plugins.core import kind_of_reason


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("too short: 160 samples at 16 kHz, one frame needs 400 (25 ms)", "too short"),
        ("/a/b.wav: no such audio file (recording 'b')", "no such audio file"),
        ("b.wav: no such audio file (recording 'b')", "no such audio file"),
        ("MonoCut 'x: y' has no recording", "MonoCut … has no recording"),
        ("recording 'r': Lhotse raised OSError: /x: 3 bytes", "Lhotse raised OSError"),
        ('recording "it\'s": Lhotse raised ValueError: 3', "Lhotse raised ValueError"),
        ("cut 5, track 1: padding has no audio", "padding has no audio"),
        (
            "a/rec.000000.tar: no data of cut 'c'; it is damaged after 3 items: ReadError",
            "no data of cut …; it is damaged after … items",
        ),
        (
            "17 NaN or infinite samples, the first at 0.5 s",
            "… NaN or infinite samples, the first at … s",
        ),
        ("", ""),
        ("a/b.wav", "a/b.wav"),
    ],
)
def test_a_kind_has_no_names_and_numbers(reason, kind):
    assert kind_of_reason(reason) == kind


def test_reasons_of_different_problems_stay_apart():
    reasons = [
        "recording 'r': Lhotse raised OSError: x",
        "recording 'r': Lhotse raised ValueError: x",
        "recording 'r': found the command 'ls'; if you trust its author, allow it",
        "r.tar: no data of cut 'c'; there is no such file",
        "r.tar: no data of cut 'c'; it is damaged after 3 items: x",
    ]

    assert len(set(map(kind_of_reason, reasons))) == len(reasons)


def test_a_reason_of_any_length_has_a_short_kind():
    assert len(kind_of_reason("x" * 10**6)) < 1000
