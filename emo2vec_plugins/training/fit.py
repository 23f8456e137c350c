"""From a split and a recipe to a model folder, and what that folder then hears."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from emo2vec_plugins.core import Backend
from emo2vec_plugins.engine import Engine
from emo2vec_plugins.errors import OptionsError, TrainingError
from emo2vec_plugins.evaluation import Prediction
from emo2vec_plugins.models import (
    Config,
    ModelFolder,
    device_of,
    load_folder,
    save_folder,
    to_document,
)
from emo2vec_plugins.training.examples import Example, classes_of, digest
from emo2vec_plugins.training.feeds import AudioFeed, EmbeddingCache, EmbeddingFeed, Feed
from emo2vec_plugins.training.learner import new_learner
from emo2vec_plugins.training.progress import Checkpoints, Progress, Row
from emo2vec_plugins.training.recipe import Recipe
from emo2vec_plugins.training.split import Split
from emo2vec_plugins.training.start import Start, from_model, new_config, new_network
from emo2vec_plugins.training.trainer import Side, Trainer

Done = Callable[[Row], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a run trains with, beside data and recipe.

    Attributes:
        base: The model to start from; None for a new network.
        device: None for the best there is.
        cache: Folder of embeddings, for ``tune: head``.
        embedded: Called with the number of embeddings that are there since the last call.
        resumed: Called with the number of epochs that were done before, where a run goes on.
    """

    base: Backend | None = None
    device: str | None = None
    cache: Path | None = None
    embedded: Callable[[int], None] = lambda _: None
    resumed: Callable[[int], None] = lambda _: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A trained network, not saved yet.

    Attributes:
        config: Its dimensions.
        tensors: Its weights.
        start: What it came from.
        progress: The epochs it took.
    """

    config: Config
    tensors: dict[str, Tensor]
    start: Start
    progress: Progress

    def save(self, path: Path) -> None:
        """Write a model folder, which must not exist.

        Raises:
            TrainingError: If it cannot be written.
        """
        try:
            save_folder(
                path,
                config=self.config,
                tensors=self.tensors,
                tokens=self.start.tokens,
            )
        except OSError as error:
            raise TrainingError(
                f"{path} cannot be written: {error.strerror or error}; the last checkpoint is "
                "intact. With room for it, the same command goes on"
            ) from error


def fit(
    split: Split, recipe: Recipe, means: Means, *, work: Path, done: Done = lambda _: None
) -> Fitted:
    """Train on one side of a split, stopping by the other, or go on where a run was killed.

    Args:
        split: Whose ``dev`` may be empty.
        recipe: Says how.
        means: Says what with.
        work: Folder of checkpoints.
        done: Called after each epoch.

    Raises:
        TrainingError: If a class has one turn, a loss is not finite, or a checkpoint cannot be
            written.
        OptionsError: If the recipe needs a model and there is none, or the other way round.
        ResumeError, CheckpointError: If *work* holds a checkpoint of another run.
        AudioError: If a turn cannot be read.
    """
    classes = classes_of(split.train)
    _check(recipe, means, split)
    start = begin(recipe, means.base, classes)
    checkpoints = Checkpoints(work, identity(split, recipe, start))
    found = checkpoints.load()  # before an hour is spent on embeddings
    if found is not None:
        means.resumed(found[0].epochs)
    learner = new_learner(start, recipe)
    trainer = Trainer(
        learner,
        recipe,
        train=_side(split.train, start, recipe, means),
        dev=_side(split.dev, start, recipe, means) if split.dev else None,
        classes=classes,
        checkpoints=checkpoints,
        device=device_of(means.device),
    )
    progress = trainer.run(done=done)
    return Fitted(
        config=start.network.config,
        tensors=learner.tensors(),
        start=start,
        progress=progress,
    )


def begin(recipe: Recipe, base: Backend | None, classes: Sequence[str]) -> Start:
    """Return the network that a recipe starts from."""
    if recipe.tune == "new" or base is None:
        return new_network(recipe, classes)
    return from_model(base, recipe, classes)


def identity(split: Split, recipe: Recipe, start: Start) -> dict[str, Any]:
    """Return all that trained weights depend on, as JSON values."""
    is_new = start.base is None
    told = recipe.to_dict()
    del told["network"]  # by what it says, wherever it lies
    return {
        "recipe": told,
        "model": None if start.base is None else start.base.sha256 or start.base.model,
        "network": to_document(new_config(recipe.network))["model_conf"] if is_new else None,
        "tokens": list(start.tokens),
        "train": digest(split.train),
        "dev": digest(split.dev) if split.dev else None,
    }


def predictions(
    folder: Path, examples: Sequence[Example], *, device: str | None
) -> list[Prediction]:
    """Return what a saved model says of turns, through the engine that scores everything.

    Raises:
        AudioError: Never: a turn that cannot be read has no label and a reason.
    """
    backend = load_folder(
        ModelFolder(path=folder, name=folder.name), device=device, dtype="float32"
    )
    results = Engine(backend)(example.clip() for example in examples)
    return [
        Prediction(
            id=example.id,
            truth=example.label,
            label=emotion.label,
            scores=emotion.scores or None,
            duration=example.duration,
            speaker=example.speaker,
            recording=example.recording,
            reason=emotion.reason,
        )
        for example, (_, emotion) in zip(examples, results, strict=True)
        if emotion is not None
    ]


def _check(recipe: Recipe, means: Means, split: Split) -> None:
    if recipe.tune == "new" and means.base is not None:
        raise OptionsError("a new network starts from no model: leave the model out, or tune it")
    if recipe.tune != "new" and means.base is None:
        raise OptionsError(f"tune: {recipe.tune} needs a model to start from")
    if recipe.patience is not None and not split.dev:
        raise OptionsError(
            "patience stops training when development turns get no better: hold some out (--dev, "
            "--dev-speakers or --dev-share), or leave it out (--patience)"
        )


def _side(examples: Sequence[Example], start: Start, recipe: Recipe, means: Means) -> Side:
    return Side(examples, start.classes, _feed(examples, start, recipe, means))


def _feed(examples: Sequence[Example], start: Start, recipe: Recipe, means: Means) -> Feed:
    if recipe.tune != "head":
        return AudioFeed(examples, recipe, normalize=start.network.config.normalize)
    if means.base is None or means.cache is None:
        raise OptionsError("embeddings need a model, and a folder to be kept in")
    cache = EmbeddingCache(means.cache, Engine(means.base))
    return EmbeddingFeed(cache.embeddings(examples, done=means.embedded))
