"""The emotion2vec network, for inference, in the order of its forward pass.

A batch is one waveform in which clips lie apart (`emo2vec_plugins.models.packing`), and every frame of
every clip is one row of a (frames, width) matrix: no padding enters any norm, linear layer or
attention, so a clip's frames are those it has alone.

The paper is Ma et al., "emotion2vec: Self-Supervised Pre-Training for Speech Emotion
Representation", arXiv:2312.15185; the attention bias is ALiBi, Press et al., arXiv:2108.12409.
Modules are named as the published checkpoints name their tensors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from emo2vec_plugins.engine import HOP, RECEPTIVE, frame_count
from emo2vec_plugins.models.attention import Attend, MakeAttention, one_by_one
from emo2vec_plugins.models.config import Config
from emo2vec_plugins.models.packing import Layout, upload

PART_FRAMES = 50
"""Frames whose convolutions a CPU runs at a time: 6.5 MB between the first two of large."""


class Network(nn.Module):
    """Front end, positions, context encoder, blocks and, with classes, a linear head.

    Args:
        config: The dimensions.
        classes: Rows of the head; no head for 0.

    Attributes:
        attention: How clips attend to themselves where no gradient is computed.
    """

    def __init__(self, config: Config, classes: int = 0) -> None:
        super().__init__()
        self.config = config
        self.modality_encoders = nn.ModuleDict({"AUDIO": AudioEncoder(config)})
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.proj = nn.Linear(config.width, classes) if classes else None
        self.attention: MakeAttention = one_by_one

    @property
    def gap(self) -> int:
        """Frames that must lie between two clips of a batch."""
        return self.config.position_kernel // 2

    @property
    def encoder(self) -> AudioEncoder:
        """What comes before the blocks."""
        return cast(AudioEncoder, self.modality_encoders["AUDIO"])

    def forward(self, waveform: Tensor, layout: Layout) -> tuple[Tensor, Tensor | None]:
        """Run one batch.

        Args:
            waveform: Shape (samples,); clips at ``layout.starts``, zeros between them.
            layout: Made with a gap of at least `gap`.

        Returns:
            Embeddings, shape (frames, width), and logits, shape (frames, classes) or None: the
            frames of all clips, one after another, without those between clips.
        """
        encoder = self.encoder
        x = encoder.frames(waveform, layout)  # (frames, width)
        counts = [frames.stop - frames.start for frames in layout.frames]
        x, own = encoder.with_extra_tokens(x, counts)  # (rows, width), (frames,)
        rows = [count + self.config.extra_tokens for count in counts]
        # FlexAttention's block mask is made without what its backward pass needs.
        make = one_by_one if torch.is_grad_enabled() else self.attention
        attend = make(rows, self.config.extra_tokens, encoder.attention_slopes())
        x = self.encode(x, attend)[own]
        return x, None if self.proj is None else self.proj(x)

    def encode(self, x: Tensor, attend: Sequence[Attend]) -> Tensor:
        """Run the blocks.

        Args:
            x: Shape (..., rows, width), the extra tokens among the rows.
            attend: For each block, or one for all.

        Returns:
            The shape of *x*.
        """
        context = self.encoder.context_encoder
        x = context.norm(x)
        for index, block in enumerate([*context.blocks, *self.blocks]):
            x = block(x, attend[min(index, len(attend) - 1)])
        return x


class AudioEncoder(nn.Module):
    """Everything before the blocks: from samples to positioned frames, and the bias.

    Identities stand where the published checkpoints' modules have dropout, transposition or
    activation: names of tensors hold the place in a `Sequential`.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        channels = config.conv_layers[-1][0]
        layers = config.prenet_depth + config.depth if config.scale_per_layer else 1
        heads = config.heads if config.scale_per_head else 1
        self.heads = config.heads
        self.local_encoder = FrontEnd(config)
        self.project_features = nn.Sequential(
            nn.Identity(), nn.LayerNorm(channels), nn.Linear(channels, config.width)
        )
        self.relative_positional_encoder = nn.Sequential(
            nn.Identity(),
            *(nn.Sequential(_position(config)) for _ in range(config.position_depth)),
        )
        self.extra_tokens = nn.Parameter(torch.zeros(1, config.extra_tokens, config.width))
        self.alibi_scale = nn.Parameter(torch.ones(layers, 1, heads, 1, 1))
        self.context_encoder = ContextEncoder(config)

    def frames(self, waveform: Tensor, layout: Layout) -> Tensor:
        """Return the clips' frames with their positions added, shape (frames, width).

        Args:
            waveform: Shape (samples,); clips at ``layout.starts``, zeros between them.
            layout: Where in the frames of *waveform* those of each clip are.
        """
        own = _places([(frames.start, frames.stop) for frames in layout.frames], waveform.device)
        # Frames that straddle two clips, or are of the zeros between them, are garbage: dropped
        # here, so that everything behind runs on rows of clips alone.
        x = self.project_features(self.local_encoder(waveform)[own])
        position = x
        for layer in list(self.relative_positional_encoder)[1:]:
            # The kernel reads neighbours, and only here do they matter: back on the grid of the
            # waveform there are gaps of zeros between clips, at least half a kernel wide, which is
            # the padding that a clip alone gets. Zero before EVERY convolution: the one before
            # wrote there.
            grid = x.new_zeros(frame_count(len(waveform)), x.shape[1])
            grid[own] = position.to(grid.dtype)  # under autocast norms give float32
            position = layer(grid.T).T[own]
            position = F.gelu(F.layer_norm(position, position.shape[1:]))  # a norm without weights
        return x + position  # type: ignore[no-any-return]

    def with_extra_tokens(self, x: Tensor, counts: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Put the extra tokens before each clip's frames.

        Returns:
            The rows, shape (rows, width), and where in them the frames are, shape (frames,).
        """
        tokens = self.extra_tokens[0]
        parts = [part for clip in torch.split(x, list(counts)) for part in (tokens, clip)]
        ends = list(accumulate(count + len(tokens) for count in counts))
        spans = [(end - count, end) for end, count in zip(ends, counts, strict=True)]
        return torch.cat(parts), _places(spans, x.device)

    def attention_slopes(self) -> Tensor:
        """Return what attention scores change by for each frame of distance, none positive.

        Returns:
            Shape (layers or 1, heads), float32.
        """
        # Clamped as in the reference: a negative scale would favour what is far away. In float32:
        # distances of long clips, up to 1,500 frames, times a bfloat16 slope are too coarse.
        scale = self.alibi_scale.float().clamp_min(0)[:, 0, :, 0, 0]  # (layers or 1, heads or 1)
        return -upload(alibi_slopes(self.heads), scale.device) * scale


class FrontEnd(nn.Module):
    """Convolutions without padding: 400 samples to a frame, 320 from one to the next."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        channels = [1, *(layer[0] for layer in config.conv_layers)]
        self.conv_layers = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(inputs, outputs, kernel, stride=stride, bias=False),
                nn.Identity(),
                nn.Sequential(nn.Identity(), nn.LayerNorm(outputs)),
            )
            for inputs, (outputs, kernel, stride) in zip(channels, config.conv_layers, strict=False)
        )

    def forward(self, waveform: Tensor) -> Tensor:
        """Return the frames of a waveform, shape (samples,) to (frames, channels)."""
        # A part of the frames at a time: a frame depends on its own samples alone, and what lies
        # between the layers, many times as large as the frames, stays in the processor's cache.
        count = frame_count(len(waveform))
        step = PART_FRAMES if waveform.device.type == "cpu" else count
        layers = self.layers()  # once: each matrix is a copy
        spans = [(start, min(start + step, count)) for start in range(0, count, step)]
        parts = [waveform[start * HOP : (stop - 1) * HOP + RECEPTIVE] for start, stop in spans]
        return torch.cat([_convolved(part, layers) for part in parts])

    def layers(self) -> list[tuple[Tensor, int, int, nn.LayerNorm]]:
        """Return each convolution as a matrix, (outputs, kernel x inputs), kernel, stride, norm."""
        stages: Any = self.conv_layers
        return [
            (conv.weight.transpose(1, 2).flatten(1), *conv.kernel_size, *conv.stride, norm)
            for conv, _, (_, norm) in stages
        ]


