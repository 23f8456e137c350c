"""The model that every subject loads: random weights, or those that the user names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from emo2vec_plugins import models
from emo2vec_plugins.core import EMOTIONS

LABELS = (*EMOTIONS[:8], "<unk>")
"""Those of the published models."""

PICKLED = "model.pt"
"""What the reference reads its weights from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A model folder that all subjects load.

    Attributes:
        name: What the report says of it.
        folder: In the published layout, with a ``model.pt``.
        config: Its dimensions.
        labels: Rows of its head.
    """

    name: str
    folder: Path
    config: models.Config
    labels: int


def random_weights(folder: Path, *, config: models.Config | None = None, seed: int = 0) -> Weights:
    """Write a model of random weights to *folder*, of the published large shape by default.

    Matrices keep the variance of what goes through them, so that arithmetic of little precision
    is put to the test; the labels that such a model predicts mean nothing.
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
    if like.ndim > 1:  # by fan-in, which keeps the variance from layer to layer
        return values.mul(like[0].numel() ** -0.5)
    return values.mul(0.1).add(1.0 if name.endswith("weight") else 0.0)


def named_weights(name: str, folder: Path) -> Weights:
    """Return the model of a name, a folder or a hub's identifier.

    Args:
        name: As `load_model` takes it, but for the ways of loading: the subjects are those.
        folder: Where a copy goes that has the weights as the reference reads them, if it needs
            one.

    Raises:
        ModelNotFoundError: If there is no such model, or its hub cannot be reached.
        CheckpointError, ConfigError: If its files are not what they should be.
    """
    source = models.find_folder(name).path
    config, tokens = (
        models.read_config(source / models.CONFIG),
        models.read_tokens(source / models.TOKENS),
    )
    found = source
    if not (source / PICKLED).is_file():
        # Without any weights, the message names the file that is preferred.
        there = [name for name in models.WEIGHTS if (source / name).is_file()]
        tensors = models.read_tensors(source / [*there, models.WEIGHTS[0]][0])
        models.save_folder(folder, config=config, tensors=tensors, tokens=tokens, weights=PICKLED)
        found = folder
    return Weights(name=name, folder=found, config=config, labels=len(tokens))
