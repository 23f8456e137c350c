"""The emotion2vec network, for inference, in the order of its forward pass.

A batch is one waveform with gaps between the clips (`emo2vec_plugins.models.packing`). Each frame of
each clip is one row of a (frames, width) matrix. No padding enters any norm, linear layer or
attention, so the frames of a clip do not depend on the batch.

Paper: Ma et al., "emotion2vec: Self-Supervised Pre-Training for Speech Emotion Representation",
arXiv:2312.15185. The attention bias is ALiBi, Press et al., arXiv:2108.12409. Modules have the
names of the tensors in the published checkpoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from emo2vec_plugins.engine import HOP, RECEPTIVE, frame_count
from emo2vec_plugins.models.attention import Attend, MakeAttention, alibi_slopes, one_by_one
from emo2vec_plugins.models.config import Config
from emo2vec_plugins.models.packing import Layout, upload

PART_FRAMES = 50
"""Frames per convolution call on a CPU; 6.5 MB between the first two layers of the large model."""


class Network(nn.Module):
    """Front end, positions, context encoder, blocks and an optional linear head.

    Args:
        config: The dimensions.
        classes: Rows of the head; 0 for no head.

    Attributes:
        attention: Implementation of attention for inference, without gradients.
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
        """Minimum number of frames between two clips of a batch."""
        return self.config.position_kernel // 2

    @property
    def encoder(self) -> AudioEncoder:
        """The modules before the blocks."""
        return cast(AudioEncoder, self.modality_encoders["AUDIO"])

    def forward(self, waveform: Tensor, layout: Layout) -> tuple[Tensor, Tensor | None]:
        """Run one batch.

        Args:
            waveform: Shape (samples,); clips at ``layout.starts``, zeros between them.
            layout: A layout with a gap of at least `gap`.

        Returns:
            Embeddings of shape (frames, width) and logits of shape (frames, classes), or None
            without a head: the frames of all clips, concatenated, without those between clips.
        """
        encoder = self.encoder
        x = encoder.frames(waveform, layout)  # (frames, width)
        counts = [frames.stop - frames.start for frames in layout.frames]
        x, own = encoder.with_extra_tokens(x, counts)  # (rows, width), (frames,)
        rows = [count + self.config.extra_tokens for count in counts]
        # The block mask for FlexAttention lacks the parts for its backward pass.
        make = one_by_one if torch.is_grad_enabled() else self.attention
        attend = make(rows, self.config.extra_tokens, encoder.attention_slopes())
        x = self.encode(x, attend)[own]
        return x, None if self.proj is None else self.proj(x)

    def encode(self, x: Tensor, attend: Sequence[Attend]) -> Tensor:
        """Run the blocks.

        Args:
            x: Shape (..., rows, width), including the extra tokens.
            attend: One function per block, or one for all blocks.

        Returns:
            Same shape as *x*.
        """
        context = self.encoder.context_encoder
        x = context.norm(x)
        for index, block in enumerate([*context.blocks, *self.blocks]):
            x = block(x, attend[min(index, len(attend) - 1)])
        return x


