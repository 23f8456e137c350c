"""The model that all subjects load: random weights, or a model that the user names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from emo2vec_plugins import models
from emo2vec_plugins.core import EMOTIONS

LABELS = (*EMOTIONS[:8], "<unk>")
"""Labels of the published models."""

PICKLED = "model.pt"
"""The weights file that the reference reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A model folder that all subjects load.

    Attributes:
        name: Name in the report.
        folder: Folder in the published layout, with a ``model.pt``.
        config: Dimensions of the network.
        labels: Number of rows of its head.
    """

    name: str
    folder: Path
    config: models.Config
    labels: int


def random_weights(folder: Path, *, config: models.Config | None = None, seed: int = 0) -> Weights:
    """Write a model with random weights to *folder*, by default in the published large shape.

    The matrices preserve the variance of activations, so low-precision dtypes face realistic
    values. The predicted labels have no meaning.
    """
    config = models.Config() if config is None else config
    with torch.device("meta"):
        shapes = models.Network(config, len(LABELS)).state_dict()
    generator = torch.Generator().manual_seed(seed)
    tensors = {name: _random(name, each, generator) for name, each in shapes.items()}
    models.save_folder(folder, config=config, tensors=tensors, tokens=LABELS, weights=PICKLED)
    blocks = config.prenet_depth + config.depth
    name = f"random weights, width {config.width}, {blocks} blocks"
    return Weights(name=name, folder=folder, config=config, labels=len(LABELS))


def _random(name: str, like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    values = torch.randn(like.shape, generator=generator)
    if name.endswith("alibi_scale"):
        return torch.ones(like.shape)
    if "extra_tokens" in name:
        return values
    if like.ndim > 1:  # scaled by fan-in, which preserves the variance
        return values.mul(like[0].numel() ** -0.5)
    return values.mul(0.1).add(1.0 if name.endswith("weight") else 0.0)


def named_weights(name: str, folder: Path) -> Weights:
    """Return the model with a name, a folder or a hub identifier.

    Args:
        name: As for `load_model`, but without a loader: each subject has its own.
        folder: Folder for a copy with a ``model.pt`` for the reference, if the model has none.

    Raises:
        ModelNotFoundError: If the model is not found, or its hub cannot be reached.
        CheckpointError, ConfigError: If its files are invalid.
    """
    source = models.find_folder(name).path
    config, tokens = (
        models.read_config(source / models.CONFIG),
        models.read_tokens(source / models.TOKENS),
    )
    found = source
    if not (source / PICKLED).is_file():
        # If no weights exist, the error names the preferred file.
        there = [name for name in models.WEIGHTS if (source / name).is_file()]
        tensors = models.read_tensors(source / [*there, models.WEIGHTS[0]][0])
        models.save_folder(folder, config=config, tensors=tensors, tokens=tokens, weights=PICKLED)
        found = folder
    return Weights(name=name, folder=found, config=config, labels=len(tokens))
