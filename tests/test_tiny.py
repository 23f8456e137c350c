"""The embedded model is what its card says, here and in FunASR."""

from __future__ import annotations

import csv
import re
from collections import Counter

import pytest
from reference import auto_model

from emo2vec_plugins import Engine, load_model
from emo2vec_plugins.model.checkpoint import read_tensors, read_tokens, save_folder
from emo2vec_plugins.model.config import read_config
from emo2vec_plugins.model.published import TINY

LABELS = ("angry", "happy", "neutral", "sad")
HELD_OUT = ("15", "16")
MOST_BYTES = 5_000_000


@pytest.fixture(scope="module")
def backend():
    return load_model("tiny", device="cpu")


@pytest.fixture(scope="module")
def emodb(shared):
    return shared / "emodb"


def card():
    return (TINY / "README.md").read_text("utf-8")


def confusions_on_card():
    rows = re.findall(r"^\| (\w+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| [\d.]+% \|$", card(), re.M)
    return {label: [int(cell) for cell in cells] for label, *cells in rows}


def recalls(confusions):
    return {label: row[LABELS.index(label)] / sum(row) for label, row in confusions.items()}


def test_tiny_has_four_classes_and_says_its_name(backend):
    assert backend.labels.names == LABELS
    assert backend.provenance.model == "tiny"


def test_tiny_is_small_and_every_weight_is_half_precision():
    kinds = {str(tensor.dtype) for tensor in read_tensors(TINY / "model.safetensors").values()}

    assert kinds == {"torch.float16"}
    assert sum(file.stat().st_size for file in TINY.iterdir()) <= MOST_BYTES


def test_the_average_on_the_card_follows_from_its_confusions():
    found = recalls(confusions_on_card())

    assert tuple(found) == LABELS
    average = sum(found.values()) / len(LABELS)
    assert average > 0.55
    assert f"**{average:.1%}**" in card()
    assert all(f"| {recall:.1%} |" in card() for recall in found.values())


def test_tiny_hears_the_held_out_speakers_as_the_card_says(backend, emodb):
    with (emodb / "labels.csv").open(encoding="utf-8", newline="") as file:
        clips = [
            (emodb / "wav" / row["file"], row["emotion2vec_label"])
            for row in csv.DictReader(file)
            if row["speaker"] in HELD_OUT and row["emotion2vec_label"] in LABELS
        ]
    engine = Engine(backend)

    pairs = Counter((label, engine.score(path)[0].label) for path, label in clips)

    assert confusions_on_card() == {
        label: [pairs[label, heard] for heard in LABELS] for label in LABELS
    }


@pytest.mark.filterwarnings("ignore")  # FunASR's imports warn of many things
def test_tiny_gives_the_same_scores_in_funasr(backend, noise, write, tmp_path):
    path = write("noise.wav", noise(30_000), 16_000)
    tensors = {k: v.float() for k, v in read_tensors(TINY / "model.safetensors").items()}
    tokens = read_tokens(TINY / "tokens.txt")
    config = read_config(TINY / "config.yaml")
    save_folder(tmp_path / "tiny", config=config, tensors=tensors, tokens=tokens)

    expected = auto_model(tmp_path / "tiny").generate(str(path), granularity="utterance")[0]
    found = Engine(backend).score(path)[0]

    assert expected["labels"] == ["生气/angry", "开心/happy", "中立/neutral", "难过/sad"]
    assert list(found.scores.values()) == pytest.approx(expected["scores"], abs=1e-4)