def _convolved(waveform: Tensor, layers: Sequence[tuple[Tensor, int, int, nn.LayerNorm]]) -> Tensor:
    # As matrix products over windows, channels last, where the norm wants them: Conv1d is channels
    # first, and each norm would transpose all frames to and fro.
    x = waveform[:, None]
    for matrix, kernel, stride, norm in layers:
        windows = x.unfold(0, kernel, stride).transpose(1, 2).flatten(1)
        x = F.gelu(norm(F.linear(windows, matrix)))
    return x


class ContextEncoder(nn.Module):
    """The first blocks, and the norm before them."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.norm = _norm(config)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.prenet_depth))


class Block(nn.Module):
    """A transformer block that normalises after each residual sum."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.norm1 = _norm(config)
        self.attn = Attention(config)
        self.norm2 = _norm(config)
        self.mlp = Mlp(config)

    def forward(self, x: Tensor, attend: Attend) -> Tensor:
        """Return rows of shape (..., rows, width)."""
        x = self.norm1(x + self.attn(x, attend))
        return self.norm2(x + self.mlp(x))  # type: ignore[no-any-return]


class Attention(nn.Module):
    """Multi-head attention: the layers around it; who attends to whom is said by *attend*."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.proj = nn.Linear(config.width, config.width)

    def forward(self, x: Tensor, attend: Attend) -> Tensor:
        """Return rows of shape (..., rows, width)."""
        return self.proj(attend(self.qkv(x)))  # type: ignore[no-any-return]


class Mlp(nn.Module):
    """Two linear layers with a GELU between them."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        hidden = int(config.width * config.mlp_ratio)
        self.fc1 = nn.Linear(config.width, hidden)
        self.fc2 = nn.Linear(hidden, config.width)

    def forward(self, x: Tensor) -> Tensor:
        """Return rows of shape (rows, width)."""
        return self.fc2(F.gelu(self.fc1(x)))  # type: ignore[no-any-return]


