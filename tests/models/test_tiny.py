"""The embedded model matches its model card and its recipe, and gives the same in FunASR."""

from __future__ import annotations

import csv
import re
from statistics import fmean

import pytest
import torch
import yaml
from support.paths import ROOT
from support.reference import auto_model

from emo2vec_plugins import Engine, load_model
from emo2vec_plugins.models.checkpoint import read_tensors
from emo2vec_plugins.models.config import read_config
from emo2vec_plugins.models.published import TINY
from emo2vec_plugins.training.filter_bank import freeze_filter_bank
from emo2vec_plugins.training.recipe import Recipe, read_recipe

LABELS = ("angry", "happy", "neutral", "sad")
RECIPE = ROOT / "examples" / "tiny"
BASELINE = 41.0
"""Recall in % of a network that only averages frames, on the card."""
MOST_BYTES = 5_000_000


@pytest.fixture(scope="module")
def backend():
    return load_model("tiny", device="cpu")


def card():
    return (TINY / "README.md").read_text("utf-8")


def corpora_on_card():
    """Return the unweighted average recall in % on each corpus that was left out of training."""
    block = re.search(r"^by corpus .*?\n((?:\w+ .*\n)+)", card(), re.M)[1]
    return {
        row.split()[0]: float(row.split()[2]) for row in block.splitlines() if "has only" not in row
    }


def test_tiny_has_four_classes_and_its_name_in_the_provenance(backend):
    assert backend.labels.names == LABELS
    assert backend.provenance.model == "tiny"


def test_tiny_is_small_and_in_the_published_layout():
    assert sum(file.stat().st_size for file in TINY.iterdir()) <= MOST_BYTES
    assert {"model.pt", "config.yaml", "configuration.json", "tokens.txt"} <= {
        file.name for file in TINY.iterdir()
    }
    assert {tensor.dtype for tensor in read_tensors(TINY / "model.pt").values()} == {torch.float32}


def test_tiny_is_trained_with_the_recipe_in_the_examples():
    on_card = yaml.safe_load(re.findall(r"^```yaml\n(.*?)^```", card(), re.M | re.S)[-1])
    recipe = read_recipe(RECIPE / "recipe.yaml")

    assert Recipe.from_dict(on_card).but({"network": recipe.network}) == recipe
    assert read_config(RECIPE / "config.yaml") == read_config(TINY / "config.yaml")
    assert "emo2vec train" in card()


def test_tiny_has_a_filter_bank_as_front_end(backend):
    assert freeze_filter_bank(backend.network.encoder, backend.network.config)


def test_the_mean_on_the_card_follows_from_its_corpora_and_beats_the_baseline():
    recalls = corpora_on_card()

    assert recalls.keys() == {"ravdess", "nemo", "emospeech"}
    found = re.search(r"mean over the three corpora is ([\d.]+) %", card())
    assert float(found[1]) == pytest.approx(fmean(recalls.values()), abs=0.1)
    assert float(found[1]) > BASELINE


@pytest.mark.slow
def test_tiny_recognises_its_training_clips(backend, shared):
    emodb = shared / "emodb"
    with (emodb / "labels.csv").open(encoding="utf-8", newline="") as file:
        clips = [
            (emodb / "wav" / row["file"], row["emotion2vec_label"])
            for row in csv.DictReader(file)
            if row["emotion2vec_label"] in LABELS
        ]
    engine = Engine(backend)

    right = [engine.score(path)[0].label == label for path, label in clips]

    assert len(right) == 263
    assert fmean(right) > 0.9


@pytest.mark.filterwarnings("ignore")  # FunASR's imports raise many warnings
def test_tiny_has_the_same_scores_in_funasr(backend, noise, write):
    path = write("noise.wav", noise(30_000), 16_000)

    expected = auto_model(TINY).generate(str(path), granularity="utterance")[0]
    found = Engine(backend).score(path)[0]

    assert expected["labels"] == ["生气/angry", "开心/happy", "中立/neutral", "难过/sad"]
    assert list(found.scores.values()) == pytest.approx(expected["scores"], abs=1e-4)
