"""A network from the tensors of a file, which must be exactly those of its configuration."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from emo2vec_plugins.errors import CheckpointError
from emo2vec_plugins.models.config import CONFIG, Config
from emo2vec_plugins.models.network import Network

logger = logging.getLogger(__name__)

_SHOWN = 5


def network_of(
    config: Config, tokens: Sequence[str], tensors: dict[str, Tensor], where: Path
) -> Network:
    """Return a network with these tensors; extra tensors are ignored.

    Args:
        config: The dimensions.
        tokens: The classes, one per row of the head.
        tensors: State dict of the network.
        where: The file of the tensors, for messages.

    Raises:
        CheckpointError: If a tensor is missing, has another shape, or is not dense and real.
    """
    # On the meta device, a network has shapes but no memory. The memory-mapped tensors of the file
    # become its parameters; copying them would double the memory.
    with torch.device("meta"):
        network = Network(config, len(tokens))
    expected = network.state_dict()
    scale = "modality_encoders.AUDIO.alibi_scale"
    if scale in tensors and tensors[scale].ndim == expected[scale].ndim - 1:
        tensors = tensors | {scale: tensors[scale][None]}  # early revisions lack a dimension
    found = {name: tensors[name] for name in expected if name in tensors}
    problems = {
        "missing": [name for name in expected if name not in found],
        "misshapen": [
            f"{name}: expected {tuple(expected[name].shape)}, got {tuple(value.shape)}"
            for name, value in found.items()
            if value.shape != expected[name].shape
        ],
        "not dense and real": [
            f"{name}: {value.dtype}, {value.layout}, on {value.device.type}"
            for name, value in found.items()
            # A meta tensor, for example, would load and then fail in the first batch.
            if value.layout is not torch.strided or value.is_meta or not value.is_floating_point()
        ],
    }
    listed = [f"{len(names)} {kind}: {_some(names)}" for kind, names in problems.items() if names]
    if listed:
        raise CheckpointError(f"{where}: the weights do not match {CONFIG}; {'; '.join(listed)}")
    _check_stored(found.values(), where)
    # Tensors for pre-training: its decoder, the averaged weights, the optimizer.
    if unused := sorted(tensors.keys() - expected.keys()):
        logger.debug("%s: %d unused tensors: %s", where, len(unused), ", ".join(unused))
    network.load_state_dict(found, assign=True)
    return network


def _check_stored(tensors: Iterable[Tensor], where: Path) -> None:
    """Check that no tensor is a repeated view of few bytes, which a copy would make large."""
    needed, stored = 0, {}
    for each in tensors:
        needed += each.numel() * each.element_size()
        stored[each.untyped_storage().data_ptr()] = each.untyped_storage().nbytes()
    if needed > sum(stored.values()):
        found = f"{needed:,} bytes, of which {sum(stored.values()):,} are stored"
        raise CheckpointError(f"{where}: expected tensors that do not share values, got {found}")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"
