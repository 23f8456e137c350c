"""A whole run: train, save, evaluate what was saved, and describe it in a model card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from emo2vec_plugins.errors import CheckpointError, TrainingError
from emo2vec_plugins.evaluation import Evaluation, evaluate
from emo2vec_plugins.files import write_whole
from emo2vec_plugins.training.card import Story, model_card
from emo2vec_plugins.training.fit import Resources, fit, predict_examples
from emo2vec_plugins.training.history import EpochResult, to_csv, to_png
from emo2vec_plugins.training.recipe import Recipe
from emo2vec_plugins.training.split import Split

CURVE = "curve.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A model folder that was made.

    Attributes:
        folder: Where it is.
        epochs: What each gave.
        best: The epoch whose weights it has.
        evaluation: Of the saved weights on the development turns; None without any.
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
    story: Story | None = None,
    progress: Callable[[EpochResult], None] | None = None,
) -> Trained:
    """Train a model and write its folder: weights, card, learning curve.

    Until it is there, everything is in ``OUT.training`` beside it; a run that is killed goes on
    from there when it is called again with the same arguments. The development turns are
    evaluated with the very weights that are saved, through the engine.

    Args:
        split: What to train on, and what to evaluate with.
        recipe: Says how.
        out: The folder, which must not exist.
        resources: The model to start from, the device, the cache of embeddings.
        story: What the card says beside the numbers.
        progress: Called after each epoch, also with those done before.

    Raises:
        CheckpointError: If *out* exists, or a checkpoint is damaged.
        ResumeError: If an unfinished run is of another recipe, other data or another model.
        TrainingError, OptionsError, AudioError: As `fit` does.
    """
    resources = resources or Resources()
    if out.exists():
        raise CheckpointError(f"{out}: exists already; choose a new folder")
    work = work_folder(out)
    epochs: list[EpochResult] = []

    def note(epoch: EpochResult) -> None:
        epochs.append(epoch)
        written(work / CURVE, to_csv(epochs))
        if progress:
            progress(epoch)

    fitted = fit(split, recipe, resources, work=work, progress=note)
    folder = work / "model"
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed while it was evaluated
    fitted.save(folder)  # then read back: numbers of the weights that users get
    evaluation = None
    if split.dev:
        evaluation = evaluate(predict_examples(folder, split.dev, device=resources.device))
        written(folder / "evaluation.json", json.dumps(evaluation.to_json(), indent=1) + "\n")
    written(folder / CURVE, to_csv(epochs))
    written(folder / "curve.png", to_png(epochs))
    card = model_card(fitted, split, recipe, evaluation=evaluation, story=story or Story())
    written(folder / "README.md", card)
    folder.rename(out)  # the last step: what has the name is complete
    shutil.rmtree(work, ignore_errors=True)
    best = fitted.history.best or len(epochs)
    return Trained(folder=out, epochs=tuple(epochs), best=best, evaluation=evaluation)


def work_folder(out: Path) -> Path:
    """Return where an unfinished run keeps what it needs to go on."""
    return out.with_name(f"{out.name}.training")


def written(path: Path, content: str | bytes) -> None:
    """Write a small file that is complete or absent.

    Raises:
        TrainingError: If it cannot be written.
    """
    try:
        write_whole(path, content, locked=True)
    except OSError as error:
        why = f"{error.strerror or error}; the last checkpoint is intact"
        raise TrainingError(f"{path} cannot be written: {why}") from error