class AudioEncoder(nn.Module):
    """The part before the blocks: samples to frames with positions, and the attention bias.

    ``nn.Identity`` replaces the published modules for dropout, transposition and activation,
    because tensor names contain the index within a `Sequential`.
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
            layout: Positions of the clips' frames among the frames of *waveform*.
        """
        own = _indices([(frames.start, frames.stop) for frames in layout.frames], waveform.device)
        # Frames across two clips or in the gap between them are garbage. They are dropped here, so
        # that all later layers run on frames of clips only.
        x = self.project_features(self.local_encoder(waveform)[own])
        position = x
        for layer in list(self.relative_positional_encoder)[1:]:
            # Only this convolution reads neighbouring frames. On the time grid of the waveform,
            # gaps of zeros, at least half a kernel wide, separate the clips: the same padding that
            # a single clip gets. The gaps must be zeroed before EVERY convolution, because the
            # previous one wrote to them.
            grid = x.new_zeros(frame_count(len(waveform)), x.shape[1])
            grid[own] = position.to(grid.dtype)  # under autocast, norms return float32
            position = layer(grid.T).T[own]
            position = F.gelu(F.layer_norm(position, position.shape[1:]))  # a norm without weights
        return x + position  # type: ignore[no-any-return]

    def with_extra_tokens(self, x: Tensor, counts: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Insert the extra tokens before the frames of each clip.

        Returns:
            The rows, shape (rows, width), and the indices of the frames in them, shape (frames,).
        """
        tokens = self.extra_tokens[0]
        parts = [part for clip in torch.split(x, list(counts)) for part in (tokens, clip)]
        ends = list(accumulate(count + len(tokens) for count in counts))
        spans = [(end - count, end) for end, count in zip(ends, counts, strict=True)]
        return torch.cat(parts), _indices(spans, x.device)

    def attention_slopes(self) -> Tensor:
        """Return the change of attention scores per frame of distance, zero or negative.

        Returns:
            Shape (layers or 1, heads), float32.
        """
        # Clamped as in the reference: a negative scale would favour distant frames. In float32,
        # because bfloat16 is too coarse for slopes times distances of up to 1,500 frames.
        scale = self.alibi_scale.float().clamp_min(0)[:, 0, :, 0, 0]  # (layers or 1, heads or 1)
        return -upload(alibi_slopes(self.heads), scale.device) * scale


class FrontEnd(nn.Module):
    """Convolutions without padding: 400 samples per frame, with a hop of 320."""

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
        """Return the frames of a waveform: shape (samples,) to (frames, channels)."""
        # A part of the frames at a time, so that the activations between the layers, many times
        # larger than the frames, stay in the CPU cache. A frame depends only on its own samples.
        count = frame_count(len(waveform))
        step = PART_FRAMES if waveform.device.type == "cpu" else count
        layers = self.layers()  # only once, because each matrix is a copy
        spans = [(start, min(start + step, count)) for start in range(0, count, step)]
        parts = [waveform[start * HOP : (stop - 1) * HOP + RECEPTIVE] for start, stop in spans]
        return torch.cat([_convolved(part, layers) for part in parts])

    def layers(self) -> list[tuple[Tensor, int, int, nn.LayerNorm]]:
        """Return each layer as its matrix, (outputs, kernel x inputs), kernel, stride and norm."""
        stages: Any = self.conv_layers
        return [
            (conv.weight.transpose(1, 2).flatten(1), *conv.kernel_size, *conv.stride, norm)
            for conv, _, (_, norm) in stages
        ]


def _convolved(waveform: Tensor, layers: Sequence[tuple[Tensor, int, int, nn.LayerNorm]]) -> Tensor:
    # Convolutions as matrix products over windows, with channels last as the norms need them. Conv1d
    # has channels first, so each norm would transpose all frames twice.
    x = waveform[:, None]
    for matrix, kernel, stride, norm in layers:
        windows = x.unfold(0, kernel, stride).transpose(1, 2).flatten(1)
        x = F.gelu(norm(F.linear(windows, matrix)))
    return x


class ContextEncoder(nn.Module):
    """The first blocks and the norm before them."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.norm = _norm(config)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.prenet_depth))


class Block(nn.Module):
    """A transformer block with post-norm: a norm after each residual sum."""

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
    """The linear layers of multi-head attention; *attend* computes the attention itself."""

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


def _norm(config: Config) -> nn.LayerNorm:
    return nn.LayerNorm(config.width, eps=config.norm_eps, elementwise_affine=config.norm_affine)


class _Same(nn.Conv1d):
    """A convolution of one sequence, shape (width, frames), that keeps its length."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[:, : x.shape[1]]  # an even kernel returns one extra frame


def _position(config: Config) -> nn.Conv1d:
    kernel = config.position_kernel
    return _Same(
        config.width, config.width, kernel, padding=kernel // 2, groups=config.position_groups
    )


def _indices(spans: Sequence[tuple[int, int]], device: torch.device) -> Tensor:
    """Return every index in *spans*."""
    indices = [torch.arange(start, stop, device="cpu") for start, stop in spans]
    return upload(torch.cat(indices), device)
