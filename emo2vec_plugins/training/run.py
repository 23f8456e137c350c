"""A whole run: train, save, judge what was saved, and tell of it in a card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emo2vec_plugins.errors import CheckpointError, TrainingError
from emo2vec_plugins.evaluation import Evaluation
from emo2vec_plugins.files import write_whole
from emo2vec_plugins.training.card import Story, model_card
from emo2vec_plugins.training.curve import to_csv, to_png
from emo2vec_plugins.training.fit import Fitted, Means, fit, predictions
from emo2vec_plugins.training.progress import Row
from emo2vec_plugins.training.recipe import Recipe
from emo2vec_plugins.training.split import Split

CURVE = "curve.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A model folder that was made.

    Attributes:
        folder: Where it is.
        rows: Its epochs.
        best: The epoch whose weights it has.
        evaluation: Of the saved weights on the development turns; None without any.
    """

    folder: Path
    rows: tuple[Row, ...]
    best: int
    evaluation: Evaluation | None


def train(
    split: Split,
    recipe: Recipe,
    *,
    out: Path,
    means: Means | None = None,
    story: Story | None = None,
    done: Callable[[Row], None] = lambda _: None,
) -> Trained:
    """Train a model and write its folder: weights, card, learning curve.

    Until it is there, everything is in ``OUT.training`` beside it; a run that is killed goes on
    from there when it is called again with the same arguments. The development turns are judged
    by the very weights that are saved, through the engine.

    Args:
        split: What to learn from, and what to judge by.
        recipe: Says how.
        out: The folder, which must not exist.
        means: The model to start from, the device, the cache of embeddings.
        story: What the card tells beside the numbers.
        done: Called after each epoch, also with those done before.

    Raises:
        CheckpointError: If *out* exists, or a checkpoint is damaged.
        ResumeError: If an unfinished run is of another recipe, other data or another model.
        TrainingError, OptionsError, AudioError: As `fit` does.
    """
    means = means or Means()
    if out.exists():
        raise CheckpointError(f"{out}: exists already; choose a new folder")
    work = work_folder(out)
    rows: list[Row] = []

    def note(row: Row) -> None:
        rows.append(row)
        written(work / CURVE, to_csv(rows))
        done(row)

    fitted = fit(split, recipe, means, work=work, done=note)
    folder = work / "model"
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed while it judged
    fitted.save(folder)
    evaluation = _evaluation(folder, split, means)
    _tell(folder, fitted, evaluation, split, recipe, story or Story())
    folder.rename(out)
    shutil.rmtree(work, ignore_errors=True)
    best = fitted.progress.best or fitted.progress.epochs
    return Trained(folder=out, rows=tuple(rows), best=best, evaluation=evaluation)


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
        raise TrainingError(
            f"{path} cannot be written: {error.strerror or error}; the last checkpoint is intact"
        ) from error


def _evaluation(folder: Path, split: Split, means: Means) -> Evaluation | None:
    if not split.dev:
        return None
    from emo2vec_plugins.evaluation import evaluate

    return evaluate(predictions(folder, split.dev, device=means.device))


def _tell(
    folder: Path,
    fitted: Fitted,
    evaluation: Evaluation | None,
    split: Split,
    recipe: Recipe,
    story: Story,
) -> None:
    rows = fitted.progress.rows
    written(folder / CURVE, to_csv(rows))
    written(folder / "curve.png", to_png(rows))
    if evaluation is not None:
        document: dict[str, Any] = evaluation.to_json()
        written(folder / "evaluation.json", json.dumps(document, indent=1) + "\n")
    card = model_card(fitted, split, recipe, evaluation=evaluation, story=story)
    written(folder / "README.md", card)
