"""Training of a model on a split of the data, and predictions of a saved model."""

from __future__ import annotations

import hashlib
import json
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
from emo2vec_plugins.training.augment.sounds import Sounds
from emo2vec_plugins.training.checkpoints import Checkpoints
from emo2vec_plugins.training.examples import Example, digest
from emo2vec_plugins.training.features import EmbeddingCache, Embeddings, Features, Waveforms
from emo2vec_plugins.training.heads import corpora, heads_of, votes_of
from emo2vec_plugins.training.history import EpochResult, History
from emo2vec_plugins.training.kept import Memory
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
    """The resources of a run, besides the data and the recipe.

    Attributes:
        base: The model to start from; None for a new network.
        device: Device to train on; None for the best one available.
        cache: Folder of embeddings, for ``tune: head``.
        embedding_progress: Called with the number of embeddings completed since the last call.
        resumed: Called with the number of completed epochs when a run resumes.
    """

    base: Backend | None = None
    device: str | None = None
    cache: Path | None = None
    embedding_progress: Callable[[int], None] | None = None
    resumed: Callable[[int], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A trained network that is not yet saved.

    Attributes:
        config: Dimensions of the network.
        tensors: Weights of the network.
        initial: The network before training.
        history: The epochs of the training.
    """

    config: models.Config
    tensors: dict[str, Tensor]
    initial: InitialModel
    history: History

    def save(self, path: Path) -> None:
        """Write a model folder, which must not exist yet.

        Raises:
            TrainingError: If the folder cannot be written.
        """
        tokens = self.initial.tokens
        try:
            models.save_folder(path, config=self.config, tensors=self.tensors, tokens=tokens)
        except OSError as error:
            advice = "the last checkpoint is intact; fix the cause and run the same command again"
            why = error.strerror or error
            raise TrainingError(f"{path} cannot be written: {why}; {advice}") from error


def fit(
    split: Split,
    recipe: Recipe,
    resources: Resources,
    *,
    work: Path,
    progress: Callable[[EpochResult], None] | None = None,
) -> Fitted:
    """Train a model, or resume a run that was killed.

    What the data and the recipe make impossible is found by `problems`, before.

    Args:
        split: The training turns, and the development turns to choose the best epoch by. There may
            be no development turns.
        recipe: The settings.
        resources: The base model, the device and the cache.
        work: Folder of checkpoints.
        progress: Called after each epoch, and also for epochs completed by an earlier run.

    Raises:
        TrainingError: If a label has only one turn, a loss is not finite, or a checkpoint cannot
            be written.
        OptionsError: If the recipe needs a base model and there is none, or the reverse.
        ResumeError, CheckpointError: If the checkpoint in *work* is of another run, or is another
            kind of file.
        AudioError: If a turn cannot be read.
    """
    heads = heads_of(split.train, recipe)
    _check(recipe, resources)
    initial = initial_model(recipe, resources.base, heads.labels)
    # A checkpoint is used only if it is of the same run; a mix would otherwise go unnoticed.
    checkpoints = Checkpoints(work, identity(split, recipe, initial))
    found = checkpoints.load()  # fails early, before an hour of computing embeddings
    if found is not None and resources.resumed:
        resources.resumed(len(found[0].epochs))
    model = trainable(initial, recipe, extra=heads.extra)
    memory = Memory()

    def side(examples: Sequence[Example], recipe: Recipe) -> Side:
        features = _features(examples, initial, recipe, resources, memory)
        return Side(examples, heads, features, votes=recipe.votes)

    train = side(split.train, recipe)
    dev = side(split.dev, recipe.without_augmentation()) if split.dev else None
    device = models.device_of(resources.device)
    trainer = Trainer(
        model,
        recipe,
        train=train,
        dev=dev,
        checkpoints=checkpoints,
        found=found,
        device=device,
    )
    history = trainer.run(progress=progress)
    config = initial.network.config
    return Fitted(config=config, tensors=model.tensors(), initial=initial, history=history)


def initial_model(recipe: Recipe, base: Backend | None, labels: Sequence[str]) -> InitialModel:
    """Return the network that training starts from."""
    if recipe.tune == "new" or base is None:
        return new_model(recipe, labels)
    return from_pretrained(base, recipe, labels)


def identity(split: Split, recipe: Recipe, initial: InitialModel) -> dict[str, Any]:
    """Return everything that the trained weights depend on, as JSON values."""
    settings, base = recipe.to_dict(), initial.base
    del settings["network"]  # a path; the network it describes is included instead
    if recipe.sounds:  # likewise
        bank = Sounds(Path(recipe.sounds), split.train[0].permissions)
        settings["sounds"] = _digest_of(bank.facts)
    network = models.to_document(new_config(recipe.network))["model_conf"] if base is None else None
    return {
        "recipe": settings,
        "model": base and (base.sha256 or base.model),
        "network": network,
        "tokens": list(initial.tokens),
        "train": digest(split.train),
        "dev": digest(split.dev) if split.dev else None,
    } | _fields(split, recipe)


def _fields(split: Split, recipe: Recipe) -> dict[str, Any]:
    """Return digests of the fields that the recipe uses and the digest of the turns lacks."""
    turns = [*split.train, *split.dev]
    found: dict[str, Any] = {}
    if recipe.shares or recipe.own_head:
        found["corpora"] = corpora(turns)
    if recipe.votes:
        found["votes"] = [votes_of(each, recipe.votes) for each in turns]
    return {name: _digest_of(values) for name, values in found.items()}


def _digest_of(values: Any) -> str:
    """Return a SHA-256 of JSON values."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def predict_examples(
    folder: Path, examples: Sequence[Example], *, device: str | None = None
) -> list[Prediction]:
    """Return the predictions of a saved model, made with an `Engine`.

    The prediction for a turn that cannot be read has a reason instead of a label.
    """
    saved = models.ModelFolder(path=folder, name=folder.name)
    # Always in float32, the default when users load the model.
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


def _check(recipe: Recipe, resources: Resources) -> None:
    if recipe.tune == "new" and resources.base is not None:
        advice = "leave out the base model, or use tune: head, top or all"
        raise OptionsError(f"tune: new trains a new network without a base model; {advice}")
    if recipe.tune != "new" and resources.base is None:
        raise OptionsError(f"tune: {recipe.tune} needs a base model to start from")


def _features(
    examples: Sequence[Example],
    initial: InitialModel,
    recipe: Recipe,
    resources: Resources,
    memory: Memory,
) -> Features:
    if recipe.tune != "head":
        normalize = initial.network.config.normalize
        return Waveforms(examples, recipe, normalize=normalize, memory=memory)
    if resources.base is None or resources.cache is None:
        raise OptionsError("tune: head needs a base model and a cache folder for embeddings")
    cache = EmbeddingCache(resources.cache, Engine(resources.base))
    return Embeddings(cache.embeddings(examples, progress=resources.embedding_progress))
