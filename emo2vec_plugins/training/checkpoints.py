"""Checkpoints of a run: one after every epoch, valid even if the run is killed at any time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from emo2vec_plugins.errors import CheckpointError, ResumeError, TrainingError
from emo2vec_plugins.files import disk, from_json, make_folder, write_whole
from emo2vec_plugins.models import read_state, save_state
from emo2vec_plugins.training.history import EpochResult, History

FORMAT = "emo2vec training, version 2"
LAST = "last.pt"
RECORD = "training.json"
"""What a finished run has left in its folder: all that its result depends on."""


class Checkpoints:
    """The folder of an unfinished run.

    ``last.pt`` is the state after the last epoch, and ``best-N.pt`` has the weights of the best
    epoch.

    Args:
        folder: The folder, created by the first `save`.
        identity: Everything that the result depends on, as JSON values.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self._folder = folder
        # Converted as if read from a file, which turns tuples into lists, to compare as equal.
        self._identity = json.loads(json.dumps(identity))

    def load(self) -> tuple[History, dict[str, Any]] | None:
        """Return the completed epochs and the state after them; None if there are none.

        Raises:
            CheckpointError: If the last checkpoint is damaged, or is another kind of file.
            ResumeError: If it has another recipe, other data or another model.
        """
        path = self._folder / LAST
        if not path.exists():
            return None
        state = self._read(path)
        epochs = [EpochResult(**each) for each in state["epochs"]]
        return History(epochs=epochs, best=state["best"]), state

    def best(self, history: History) -> dict[str, Tensor]:
        """Return the weights of the best epoch.

        Raises:
            CheckpointError, ResumeError: As `load` does.
        """
        learned: dict[str, Tensor] = self._read(self._best(history.best))["learned"]
        return learned

    def save(self, history: History, state: Mapping[str, Any]) -> None:
        """Save the state after an epoch.

        ``state["learned"]`` contains the weights. If ``state["averaged"]`` exists, it is stored as
        the best weights instead.

        Raises:
            TrainingError: If the checkpoint cannot be written; the previous one is kept.
        """
        head = {"format": FORMAT, "identity": json.dumps(self._identity)}
        epochs, best = [asdict(each) for each in history.epochs], history.best
        try:
            make_folder(self._folder)
            # In this order, "last.pt" always refers to an existing "best-N.pt".
            if best == len(epochs):
                learned = state.get("averaged", state["learned"])
                save_state(self._best(best), {**head, "learned": learned})
            save_state(self._folder / LAST, {**head, **state, "epochs": epochs, "best": best})
            for path in self._folder.glob("best-*.pt"):
                if path != self._best(best):
                    disk.unlink(path)
        except OSError as error:
            before = len(epochs) - 1
            kept = f"the one of epoch {before} is intact" if before else "there is no earlier one"
            raise TrainingError(
                f"the checkpoint of epoch {len(epochs)} cannot be written to {self._folder}: "
                f"{error.strerror or error}; {kept}. Fix the cause and run the same command again"
            ) from error

    def _read(self, path: Path) -> dict[str, Any]:
        advice = f"to start again, remove {self._folder}"
        try:
            state = read_state(path)
        except CheckpointError as error:
            raise CheckpointError(f"{error}; {advice}") from error
        theirs = state.get("identity")
        if state.get("format") != FORMAT or not isinstance(theirs, str):
            raise CheckpointError(f"{path}: not a checkpoint of this package's training; {advice}")
        refuse_other(path, from_json(theirs, where=str(path)), self._identity, advice)
        return state

    def _best(self, number: int) -> Path:
        return self._folder / f"best-{number}.pt"


def write_record(folder: Path, identity: Mapping[str, Any], **results: Any) -> None:
    """Write the record of a run into its folder, before the folder gets its name.

    Raises:
        TrainingError: If it cannot be written.
    """
    document = {"format": FORMAT, "identity": identity, **results}
    written(folder / RECORD, json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def finished(folder: Path, identity: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the record of a run if its folder is complete; None if there is no folder.

    Raises:
        CheckpointError: If the folder is not of a run.
        ResumeError: If it has another recipe, other data or another model.
    """
    if not folder.exists():
        return None
    path = folder / RECORD
    try:
        record = json.loads(path.read_text("utf-8"))
        found = record["identity"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise CheckpointError(f"{folder} already exists; choose a new folder") from error
    refuse_other(path, found, json.loads(json.dumps(identity)), f"to train again, remove {folder}")
    return dict(record)


def written(path: Path, content: str | bytes) -> None:
    """Write a small file that is complete or absent.

    Raises:
        TrainingError: If the file cannot be written.
    """
    try:
        write_whole(path, content, locked=True)
    except OSError as error:
        why = f"{error.strerror or error}; the last checkpoint is intact"
        raise TrainingError(f"{path} cannot be written: {why}") from error


def remove_folder(path: Path) -> None:
    """Remove a folder with everything in it, if it exists."""
    if path.exists():
        disk.remove_tree(path)


def refuse_other(
    path: Path, found: Mapping[str, Any], expected: Mapping[str, Any], advice: str
) -> None:
    """Reject a file from another run.

    Raises:
        ResumeError: If the identities of the runs differ; the message lists the differences.
    """
    if differences := "; ".join(differing(found, expected)):
        message = f"is from another run, which differs in {differences}"
        raise ResumeError(f"{path} {message}; {advice}, or choose another folder")


def differing(found: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """Return the differences between two mappings of JSON values, with dotted nested names.

    >>> differing({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}})
    ['a.c: was 2, is now 3']
    """
    differences: list[str] = []
    for name in {**found, **expected}:
        then, now = found.get(name), expected.get(name)
        if isinstance(then, Mapping) and isinstance(now, Mapping):
            differences += [f"{name}.{each}" for each in differing(then, now)]
        elif then != now:
            differences.append(f"{name}: was {_short(then)}, is now {_short(now)}")
    return differences


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:37]}..."
