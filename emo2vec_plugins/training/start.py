"""What training starts from: a model that is there, or a new network; and what it can learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from emo2vec_plugins.core import Backend, Provenance, canonical
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.models import TINY, Config, Network, TorchBackend, read_config
from emo2vec_plugins.training.filter_bank import set_filter_bank
from emo2vec_plugins.training.recipe import Recipe

TOKENS = {
    "angry": "生气/angry",
    "disgusted": "厌恶/disgusted",
    "fearful": "恐惧/fearful",
    "happy": "开心/happy",
    "neutral": "中立/neutral",
    "other": "其他/other",
    "sad": "难过/sad",
    "surprised": "吃惊/surprised",
    "unknown": "<unk>",
}
"""The published name of each class; another class is its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A network before training.

    Attributes:
        network: With weights of its own, in float32 on the CPU, and a head of the new classes.
        classes: Canonical names of the head's rows.
        tokens: What ``tokens.txt`` will say of them.
        base: The model it comes from; None for a new network.
        known: Classes whose rows come from the base model's head.
    """

    network: Network
    classes: tuple[str, ...]
    tokens: tuple[str, ...]
    base: Provenance | None = None
    known: tuple[str, ...] = field(default=())


def new_network(recipe: Recipe, classes: Sequence[str]) -> Start:
    """Return a network with random weights, drawn from the recipe's seed, and its front end.

    Raises:
        ConfigError: If its configuration is none.
        OptionsError: If the front end cannot be a filter bank.
    """
    torch.manual_seed(recipe.seed)
    config = new_config(recipe.network)
    network = Network(config, len(classes))
    if recipe.front_end == "filter-bank":
        set_filter_bank(network.encoder, config.conv_layers)
    return Start(network=network, classes=tuple(classes), tokens=tokens_of(classes))


def new_config(name: str) -> Config:
    """Return the dimensions of a new network: ``tiny``, or those in a ``config.yaml``.

    Raises:
        ConfigError: If there is no such file, or it describes another kind of network.
    """
    return read_config(TINY / "config.yaml" if name == "tiny" else Path(name))


def from_model(backend: Backend, recipe: Recipe, classes: Sequence[str]) -> Start:
    """Return a copy of a model's network with a head of the new classes.

    The rows of classes that the model knows start from its own, if the recipe says so.

    Args:
        backend: What `load_model` gives, from a folder or a hub.
        recipe: Of which the seed and *reuse_head* count.
        classes: Canonical names.

    Raises:
        OptionsError: If its weights cannot be had.
    """
    if not isinstance(backend, TorchBackend):
        raise OptionsError(
            f"{backend.provenance.model} cannot be trained: its weights are not at hand; give a "
            "model's folder or its identifier on a hub"
        )
    torch.manual_seed(recipe.seed)
    config = backend.network.config
    network = Network(config, len(classes))
    tensors = {
        name: value.detach().float().cpu() for name, value in backend.network.state_dict().items()
    }
    own = {name: value for name, value in tensors.items() if not name.startswith("proj.")}
    network.load_state_dict(own, strict=False)
    known = _copy_rows(network, backend, classes) if recipe.reuse_head else ()
    return Start(
        network=network,
        classes=tuple(classes),
        tokens=tokens_of(classes, backend.provenance.tokens),
        base=backend.provenance,
        known=known,
    )


def tokens_of(classes: Sequence[str], tokens: Sequence[str] = ()) -> tuple[str, ...]:
    """Return what to call classes in ``tokens.txt``: as a model did, or as is published.

    >>> tokens_of(["angry", "bored"])
    ('生气/angry', 'bored')
    """
    names = TOKENS | {canonical(token): token for token in tokens}
    return tuple(names.get(label, label) for label in classes)


def _copy_rows(network: Network, backend: TorchBackend, classes: Sequence[str]) -> tuple[str, ...]:
    head, new = backend.network.proj, network.proj
    if head is None or new is None:
        return ()
    rows = dict(zip(backend.labels.names, backend.labels.columns, strict=True))
    known = tuple(label for label in classes if label in rows)
    with torch.no_grad():
        for label in known:
            _copy_row(new, classes.index(label), head, rows[label])
    return known


def _copy_row(new: nn.Linear, row: int, old: nn.Linear, column: int) -> None:
    new.weight[row] = old.weight[column].float().cpu()
    new.bias[row] = old.bias[column].float().cpu()
