"""Checkpoints that are whole files, but not of a run."""

from __future__ import annotations

import pytest
from support.facts import assert_facts

from emo2vec_plugins.errors import CheckpointError
from emo2vec_plugins.models import read_state, save_state
from emo2vec_plugins.training import EpochResult
from emo2vec_plugins.training.checkpoints import Checkpoints
from emo2vec_plugins.training.history import History


@pytest.fixture
def folder(tmp_path):
    epoch = EpochResult(epoch=1, train_loss=1.0, learning_rate=0.1, seconds=1.0)
    Checkpoints(tmp_path / "run", {"data": "x"}).save(History(epochs=[epoch], best=1), {"step": 3})
    return tmp_path / "run"


def test_a_checkpoint_is_read_back(folder):
    history, state = Checkpoints(folder, {"data": "x"}).load()

    assert (len(history.epochs), history.best, state["step"]) == (1, 1, 3)


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": None},
        {"epochs": [3]},
        {"epochs": [{}]},
        {"epochs": [{"epoch": 1}]},
        "epochs",
        "best",
    ],
)
def test_a_checkpoint_without_valid_epochs_is_named(folder, change):
    path = folder / "last.pt"
    state = read_state(path)
    if isinstance(change, dict):
        state |= change
    else:
        del state[change]
    save_state(path, state)

    with pytest.raises(CheckpointError) as caught:
        Checkpoints(folder, {"data": "x"}).load()

    assert_facts(str(caught.value), path, "remove")
