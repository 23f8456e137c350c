"""From a split and a recipe to a trained model, not saved yet; and the predictions of a saved one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from emo2vec_plugins import models
from emo2vec_plugins.core import Backend
from emo2vec_plugins.engine import Engine
from emo2vec_plugins.errors import OptionsError, TrainingError
from emo2vec_plugins.evaluation import Prediction
from emo2vec_plugins.training.checkpoints import Checkpoints
from emo2vec_plugins.training.examples import Example, digest, labels_of
from emo2vec_plugins.training.features import EmbeddingCache, Embeddings, Features, Waveforms
from emo2vec_plugins.training.history import EpochResult, History
from emo2vec_plugins.training.model import (
    InitialModel,
    from_pretrained,
    new_config,
    new_model,
    trainable,
)
from emo2vec_plugins.training.recipe import Recipe
from emo2vec_plugins.training.split import Split
from emo2vec_plugins.training.trainer import Side, Trainer


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What a run needs beside data and recipe.

    Attributes:
        base: The model to start from; None for a new network.
        device: None for the best there is.
        cache: Folder of embeddings, for ``tune: head``.
        embedding_progress: Called with the number of embeddings that were done since the last
            call.
        resumed: Called with the number of epochs that were done before, if a run goes on.
    """

    base: Backend | None = None
    device: str | None = None
    cache: Path | None = None
    embedding_progress: Callable[[int], None] | None = None
    resumed: Callable[[int], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A trained network, not saved yet.

    Attributes:
        config: Its dimensions.
        tensors: Its weights.
        initial: What it came from.
        history: The epochs it took.
    """

    config: models.Config
    tensors: dict[str, Tensor]
    initial: InitialModel
    history: History

    def save(self, path: Path) -> None:
        """Write a model folder, which must not exist.

        Raises:
            TrainingError: If it cannot be written.
        """
        tokens = self.initial.tokens
        try:
            models.save_folder(path, config=self.config, tensors=self.tensors, tokens=tokens)
        except OSError as error:
            kept = "the last checkpoint is intact. With room for it, the same command goes on"
            why = error.strerror or error
            raise TrainingError(f"{path} cannot be written: {why}; {kept}") from error


def fit(
    split: Split,
    recipe: Recipe,
    resources: Resources,
    *,
    work: Path,
    progress: Callable[[EpochResult], None] | None = None,
) -> Fitted:
    """Train on one side of a split, stopping by the other, or go on where a run was killed.

    Args:
        split: Whose ``dev`` may be empty.
        recipe: Says how.
        resources: Says what with.
        work: Folder of checkpoints.
        progress: Called after each epoch, also with those that were done before.

    Raises:
        TrainingError: If a label has one turn, a loss is not finite, or a checkpoint cannot be
            written.
        OptionsError: If the recipe needs a model and there is none, or the other way round.
        ResumeError, CheckpointError: If *work* holds a checkpoint of another run.
        AudioError: If a turn cannot be read.
    """
    labels = labels_of(split.train)
    _check(recipe, resources, split)
    initial = initial_model(recipe, resources.base, labels)
    # A checkpoint is only taken if it is of the very same run: nothing else would show a mix.
    checkpoints = Checkpoints(work, identity(split, recipe, initial))
    found = checkpoints.load()  # that of another run is refused before an hour of embeddings
    if found is not None and resources.resumed:
        resources.resumed(len(found[0].epochs))
    model = trainable(initial, recipe)

    def side(examples: Sequence[Example]) -> Side:
        return Side(examples, labels, _features(examples, initial, recipe, resources))

    train, dev = side(split.train), side(split.dev) if split.dev else None
    device = models.device_of(resources.device)
    trainer = Trainer(model, recipe, train=train, dev=dev, checkpoints=checkpoints, device=device)
    history = trainer.run(progress=progress)
    config = initial.network.config
    return Fitted(config=config, tensors=model.tensors(), initial=initial, history=history)


def initial_model(recipe: Recipe, base: Backend | None, labels: Sequence[str]) -> InitialModel:
    """Return the network that a recipe starts from."""
    if recipe.tune == "new" or base is None:
        return new_model(recipe, labels)
    return from_pretrained(base, recipe, labels)


def identity(split: Split, recipe: Recipe, initial: InitialModel) -> dict[str, Any]:
    """Return all that trained weights depend on, as JSON values."""
    settings, base = recipe.to_dict(), initial.base
    del settings["network"]  # a path: what counts is the network in it, wherever it lies
    network = models.to_document(new_config(recipe.network))["model_conf"] if base is None else None
    return {
        "recipe": settings,
        "model": base and (base.sha256 or base.model),
        "network": network,
        "tokens": list(initial.tokens),
        "train": digest(split.train),
        "dev": digest(split.dev) if split.dev else None,
    }


def predict_examples(
    folder: Path, examples: Sequence[Example], *, device: str | None = None
) -> list[Prediction]:
    """Return the predictions of a saved model, through the engine that scores everything.

    A turn that cannot be read has no label, and a reason.
    """
    saved = models.ModelFolder(path=folder, name=folder.name)
    # In float32 whatever it was trained in: users load it so.
    score = Engine(models.load_folder(saved, device=device, dtype="float32"))
    results = score(example.clip() for example in examples)
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


def _check(recipe: Recipe, resources: Resources, split: Split) -> None:
    if recipe.tune == "new" and resources.base is not None:
        raise OptionsError("a new network starts from no model: leave the model out, or tune it")
    if recipe.tune != "new" and resources.base is None:
        raise OptionsError(f"tune: {recipe.tune} needs a model to start from")
    if recipe.patience is not None and not split.dev:
        advice = (
            "hold some out (--dev, --dev-speakers or --dev-share), or leave it out (--patience)"
        )
        raise OptionsError(
            f"patience stops training when development turns get no better: {advice}"
        )


def _features(
    examples: Sequence[Example], initial: InitialModel, recipe: Recipe, resources: Resources
) -> Features:
    if recipe.tune != "head":
        return Waveforms(examples, recipe, normalize=initial.network.config.normalize)
    if resources.base is None or resources.cache is None:
        raise OptionsError("embeddings need a model, and a folder to be kept in")
    cache = EmbeddingCache(resources.cache, Engine(resources.base))
    return Embeddings(cache.embeddings(examples, progress=resources.embedding_progress))
