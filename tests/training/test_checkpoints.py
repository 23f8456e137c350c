"""Damaged checkpoints: the run goes on from the one before, or starts again, and says so."""

from __future__ import annotations

import warnings
from dataclasses import replace

import pytest
import torch
from support.facts import assert_facts
from support.training import CPU, same, stopped, weights

from emo2vec_plugins.errors import CheckpointError, Emo2vecWarning
from emo2vec_plugins.models.pickles import read_state
from emo2vec_plugins.training.checkpoints import Checkpoints
from emo2vec_plugins.training.history import EpochResult, History
from emo2vec_plugins.training.run import train

pytestmark = pytest.mark.usefixtures("one_thread")


def flipped(path, place=0.5):
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 1
    path.write_bytes(data)


def truncated(path):
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size * 2 // 3)


def emptied(path):
    path.write_bytes(b"")


def with_code(path):
    torch.save({"format": print}, path)


DAMAGES = [flipped, truncated, emptied, with_code]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_replaced_by_the_one_before(
    split_with_dev, recipe, tmp_path, damage
):
    work = stopped(split_with_dev, recipe, tmp_path / "out", after=2)
    damage(work / "last.pt")
    trained = []

    with pytest.warns(Emo2vecWarning) as issued:
        train(split_with_dev, recipe, out=tmp_path / "out", resources=CPU, progress=trained.append)
    train(split_with_dev, recipe, out=tmp_path / "whole", resources=CPU)

    assert_facts(str(issued[0].message), work / "last.pt", "epoch 1")
    assert len(issued) == 1
    assert [each.epoch for each in trained] == [1, 2, 3]
    assert same(weights(tmp_path / "out"), weights(tmp_path / "whole"))


@pytest.mark.parametrize("damage", DAMAGES)
def test_training_starts_again_without_an_intact_checkpoint(split, recipe, tmp_path, damage):
    work = stopped(split, recipe, tmp_path / "out", after=2)
    damage(work / "last.pt")
    damage(work / "before.pt")

    with pytest.warns(Emo2vecWarning) as issued:
        train(split, recipe, out=tmp_path / "out", resources=CPU)
    train(split, recipe, out=tmp_path / "whole", resources=CPU)

    assert_facts(str(issued[0].message), work / "last.pt", work / "before.pt", "starts again")
    assert len(issued) == 1
    assert same(weights(tmp_path / "out"), weights(tmp_path / "whole"))


def test_a_damaged_checkpoint_never_replaces_an_intact_one(split, recipe, tmp_path):
    work = stopped(split, recipe, tmp_path / "out", after=2)
    flipped(work / "last.pt")

    with pytest.warns(Emo2vecWarning, match="epoch 1"):
        stopped(split, recipe, tmp_path / "out", after=2)
    flipped(work / "last.pt")

    with pytest.warns(Emo2vecWarning, match="epoch 1"):
        train(split, recipe, out=tmp_path / "out", resources=CPU)


def saved(folder, *, epochs):
    """Save checkpoints of epochs, of which the first is the best; return what they were made of."""
    results = [
        EpochResult(epoch=1 + n, train_loss=1.0, learning_rate=0.1, seconds=1.0)
        for n in range(epochs)
    ]
    state = {"learned": torch.rand(40, 40), "best_learned": torch.rand(40, 40)}
    for n in range(epochs):
        Checkpoints(folder, {"seed": 0}).save(History(epochs=results[: n + 1], best=1), state)
    return results, state


@pytest.mark.parametrize("step", range(60))
def test_a_flipped_bit_is_found_or_changes_nothing(tmp_path, step):
    results, state = saved(tmp_path, epochs=2)
    flipped(tmp_path / "last.pt", step / 60)

    with warnings.catch_warnings(record=True) as issued:
        warnings.simplefilter("always")
        history, found = Checkpoints(tmp_path, {"seed": 0}).load()

    assert history.epochs == results[: 1 if issued else 2]
    assert history.best == 1
    assert all(torch.equal(found[name], state[name]) for name in state)


def test_every_checkpoint_has_the_best_weights(split_with_dev, recipe, tmp_path):
    recipe = replace(recipe, learning_rate=1e-9, epochs=3)  # so that the first epoch is the best
    work = stopped(split_with_dev, recipe, tmp_path / "out", after=3)
    states = [read_state(work / name) for name in ("before.pt", "last.pt")]

    assert [(len(state["epochs"]), state["best"]) for state in states] == [(2, 1), (3, 1)]
    assert same(states[0]["best_learned"], states[1]["best_learned"])
    assert not same(states[0]["best_learned"], states[0]["evaluated"])


def test_a_checkpoint_of_another_program_is_rejected(split, recipe, tmp_path):
    path = stopped(split, recipe, tmp_path / "out", after=1) / "last.pt"
    torch.save({"model": {}, "epoch": 3}, path)
    before = path.read_bytes()

    with pytest.raises(CheckpointError) as caught:
        train(split, recipe, out=tmp_path / "out", resources=CPU)

    assert_facts(str(caught.value), path, "training", "remove", path.parent)
    assert path.read_bytes() == before
