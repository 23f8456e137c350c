"""The embedded model matches its model card and its recipe, and gives the same in FunASR."""

from __future__ import annotations

import csv
import re
from statistics import fmean, stdev

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
BASELINE = 78.4
MOST_BYTES = 5_000_000


@pytest.fixture(scope="module")
def backend():
    return load_model("tiny", device="cpu")


def card():
    return (TINY / "README.md").read_text("utf-8")


def speakers_on_card():
    """Return each speaker's turns, and the recall in % of the model trained without them."""
    rows = re.findall(r"^\| (\d\d) \| (\d+) \| ([\d.]+) \| [\d.]+ \|$", card(), re.M)
    return {speaker: (int(turns), float(recall)) for speaker, turns, recall in rows}


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


def test_the_average_on_the_card_follows_from_its_speakers_and_beats_the_baseline():
    speakers = speakers_on_card()
    recalls = [recall for _, recall in speakers.values()]

    assert list(speakers) == ["03", "08", "09", "10", "12", "13", "15", "16"]
    assert sum(turns for turns, _ in speakers.values()) == 263
    found = re.search(r"Mean UA \*\*([\d.]+)%\*\*, standard deviation ([\d.]+)%", card())
    assert float(found[1]) == pytest.approx(fmean(recalls), abs=0.1)
    assert float(found[2]) == pytest.approx(stdev(recalls), abs=0.1)
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
