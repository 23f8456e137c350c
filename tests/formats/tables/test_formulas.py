"""Texts that a spreadsheet would run as formulas, in all CSV tables."""

from __future__ import annotations

import csv
import io

import pytest

from emo2vec_plugins import Dialogue, Emotion, Plugins, ScoredTurn, Turn
from emo2vec_plugins.formats import without_formula
from emo2vec_plugins.formats.tables.csv import with_formula

DANGEROUS = [
    *(
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "'=1",
        "''=1",
        "=cmd|' /C calc'!A0",
        "-",
        "=",
    ),
]
TEXTS = {
    *("recording", "speaker", "audio", "file", "emotion", "reason", "flags"),
    *("emotion_reason", "emotion_flags"),
}
HARMLESS = ["'tis", "a=b", "", " =1", "1", "'"]


@pytest.mark.parametrize("text", DANGEROUS + HARMLESS)
def test_the_text_comes_back(text):
    assert with_formula(without_formula(text)) == text


def test_different_texts_stay_different():
    texts = [*DANGEROUS, *HARMLESS, *map(without_formula, DANGEROUS)]

    assert len({without_formula(text) for text in texts}) == len({*texts})


@pytest.mark.parametrize("text", DANGEROUS)
@pytest.mark.parametrize("name", ["table.csv", "audformat"])
def test_no_cell_is_a_formula_and_all_are_read_back(name, text):
    format_ = Plugins(installed=False).format(name)
    turn = Turn(start=-1.0, end=1.0, speaker=text)
    emotion = Emotion(label=text, score=0.5, reason=text, flags=("-x",))
    given = [
        Dialogue(recording=text, audio=text, turns=(ScoredTurn(turn=turn, emotion=emotion),)),
    ]

    written = format_.dumps(given)
    (read,) = format_.loads(written)

    (row,) = csv.DictReader(io.StringIO(written, newline=""))
    cells = [cell for column, cell in row.items() if column in TEXTS and cell]
    assert len(cells) >= 5
    assert not [cell for cell in cells if cell[0] in "=+-@\t\r"]
    assert read.recording == text
    assert read.turns[0].turn.speaker == text
    assert read.turns[0].emotion.label == text
    assert read.turns[0].emotion.flags == emotion.flags
