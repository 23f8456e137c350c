"""Networks before training, and models that select which of their weights are trained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from emo2vec_plugins.core import Backend, Provenance, canonical
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.models import TINY, Config, Network, TorchBackend, lay, read_config
from emo2vec_plugins.training.filter_bank import freeze_filter_bank, set_filter_bank
from emo2vec_plugins.training.recipe import Recipe
from emo2vec_plugins.training.statistics_start import start_with_statistics

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
"""The published token of each label. Any other label is its own token."""

_HEADS = ("network.proj.", "extra.")
"""Prefixes of the names of the heads' tensors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InitialModel:
    """A network before training.

    Attributes:
        network: The network, with a head for *labels*. Its weights are not shared with another
            network; they are float32 and on the CPU.
        labels: Canonical names of the head's rows.
        tokens: Names of the labels in ``tokens.txt``.
        base: The model that the network was copied from; None for a new network.
        reused: Labels whose rows come from the base model's head.
    """

    network: Network
    labels: tuple[str, ...]
    tokens: tuple[str, ...]
    base: Provenance | None = None
    reused: tuple[str, ...] = ()


def new_model(recipe: Recipe, labels: Sequence[str]) -> InitialModel:
    """Return a network with random weights from the recipe's seed, and the recipe's front end.

    Raises:
        ConfigError: If the network's configuration is invalid.
        OptionsError: If the recipe has a filter bank and the convolutions do not fit one.
    """
    torch.manual_seed(recipe.seed)
    config = new_config(recipe.network)
    network = Network(config, len(labels))
    if recipe.front_end == "filter-bank":
        set_filter_bank(network.encoder, config.conv_layers)
    if recipe.start == "statistics":
        start_with_statistics(network)
    return InitialModel(network=network, labels=tuple(labels), tokens=tokens_of(labels))


def new_config(name: str) -> Config:
    """Return the dimensions of a new network.

    Args:
        name: ``tiny``, or the path of a ``config.yaml``.

    Raises:
        ConfigError: If the file does not exist, or describes another kind of network.
    """
    return read_config(TINY / "config.yaml" if name == "tiny" else Path(name))


def from_pretrained(backend: Backend, recipe: Recipe, labels: Sequence[str]) -> InitialModel:
    """Return a copy of a model's network with a head for the given labels.

    With *reuse_head*, rows of labels that the model has are copied from its head.

    Args:
        backend: A model from `load_model`, from a folder or a hub.
        recipe: Only the seed and *reuse_head* are used.
        labels: Canonical names.

    Raises:
        OptionsError: If the weights of the model are not available.
    """
    if not isinstance(backend, TorchBackend):
        advice = "its weights are not available; use a model folder or an identifier on a hub"
        raise OptionsError(f"{backend.provenance.model} cannot be trained: {advice}")
    torch.manual_seed(recipe.seed)
    network = Network(backend.network.config, len(labels))
    weights = {name: value.detach().float() for name, value in backend.network.state_dict().items()}
    # The new head has other rows. They are random, or copied one by one below.
    own = {name: value for name, value in weights.items() if not name.startswith("proj.")}
    network.load_state_dict(own, strict=False)
    return InitialModel(
        network=network,
        labels=tuple(labels),
        tokens=tokens_of(labels, backend.provenance.tokens),
        base=backend.provenance,
        reused=_copy_rows(network, backend, labels) if recipe.reuse_head else (),
    )


