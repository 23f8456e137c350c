"""Checkpoints of a run: one after every epoch, valid even if the run is killed at any time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from emo2vec_plugins.errors import CheckpointError, TrainingError, described, warn
from emo2vec_plugins.files import disk, from_json, make_folder
from emo2vec_plugins.models import read_state, save_state
from emo2vec_plugins.training.history import EpochResult, History
from emo2vec_plugins.training.record import FORMAT, refuse_other


class Checkpoints:
    """The folder of an unfinished run.

    ``last.pt`` is the state after the last epoch, with the weights of the best one, and
    ``before.pt`` is the same for the epoch before.

    Args:
        folder: The folder, created by the first `save`.
        identity: Everything that the result depends on, as JSON values.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self._folder = folder
        self._identity = identity
        self._last, self._before = folder / "last.pt", folder / "before.pt"

    def load(self) -> tuple[History, dict[str, Any]] | None:
        """Return the completed epochs and the state after them; None if there are none.

        A damaged checkpoint is not used, with a warning that names it.

        Raises:
            CheckpointError: If a checkpoint cannot be read, or is another kind of file.
            ResumeError: If it has another recipe, other data or another model.
        """
        damaged = []
        for path in (self._last, self._before):
            if not path.exists():
                continue
            try:
                state = read_state(path)
            except CheckpointError as error:
                if isinstance(error.__cause__, OSError):  # perhaps it can be read later
                    raise
                damaged.append(str(error))
                continue
            history = self._history(path, state)
            if damaged:
                warn(f"{damaged[0]}; using the checkpoint of epoch {len(history.epochs)}")
            if path != self._last:
                disk.rename(path, self._last)
            return history, state
        if damaged:
            warn(f"{'; '.join(damaged)}; training starts again")
        return None

    def save(self, history: History, state: Mapping[str, Any]) -> None:
        """Save the state after an epoch.

        Raises:
            TrainingError: If the checkpoint cannot be written; the previous one is kept.
        """
        head = {"format": FORMAT, "identity": json.dumps(self._identity)}
        epochs = [asdict(each) for each in history.epochs]
        try:
            make_folder(self._folder)
            if self._last.exists():
                disk.rename(self._last, self._before)
            save_state(self._last, {**head, **state, "epochs": epochs, "best": history.best})
        except OSError as error:
            before = len(epochs) - 1
            kept = f"the one of epoch {before} is intact" if before else "there is no earlier one"
            raise TrainingError(
                f"the checkpoint of epoch {len(epochs)} cannot be written to {self._folder}: "
                f"{error.strerror or error}; {kept}. Fix the cause and run the same command again"
            ) from error

    def remove(self) -> None:
        """Remove the checkpoints, if there are any."""
        for path in (self._last, self._before):
            with suppress(FileNotFoundError):
                disk.unlink(path)

    def _history(self, path: Path, state: dict[str, Any]) -> History:
        advice = f"to start again, remove {self._folder}"
        identity = state.get("identity")
        if state.get("format") != FORMAT or not isinstance(identity, str):
            raise CheckpointError(f"{path}: expected a checkpoint of {FORMAT!r}; {advice}")
        refuse_other(path, from_json(identity, where=str(path)), self._identity, advice)
        try:
            epochs = [EpochResult(**each) for each in state["epochs"]]
            return History(epochs=epochs, best=state["best"])
        except (LookupError, TypeError) as error:
            raise CheckpointError(
                f"{path}: expected completed epochs: {described(error)}; {advice}"
            ) from error
