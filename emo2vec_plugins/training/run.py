"""A complete run: train a model, save it, evaluate the saved weights, and write a model card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from emo2vec_plugins.errors import CheckpointError, TrainingError
from emo2vec_plugins.evaluation import Evaluation, evaluate
from emo2vec_plugins.files import write_whole
from emo2vec_plugins.training.card import CardContent, model_card
from emo2vec_plugins.training.fit import Resources, fit, predict_examples
from emo2vec_plugins.training.history import EpochResult, to_csv, to_png
from emo2vec_plugins.training.recipe import Recipe
from emo2vec_plugins.training.split import Split

CURVE = "curve.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A trained model in its folder.

    Attributes:
        folder: The model folder.
        epochs: The results of each epoch.
        best: Number of the epoch whose weights were saved.
        evaluation: Evaluation of the saved weights on the development turns; None without any.
    """

    folder: Path
    epochs: tuple[EpochResult, ...]
    best: int
    evaluation: Evaluation | None


def train(
    split: Split,
    recipe: Recipe,
    *,
    out: Path,
    resources: Resources | None = None,
    content: CardContent | None = None,
    progress: Callable[[EpochResult], None] | None = None,
) -> Trained:
    """Train a model and write its folder: weights, card, learning curve.

    The folder is created at the end; until then, everything is in ``OUT.training`` next to it. To
    resume a killed run, call the function again with the same arguments. The evaluation loads the
    saved weights and scores the development turns with an `Engine`.

    Args:
        split: The training turns and the development turns.
        recipe: The settings.
        out: The folder to create, which must not exist.
        resources: The base model, the device and the cache of embeddings.
        content: Additional content of the model card.
        progress: Called after each epoch, and also for epochs completed by an earlier run.

    Raises:
        CheckpointError: If *out* exists, or a checkpoint is damaged.
        ResumeError: If an unfinished run has another recipe, other data or another model.
        TrainingError, OptionsError, AudioError: As `fit` does.
    """
    resources = resources or Resources()
    if out.exists():
        raise CheckpointError(f"{out} already exists; choose a new folder")
    work = work_folder(out)
    epochs: list[EpochResult] = []

    def note(epoch: EpochResult) -> None:
        epochs.append(epoch)
        written(work / CURVE, to_csv(epochs))
        if progress:
            progress(epoch)

    fitted = fit(split, recipe, resources, work=work, progress=note)
    folder = work / "model"
    shutil.rmtree(folder, ignore_errors=True)  # left by a run that was killed during evaluation
    fitted.save(folder)  # read back below, so that the evaluation is of the saved weights
    evaluation = None
    if split.dev:
        evaluation = evaluate(predict_examples(folder, split.dev, device=resources.device))
        written(folder / "evaluation.json", json.dumps(evaluation.to_json(), indent=1) + "\n")
    written(folder / CURVE, to_csv(epochs))
    written(folder / "curve.png", to_png(epochs))
    card = model_card(
        fitted, split, recipe, evaluation=evaluation, content=content or CardContent()
    )
    written(folder / "README.md", card)
    folder.rename(out)  # last, so that the folder is complete as soon as it exists
    shutil.rmtree(work, ignore_errors=True)
    best = fitted.history.best or len(epochs)
    return Trained(folder=out, epochs=tuple(epochs), best=best, evaluation=evaluation)


def work_folder(out: Path) -> Path:
    """Return the folder in which an unfinished run keeps its state."""
    return out.with_name(f"{out.name}.training")


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
