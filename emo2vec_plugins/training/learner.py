"""What learns: a head alone, or a network with a head, behind one interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from emo2vec_plugins.engine import lay
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.models import Network
from emo2vec_plugins.training.filter_bank import freeze_filter_bank
from emo2vec_plugins.training.recipe import Recipe
from emo2vec_plugins.training.start import Start


class Learner(nn.Module, ABC):
    """Something that makes logits of what its feed gives, and can be trained and saved.

    Args:
        network: With the head that is trained; its weights change.
        recipe: Says which of them, and how.
    """

    def __init__(self, network: Network, recipe: Recipe) -> None:
        super().__init__()
        self.network = network
        self.recipe = recipe
        self.dropout = nn.Dropout(recipe.dropout)

    @abstractmethod
    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return the logits of a batch, shape (turns, classes)."""

    def groups(self) -> list[dict[str, Any]]:
        """Return what the optimizer is to change, with how fast relative to the schedule."""
        head = [p for name, p in self._learned() if name.startswith("network.proj.")]
        rest = [p for name, p in self._learned() if not name.startswith("network.proj.")]
        factor = self.recipe.head_factor if self.recipe.tune in ("top", "all") else 1.0
        parts = ((rest, 1.0), (head, factor))
        return [{"params": params, "factor": by} for params, by in parts if params]

    def learned(self) -> dict[str, Tensor]:
        """Return copies of the weights that training changes, on the CPU."""
        return {name: p.detach().cpu().clone() for name, p in self._learned()}

    def restore(self, learned: Mapping[str, Tensor]) -> None:
        """Set the weights that `learned` gave."""
        with torch.no_grad():
            for name, parameter in self._learned():
                parameter.copy_(learned[name])

    def tensors(self) -> dict[str, Tensor]:
        """Return the weights of the trained model, as `save_folder` takes them."""
        return {name: value.detach().cpu() for name, value in self.network.state_dict().items()}

    def head(self, pooled: Tensor) -> Tensor:
        """Return logits of mean embeddings, shape (turns, width) to (turns, classes)."""
        if self.network.proj is None:
            raise OptionsError("a network without classes cannot be trained to tell any")
        logits: Tensor = self.network.proj(self.dropout(pooled))
        return logits

    def _learned(self) -> list[tuple[str, nn.Parameter]]:
        return [(name, p) for name, p in self.named_parameters() if p.requires_grad]


class HeadLearner(Learner):
    """A new head; what it is fed are mean embeddings, which never change."""

    def __init__(self, network: Network, recipe: Recipe) -> None:
        super().__init__(network, recipe)
        network.requires_grad_(False)
        _unfreeze(network.proj)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return logits, shape (turns, classes).

        Args:
            inputs: Embeddings, each of shape (width,).
        """
        return self.head(torch.stack(list(inputs)))


class NetworkLearner(Learner):
    """A network of which all, or the last blocks and the head, learn.

    The head is linear, so the logits of a turn's mean embedding are the mean of its frames'
    logits, which is what the engine gives.
    """

    def __init__(self, network: Network, recipe: Recipe) -> None:
        super().__init__(network, recipe)
        if freeze_filter_bank(network.encoder, network.config) and recipe.precision == "float16":
            raise OptionsError(
                "precision: float16 has no numbers as small as those of a filter bank; use "
                "bfloat16 or float32"
            )
        if recipe.tune == "top":
            network.requires_grad_(False)
            _unfreeze(network.proj, *top_blocks(network, recipe.blocks))

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return logits, shape (turns, classes).

        Args:
            inputs: Waveforms, each of shape (samples,), prepared as the engine does.
        """
        layout = lay([len(waveform) for waveform in inputs], gap=self.network.gap)
        packed = inputs[0].new_zeros(layout.samples)
        for start, waveform in zip(layout.starts, inputs, strict=True):
            packed[start : start + len(waveform)] = waveform
        embeddings, _ = self.network(packed, layout)
        counts = [frames.stop - frames.start for frames in layout.frames]
        pooled = torch.stack([turn.mean(0) for turn in embeddings.split(counts)])
        return self.head(pooled)


def new_learner(start: Start, recipe: Recipe) -> Learner:
    """Return what learns in the way that the recipe says; it takes the network over."""
    kind = HeadLearner if recipe.tune == "head" else NetworkLearner
    return kind(start.network, recipe)


def top_blocks(network: Network, count: int) -> list[nn.Module]:
    """Return the last *count* blocks, counted from the head.

    Raises:
        OptionsError: If there are fewer.
    """
    blocks = [*network.encoder.context_encoder.blocks, *network.blocks]
    if count > len(blocks):
        raise OptionsError(f"the network has {len(blocks)} blocks, {count} were to be trained")
    return blocks[-count:]


def _unfreeze(*modules: nn.Module | None) -> None:
    for parameter in chain.from_iterable(m.parameters() for m in modules if m is not None):
        parameter.requires_grad_(True)
