"""Recipes: reading, validation and the learning rate."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.training.optimization import learning_rate
from emo2vec_plugins.training.recipe import Recipe, read_recipe


def test_a_recipe_survives_yaml():
    recipe = Recipe(
        tune="new",
        noise=(15, 50),
        codecs=("gsm", "opus"),
        chance={"noise": 0.5},
        front_end="filter-bank",
        learning_rate=1e-3,
        patience=4,
    )

    assert Recipe.from_dict(yaml.safe_load(yaml.safe_dump(recipe.to_dict()))) == recipe


def test_fields_that_a_file_omits_have_their_defaults(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text("tune: top\nblocks: 3\nlearning_rate: 1e-5\nnoise: [10, 30]\n")

    recipe = read_recipe(path)

    assert recipe == Recipe(tune="top", blocks=3, learning_rate=1e-5, noise=(10.0, 30.0))
    assert recipe.peak_rate == 1e-5


@pytest.mark.parametrize(
    ("tune", "peak"), [("head", 1e-2), ("top", 1e-4), ("all", 3e-5), ("new", 1.5e-3)]
)
def test_each_kind_of_training_has_its_own_learning_rate(tune, peak):
    assert Recipe(tune=tune).peak_rate == peak


def test_paths_are_relative_to_the_recipe(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text("tune: new\nnetwork: shape.yaml\nsounds: rain\n")

    assert read_recipe(path).network == str(tmp_path / "shape.yaml")
    assert read_recipe(path).sounds == str(tmp_path / "rain")


def test_the_shape_of_the_embedded_model_is_not_a_path(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text("tune: new\nnetwork: tiny\n")

    assert read_recipe(path).network == "tiny"


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        (
            "epoch: 3\nnoize: 1\nxyz: 1\n",
            ["epoch (", "'epochs'", "noize (", "'noise'", "xyz; ", "tune, blocks"],
        ),
        ("- 1\n", ["recipe", "'epochs: 30'", "got list"]),
        ("epochs: [\n", ["YAML"]),
        ("epochs: 0\n", ["epochs", "whole number of at least 1", "got 0"]),
        ("epochs: 2.5\n", ["epochs", "whole number of at least 1", "got 2.5"]),
        ("epochs: true\n", ["epochs", "whole number of at least 1", "got True"]),
        ("tune: everything\n", ["tune", "head, top, all, new", "got 'everything'"]),
        ("balance: 1\n", ["balance", "true or false", "got 1"]),
        ("dropout: 1\n", ["dropout", "at least 0 and at most 0.99", "got 1"]),
        ("warmup: .nan\n", ["warmup", "at least 0 and at most 1", "got nan"]),
        ("tune: all\nnoise: 15\n", ["noise", "null", "list", "got 15"]),
        ("tune: all\nnoise: [5, 1]\n", ["noise", "list", "got [5, 1]"]),
        ("patience: no\n", ["patience", "whole number of at least 1", "or null", "got False"]),
        ("batch_seconds: .inf\n", ["batch_seconds", "at most 1e+09", "got inf"]),
        ("own_head: [b, b]\n", ["own_head", "each once", "got ['b', 'b']"]),
        ("tune: all\nsilence: 60\n", ["silence", "at most 10", "got 60"]),
        ("tune: all\nchance: {rooms: 0.5}\n", ["chance of rooms", "off", "no augmentation"]),
        ("tune: all\ntilt: 0.1\nsounds_snr: [0, 9]\n", ["sounds_snr", "off", "tilt"]),
        ("tune: all\nmask_seconds: 0.1\n", ["mask_seconds", "off"]),
        ("network: 3\n", ["network", "name", "got 3"]),
        ("tune: all\nmasks: 1000000000\n", ["masks", "at most 1000", "got 1000000000"]),
        ("tune: all\nmask_seconds: 1e+308\n", ["mask_seconds", "at most 1e+06", "got 1e+308"]),
        ("max_seconds: 1e+308\n", ["max_seconds", "at most 1e+06", "got 1e+308"]),
        ("class_weights: true\n", ["balance", "class_weights", "false"]),
        ("noise: [1, 2]\nmasks: 1\n", ["noise, masks", "tune: head"]),
        ("tune: all\nfront_end: filter-bank\n", ["front_end: filter-bank", "tune: new", "got all"]),
        ("tune: all\ncodecs: gsm\n", ["codecs", "gsm, mu-law, a-law, opus", "got 'gsm'"]),
        ("tune: all\ncodecs: [gsm, aac]\n", ["codecs", "gsm, mu-law", "got ['gsm', 'aac']"]),
        ("tune: all\nnoise_colours: []\n", ["noise_colours", "white, pink, brown", "got []"]),
        ("tune: all\nsounds: 3\n", ["sounds", "a name, or null", "got 3"]),
        ("tune: all\nsounds_snr: null\n", ["sounds_snr", "a list", "got None"]),
        ("tune: all\nrooms: [0.1, 9]\n", ["rooms", "at most 1.5", "got 9"]),
        ("chance: 0.5\n", ["chance", "names", "from 0 to 1", "got 0.5"]),
        ("chance: {rooms: 2}\n", ["chance of rooms", "at most 1", "got 2"]),
        (
            "chance: {room: 1, noise_colours: 1}\n",
            ["room (", "'rooms'", "noise_colours"],
        ),
        ("silence: 0.1\ndither: [-60, -50]\n", ["silence, dither", "tune: head"]),
        ("tune: new\nfront_end: mel\n", ["front_end", "random, filter-bank", "got 'mel'"]),
    ],
)
def test_an_invalid_recipe_is_an_error(tmp_path, text, facts):
    path = tmp_path / "recipe.yaml"
    path.write_text(text)

    with pytest.raises(OptionsError) as caught:
        read_recipe(path)
    for fact in ("recipe.yaml", *facts):
        assert fact in str(caught.value)


@given(st.floats(0, 1))
def test_the_learning_rate_stays_within_its_bounds(progress):
    recipe = Recipe(tune="new", learning_rate=1.0, warmup=0.1)

    assert 0 < learning_rate(recipe, progress) <= 1.0


def test_the_learning_rate_rises_and_falls():
    recipe = Recipe(tune="new", learning_rate=1.0, warmup=0.1)

    assert learning_rate(recipe, 0.0) == pytest.approx(1 / 25)
    assert learning_rate(recipe, 0.1) == pytest.approx(1.0)
    assert learning_rate(recipe, 0.55) == pytest.approx(0.5, abs=1e-4)
    assert learning_rate(recipe, 1.0) == pytest.approx(4e-6)


@pytest.mark.parametrize(("schedule", "last"), [("cosine", 0.1), ("constant", 1.0)])
def test_other_schedules_end_at_other_rates(schedule, last):
    recipe = Recipe(tune="new", learning_rate=1.0, schedule=schedule)

    assert learning_rate(recipe, 1.0) == pytest.approx(last)
    assert learning_rate(recipe, 0.05) == pytest.approx(1.0)


def test_one_cycle_matches_torch():
    import torch

    recipe = Recipe(tune="new", learning_rate=0.01, warmup=0.25)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.01, total_steps=101, pct_start=26 / 101, cycle_momentum=False
    )  # counts steps from 1, so the peak is at step 25 and the end at step 100
    found, expected = [], []
    for step in range(100):
        found.append(learning_rate(recipe, step / 100))
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        cycle.step()

    assert found == pytest.approx(expected, rel=1e-6)
