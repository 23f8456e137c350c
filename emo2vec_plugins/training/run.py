"""A complete run: train a model, save it, evaluate the saved weights, and write a model card."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from emo2vec_plugins.evaluation import Evaluation, evaluate
from emo2vec_plugins.files import Lock
from emo2vec_plugins.training.card import CardContent, model_card
from emo2vec_plugins.training.fit import Resources, fit, identity, initial_model, predict_examples
from emo2vec_plugins.training.heads import heads_of
from emo2vec_plugins.training.history import EpochResult, to_csv, to_png
from emo2vec_plugins.training.problems import problems, refuse
from emo2vec_plugins.training.recipe import Recipe
from emo2vec_plugins.training.record import (
    CARD,
    finish,
    is_new,
    named,
    recorded_result,
    write_result,
)
from emo2vec_plugins.training.split import Split
from emo2vec_plugins.training.work_folder import discard_folder, unfinished

CURVE = "curve.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A trained model in its folder.

    Attributes:
        folder: The model folder.
        epochs: The results of each epoch.
        best: Number of the epoch whose weights were saved.
        evaluation: Evaluation of the saved weights on the development turns; None without any, or
            if an earlier run has made it.
        was_finished: Whether the folder was complete before this run, which did nothing.
    """

    folder: Path
    epochs: tuple[EpochResult, ...]
    best: int
    evaluation: Evaluation | None = None
    was_finished: bool = False


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
    saved weights and scores the development turns with an `Engine`. If a run with the same
    arguments has finished, nothing is done, unless files of its folder are missing: they are
    named in a warning, and the folder is replaced when all is done again.

    Args:
        split: The training turns and the development turns.
        recipe: The settings.
        out: The folder to create; an empty one is replaced. No other process may write it at the same time.
        resources: The base model, the device and the cache of embeddings.
        content: Additional content of the model card.
        progress: Called after each epoch, and also for epochs completed by an earlier run.

    Raises:
        CheckpointError: If *out* exists and is not of a run, or its files have changed; only the
            model card may change. Or if ``OUT.training`` was not made by a run.
        ResumeError: If *out*, or an unfinished run, has another recipe, other data or another
            model, or if another process is training it.
        TrainingError, OptionsError, AudioError: As `fit` does.
    """
    resources = resources or Resources()
    out = named(out)
    refuse(problems(split, recipe))
    with Lock(out):
        if not is_new(out):
            labels = heads_of(split.train, recipe).labels
            own = identity(split, recipe, initial_model(recipe, resources.base, labels))
            if record := recorded_result(out, own):
                return _finished(out, record)
        with unfinished(out) as work:
            content = content or CardContent()
            return _trained(split, recipe, out, work, resources, content, progress)


def _trained(
    split: Split,
    recipe: Recipe,
    out: Path,
    work: Path,
    resources: Resources,
    content: CardContent,
    progress: Callable[[EpochResult], None] | None,
) -> Trained:
    epochs: list[EpochResult] = []

    def note(epoch: EpochResult) -> None:
        epochs.append(epoch)
        write_result(work / CURVE, to_csv(epochs))
        if progress:
            progress(epoch)

    fitted = fit(split, recipe, resources, work=work, progress=note)
    folder = work / "model"
    discard_folder(folder)  # left by a run that was killed during evaluation
    fitted.save(folder)  # read back below, so that the evaluation is of the saved weights
    evaluation = None
    if split.dev:
        evaluation = evaluate(predict_examples(folder, split.dev, device=resources.device))
        write_result(folder / "evaluation.json", json.dumps(evaluation.to_json(), indent=1) + "\n")
    write_result(folder / CURVE, to_csv(epochs))
    write_result(folder / "curve.png", to_png(epochs))
    card = model_card(fitted, split, recipe, evaluation=evaluation, content=content)
    write_result(folder / CARD, card)
    best = fitted.history.best or len(epochs)
    results = {"epochs": [asdict(each) for each in epochs], "best": best}
    finish(folder, out, identity(split, recipe, fitted.initial), **results)
    return Trained(folder=out, epochs=tuple(epochs), best=best, evaluation=evaluation)


def _finished(out: Path, record: dict[str, Any]) -> Trained:
    epochs = tuple(EpochResult(**each) for each in record["epochs"])
    return Trained(folder=out, epochs=epochs, best=record["best"], was_finished=True)
