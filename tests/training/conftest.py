"""Fixtures of runs on a small corpus."""

from __future__ import annotations

import pytest
from support.training import corpus, manifest, small_config, small_model

from emo2vec_plugins import load_model
from emo2vec_plugins.integrations.lhotse import read_cuts
from emo2vec_plugins.training.examples import read_examples
from emo2vec_plugins.training.recipe import Recipe
from emo2vec_plugins.training.split import make_split


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder with a manifest, the config of a small network, and a small model."""
    folder = tmp_path_factory.mktemp("place")
    manifest(folder / "cuts.jsonl.gz", corpus(folder / "wav"))
    small_config(folder / "config.yaml")
    small_model(folder / "base")
    return folder


@pytest.fixture(scope="module")
def examples(place):
    return read_examples(read_cuts(place / "cuts.jsonl.gz"))


@pytest.fixture(scope="module")
def split(examples):
    """Return training turns, without development turns."""
    return make_split([example for example in examples if example.speaker != "dee"])


@pytest.fixture(scope="module")
def split_with_dev(examples):
    """Return the same training turns, with those of one more speaker as development turns."""
    return make_split(examples, names=["dee"])


@pytest.fixture(scope="module")
def recipe(place):
    return Recipe(
        tune="new",
        network=str(place / "config.yaml"),
        epochs=3,
        batch_turns=6,
        learning_rate=0.01,
        crop=(0.7, 1.0),
        noise=(20, 40),
        dropout=0.1,
        average=5,
    )


@pytest.fixture
def base(place):
    return load_model(place / "base", device="cpu")
