"""What a run has done so far, and its checkpoints: one after every epoch, never half of one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from emo2vec_plugins.errors import CheckpointError, ResumeError, TrainingError
from emo2vec_plugins.models import read_state, save_state

FORMAT = "emo2vec training, version 1"
LAST = "last.pt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One epoch, as it stands in the table of the learning curve.

    Attributes:
        epoch: From 1.
        train_loss: Mean over the epoch's batches.
        dev_loss: Cross-entropy of the development turns, without smoothing.
        dev_ua: Their unweighted average recall.
        dev_wa: Their accuracy.
        learning_rate: At the end of the epoch.
        seconds: That the epoch took.
    """

    epoch: int
    train_loss: float
    dev_loss: float | None = None
    dev_ua: float | None = None
    dev_wa: float | None = None
    learning_rate: float
    seconds: float


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far a run has come.

    Attributes:
        rows: One for each epoch that is done.
        best: Number of the best of them; 0 where nothing judges them.
    """

    rows: list[Row] = field(default_factory=list)
    best: int = 0

    @property
    def epochs(self) -> int:
        """How many are done."""
        return len(self.rows)


class Checkpoints:
    """The folder of an unfinished run.

    ``last.pt`` is the state after the last epoch, ``best-N.pt`` the weights of the best. The
    best is written before the last that speaks of it, and an older best goes after, so that
    whenever the run is killed, both are there.

    Args:
        folder: Made when something is saved.
        identity: All that the result depends on, as JSON values.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self._folder = folder
        self._identity = json.loads(json.dumps(identity))

    def load(self) -> tuple[Progress, dict[str, Any]] | None:
        """Return how far the run had come, and its state; None if nothing was done.

        Raises:
            CheckpointError: If the last checkpoint is damaged, or of something else.
            ResumeError: If it is of another recipe, other data or another model.
        """
        path = self._folder / LAST
        if not path.exists():
            return None
        state = self._read(path)
        rows = [Row(**row) for row in state["rows"]]
        return Progress(rows=rows, best=state["best"]), state

    def best(self, progress: Progress) -> dict[str, Tensor]:
        """Return the weights of the best epoch.

        Raises:
            CheckpointError, ResumeError: As `load` does.
        """
        learned: dict[str, Tensor] = self._read(self._best(progress.best))["learned"]
        return learned

    def save(self, progress: Progress, state: Mapping[str, Any]) -> None:
        """Keep the state after an epoch.

        ``state["learned"]`` are the weights, ``state["averaged"]``, if it is there, what is
        saved instead of them.

        Raises:
            TrainingError: If it cannot be written; the checkpoint before it is still there.
        """
        told = {"format": FORMAT, "identity": json.dumps(self._identity)}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if progress.best == progress.epochs:
                best = {**told, "learned": state.get("averaged", state["learned"])}
                save_state(self._best(progress.best), best)
            rows = [asdict(row) for row in progress.rows]
            save_state(self._folder / LAST, {**told, **state, "rows": rows, "best": progress.best})
            self._drop_older(progress.best)
        except OSError as error:
            kept = (
                f"that of epoch {progress.epochs - 1} is intact"
                if progress.epochs > 1
                else ("there is none before it")
            )
            raise TrainingError(
                f"the checkpoint of epoch {progress.epochs} cannot be written to {self._folder}: "
                f"{error.strerror or error}; {kept}. With room for it, the same command goes on"
            ) from error

    def _read(self, path: Path) -> dict[str, Any]:
        advice = f"to begin again, remove {self._folder}"
        try:
            state = read_state(path)
        except CheckpointError as error:
            raise CheckpointError(f"{error}; {advice}") from error
        if state.get("format") != FORMAT:
            raise CheckpointError(f"{path}: not a checkpoint of this package's training; {advice}")
        found = json.loads(state["identity"])
        others = differing(found, self._identity)
        if others:
            raise ResumeError(
                f"{path} is of another run, which differs in {'; '.join(others)}; {advice}, or "
                "choose another folder"
            )
        return state

    def _best(self, number: int) -> Path:
        return self._folder / f"best-{number}.pt"

    def _drop_older(self, number: int) -> None:
        for path in self._folder.glob("best-*.pt"):
            if path != self._best(number):
                path.unlink(missing_ok=True)


def differing(found: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """Say in which values two mappings of JSON values differ, those within them by their names.

    >>> differing({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}})
    ['a.c: 2 then, 3 now']
    """
    names = [*found, *(name for name in expected if name not in found)]
    told: list[str] = []
    for name in names:
        then, now = found.get(name), expected.get(name)
        if isinstance(then, Mapping) and isinstance(now, Mapping):
            told += [f"{name}.{each}" for each in differing(then, now)]
        elif then != now:
            told.append(f"{name}: {_short(then)} then, {_short(now)} now")
    return told


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:37]}..."
