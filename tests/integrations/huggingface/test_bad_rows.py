"""Rows of datasets that cannot be scored: each costs no other row its emotion."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from datasets import IterableDataset

from emo2vec_plugins.integrations.huggingface import annotate_dataset
from emo2vec_plugins.testing import tone


def wav():
    file = io.BytesIO()
    soundfile.write(file, tone(1.0), 16_000, format="WAV")
    return {"bytes": file.getvalue(), "path": None}


CELLS = [
    None,
    5,
    object(),
    "a\0b",
    "\ud800",
    ["a.wav"],
    {},
    {"path": 5},
    {"path": "s3://bucket/a.wav"},
    {"bytes": b"junk"},
    {"bytes": "text"},
    {"array": "text", "sampling_rate": 16_000},
    {"array": np.zeros(16_000), "sampling_rate": None},
    {"array": np.zeros(16_000), "sampling_rate": 1e305},
    {"array": np.zeros((2, 3, 4)), "sampling_rate": 16_000},
    {"array": np.full(16_000, np.nan), "sampling_rate": 16_000},
]

TURNS = [
    5,
    "text",
    {"start": 5},
    [5],
    [None],
    [{"start": "0"}],
    [{"start": 0, "end": "x"}],
    [{"start": 1.0, "end": 0.0}],
    [{"start": float("nan")}],
    [{"end": 10**400}],
]


def test_a_cell_without_audio_gives_a_reason(engine):
    def rows():
        for cell in CELLS:
            yield {"audio": cell}
            yield {"audio": wav()}

    found = list(annotate_dataset(IterableDataset.from_generator(rows), score=engine))

    assert [row["emotion"] is None for row in found] == [True, False] * len(CELLS)
    assert all(row["emotion_reason"] for row in found[::2])


def test_turns_of_another_type_give_a_reason(engine):
    def rows():
        for turns in TURNS:
            yield {"audio": wav(), "turns": turns}
            yield {"audio": wav(), "turns": [{"start": 0.0, "end": 1.0}]}

    stream = IterableDataset.from_generator(rows)
    found = list(annotate_dataset(stream, score=engine, turns="turns"))

    assert [row["emotion"] == [None] for row in found] == [True, False] * len(TURNS)
    assert all(all(row["emotion_reason"]) for row in found[::2])


@pytest.mark.parametrize("turns", [None, []])
def test_a_row_may_have_no_turns(engine, turns):
    stream = IterableDataset.from_generator(lambda: iter([{"audio": wav(), "turns": turns}]))

    [found] = annotate_dataset(stream, score=engine, turns="turns")

    assert found["emotion"] == []
