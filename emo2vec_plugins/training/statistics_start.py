"""First weights with which a network reads a turn as statistics of its frames.

With a few hundred turns, simple models of the means and spreads of frequency bands are hard to beat
on other corpora. A transformer can compute such statistics, but from random weights, with attention
to near frames, it does not find them. So its first weights are *set*:

- Attention is spread over the whole turn, and loud frames get more of it: the attention bias for
  distances is zero, one channel of the frames is their level, and every query asks for it.
- The hidden layer of the first block has units in pairs of opposite sign, which are added. As
  ``gelu(x) + gelu(-x)`` grows with the magnitude of ``x``, the mean of a pair over the frames is a
  measure of spread.
- The positional convolutions return constants: small weights, and biases that pass their norms.

Unlike the filter bank before them, all of these weights are trained.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn

from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.models import Network

LEVEL = 3.0
"""Weight of a frame's mean over the bands in the channel for its level."""

LOUDNESS = 2.0
"""Change of the attention logit per unit of that channel."""

FAINT = 0.1
"""Factor of weights that matter little at first."""

DIRECTION, SUM = 1.5, 0.15
"""Spread of the weights before the pairs of units, times the root of the width, and after them."""


@torch.no_grad()
def start_with_statistics(network: Network) -> None:
    """Set the first weights of the layers after the filter bank.

    Args:
        network: A new network, whose front end is a filter bank with the negatives of all bands
            after the bands (`emo2vec_plugins.training.filter_bank`).

    Raises:
        OptionsError: If the network has no blocks.
    """
    encoder = network.encoder
    blocks = [*encoder.context_encoder.blocks, *network.blocks]
    if not blocks:
        raise OptionsError(
            "start: statistics needs a network with blocks, got prenet_depth 0 and depth 0; "
            "use start: random, or another network"
        )
    encoder.alibi_scale.zero_()
    projection = cast(nn.Linear, encoder.project_features[2])
    bands = projection.in_features // 2
    projection.weight[0] = torch.tensor([1.0, -1.0]).repeat_interleave(bands) * LEVEL / (2 * bands)
    for layer in list(encoder.relative_positional_encoder)[1:]:
        position = cast(nn.Conv1d, cast(nn.Sequential, layer)[0])
        position.weight.mul_(FAINT)
        nn.init.normal_(cast(Tensor, position.bias))
    for block in blocks:
        _ask_for_the_level(block.attn.qkv, network.config.heads)
    blocks[0].attn.proj.weight.mul_(FAINT)
    _pair(blocks[0].mlp.fc1, blocks[0].mlp.fc2)


def _ask_for_the_level(qkv: nn.Linear, heads: int) -> None:
    width = qkv.in_features
    each = width // heads
    first = torch.arange(heads) * each  # one dimension of each head
    qkv.weight[: 2 * width] *= FAINT
    qkv.bias[: 2 * width] = 0
    qkv.bias[first] = LOUDNESS * math.sqrt(each)
    qkv.weight[width + first] = torch.eye(width)[0]


def _pair(inner: nn.Linear, outer: nn.Linear) -> None:
    half = inner.out_features // 2
    directions = torch.randn(half, inner.in_features) * DIRECTION / math.sqrt(inner.in_features)
    sums: Tensor = torch.randn(outer.out_features, half) * SUM
    inner.weight[: 2 * half] = torch.cat([directions, -directions])
    inner.bias.zero_()
    outer.weight[:, : 2 * half] = torch.cat([sums, sums], dim=1)