def alibi_slopes(heads: int) -> list[float]:
    """Return the slope of each head's attention bias, as ALiBi's authors choose them.

    A geometric sequence for a power of two; otherwise that of the next smaller power, followed
    by every second slope of the next larger one.

    >>> alibi_slopes(4)
    [0.25, 0.0625, 0.015625, 0.00390625]
    """
    if math.log2(heads).is_integer():
        return [2.0 ** (-8.0 * (head + 1) / heads) for head in range(heads)]
    smaller = 2 ** math.floor(math.log2(heads))
    return alibi_slopes(smaller) + alibi_slopes(2 * smaller)[::2][: heads - smaller]


def _norm(config: Config) -> nn.LayerNorm:
    return nn.LayerNorm(config.width, eps=config.norm_eps, elementwise_affine=config.norm_affine)


class _Same(nn.Conv1d):
    """A convolution of one sequence, shape (width, frames), that keeps its length."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[:, : x.shape[1]]  # an even kernel gives one frame too many


def _position(config: Config) -> nn.Conv1d:
    kernel = config.position_kernel
    return _Same(
        config.width, config.width, kernel, padding=kernel // 2, groups=config.position_groups
    )


def _places(spans: Sequence[tuple[int, int]], device: torch.device) -> Tensor:
    """Return every index in *spans*."""
    places = [torch.arange(start, stop, device="cpu") for start, stop in spans]
    return upload(torch.cat(places), device)