def tokens_of(labels: Sequence[str], tokens: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the names of labels in ``tokens.txt``: those of a model, or the published ones.

    >>> tokens_of(["angry", "bored"])
    ('生气/angry', 'bored')
    """
    names = TOKENS | {canonical(token): token for token in tokens}
    return tuple(names.get(label, label) for label in labels)


class TrainableModel(nn.Module, ABC):
    """Computes logits from the features of turns, and can be trained and saved.

    Args:
        network: The network, with a head. Its weights are changed in place.
        recipe: Determines which weights are trained, and how.
        extra: Number of rows of further heads, which are not saved.
    """

    def __init__(self, network: Network, recipe: Recipe, *, extra: int = 0) -> None:
        super().__init__()
        self.network = network
        self.recipe = recipe
        self.dropout = nn.Dropout(recipe.dropout)
        self.extra = nn.Linear(network.config.width, extra) if extra else None

    @abstractmethod
    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Return the logits of a batch, shape (turns, labels and *extra*)."""

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return the optimizer's parameter groups; ``factor`` scales the scheduled rate."""
        head = [p for name, p in self._learned() if name.startswith(_HEADS)]
        rest = [p for name, p in self._learned() if not name.startswith(_HEADS)]
        factor = self.recipe.head_factor if self.recipe.tune in ("top", "all") else 1.0
        groups = ((rest, 1.0), (head, factor))
        return [{"params": params, "factor": by} for params, by in groups if params]

    def learned(self) -> dict[str, Tensor]:
        """Return copies of the weights that training changes, on the CPU."""
        return {name: p.detach().cpu().clone() for name, p in self._learned()}

    @torch.no_grad()
    def restore(self, learned: Mapping[str, Tensor]) -> None:
        """Set the weights to those that `learned` returned."""
        for name, parameter in self._learned():
            parameter.copy_(learned[name])

    def tensors(self) -> dict[str, Tensor]:
        """Return the weights of the trained model, in the form that `save_folder` takes."""
        return {name: value.detach().cpu() for name, value in self.network.state_dict().items()}

    def head(self, pooled: Tensor) -> Tensor:
        """Return the logits of all heads, of mean embeddings of shape (turns, width)."""
        if self.network.proj is None:
            raise OptionsError("the network has no head to train: it has no classes")
        kept = self.dropout(pooled)
        heads = [self.network.proj] if self.extra is None else [self.network.proj, self.extra]
        return torch.cat([head(kept) for head in heads], dim=1)

    def _learned(self) -> list[tuple[str, nn.Parameter]]:
        return [(name, p) for name, p in self.named_parameters() if p.requires_grad]


class HeadModel(TrainableModel):
    """A new head; its features are mean embeddings, which are never augmented."""

    def __init__(self, network: Network, recipe: Recipe, *, extra: int = 0) -> None:
        super().__init__(network, recipe, extra=extra)
        network.requires_grad_(False)
        _unfreeze(network.proj)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Return logits, shape (turns, labels and *extra*).

        Args:
            features: Embeddings, each of shape (width,).
        """
        return self.head(torch.stack(list(features)))


class NetworkModel(TrainableModel):
    """A network trained in full, or in its last blocks and its head."""

    def __init__(self, network: Network, recipe: Recipe, *, extra: int = 0) -> None:
        super().__init__(network, recipe, extra=extra)
        if freeze_filter_bank(network.encoder, network.config) and recipe.precision == "float16":
            why = "the weights of a filter bank are too small for it; use bfloat16 or float32"
            raise OptionsError(f"precision: float16 cannot be used: {why}")
        if recipe.tune == "top":
            network.requires_grad_(False)
            _unfreeze(network.proj, *top_blocks(network, recipe.blocks))

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Return logits, shape (turns, labels and *extra*).

        Args:
            features: Waveforms, each of shape (samples,), prepared as in the engine.
        """
        layout = lay([len(waveform) for waveform in features], gap=self.network.gap)
        # Packed as in the engine, with gaps of silence that no frame of a turn reaches.
        packed = features[0].new_zeros(layout.samples)
        for start, waveform in zip(layout.starts, features, strict=True):
            packed[start : start + len(waveform)] = waveform
        embeddings, _ = self.network(packed, layout)
        counts = [frames.stop - frames.start for frames in layout.frames]
        # The engine averages the logits of frames. The head is linear, so the logits of the mean
        # embedding are equal, and dropout is drawn once per turn.
        return self.head(torch.stack([turn.mean(0) for turn in embeddings.split(counts)]))


def trainable(initial: InitialModel, recipe: Recipe, *, extra: int = 0) -> TrainableModel:
    """Return the model that the recipe trains; it changes the weights of *initial*."""
    kind = HeadModel if recipe.tune == "head" else NetworkModel
    return kind(initial.network, recipe, extra=extra)


def top_blocks(network: Network, count: int) -> list[nn.Module]:
    """Return the last *count* blocks of the network, before the head.

    Raises:
        OptionsError: If the network has fewer.
    """
    blocks = [*network.encoder.context_encoder.blocks, *network.blocks]
    if count > len(blocks):
        raise OptionsError(f"expected at most {len(blocks)} blocks to train, got {count}")
    return blocks[-count:]


@torch.no_grad()
def _copy_rows(network: Network, backend: TorchBackend, labels: Sequence[str]) -> tuple[str, ...]:
    old, new = backend.network.proj, network.proj
    if old is None or new is None:
        return ()
    columns = dict(zip(backend.labels.names, backend.labels.columns, strict=True))
    known = tuple(label for label in labels if label in columns)
    for label in known:
        row, column = labels.index(label), columns[label]
        new.weight[row], new.bias[row] = old.weight[column], old.bias[column]
    return known


def _unfreeze(*modules: nn.Module | None) -> None:
    for parameter in chain.from_iterable(m.parameters() for m in modules if m is not None):
        parameter.requires_grad_(True)
