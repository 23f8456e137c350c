"""The network over padded clips, for export as a graph.

Graph runtimes need rectangular arrays. Padding does not change the frames of a clip: the front end
has no padding and normalises over channels only; frames after the end of a clip are set to zero
before each positional convolution, like the convolution's own padding; and no frame attends to
them. The outputs of these frames are zeros.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from emo2vec_plugins.engine import HOP, RECEPTIVE
from emo2vec_plugins.models.attention import Attend, alibi, heads_of
from emo2vec_plugins.models.network import Network

FAR = -1e9
"""Added to attention scores of padding; finite, because infinities become NaN in some runtimes."""


CLIPS, FRAMES = {0: "clips"}, {0: "clips", 1: "frames"}
OUTPUTS = {"frames": CLIPS, "frame_embeddings": FRAMES, "embeddings": CLIPS}
HEAD_OUTPUTS = {"frame_logits": FRAMES, "logits": CLIPS}
"""Names of the outputs, in order, and their dynamic dimensions; those of the head come last."""


class PaddedNetwork(nn.Module):
    """A `Network` for clips padded to one length, with the same weights."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        self.tokens = network.config.extra_tokens
        self.heads = network.config.heads
        self.register_buffer("slopes", network.encoder.attention_slopes().detach())
        layers = network.encoder.local_encoder.layers()
        # A matrix for each convolution, (kernel x inputs, outputs), as MatMul needs it.
        self.matrices = nn.ParameterList(
            nn.Parameter(layer[0].detach().T.contiguous(), requires_grad=False) for layer in layers
        )
        self.shapes = [(kernel, stride) for _, kernel, stride, _ in layers]
        self.norms = nn.ModuleList(layer[3] for layer in layers)

    def forward(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """Run a batch of padded clips.

        Args:
            waveforms: Shape (clips, samples), normalised, zeros after each clip.
            lengths: Samples of each clip, at least 400, shape (clips,), int64.

        Returns:
            The number of frames of each clip, shape (clips,); frame embeddings, shape (clips,
            frames, width), zero after the last frame of a clip; their means, shape (clips, width);
            and, with a head, frame logits, shape (clips, frames, classes), and their means.
        """
        frames = torch.div(lengths - RECEPTIVE, HOP, rounding_mode="floor") + 1
        x = self._convolved(waveforms[..., None])  # (clips, frames, channels)
        own = torch.arange(x.shape[1])[None] < frames[:, None]  # (clips, frames)
        x = self._positioned(x, own[..., None])
        count, total = x.shape[:2]
        extra = self.network.encoder.extra_tokens.expand(count, -1, -1)
        bias = self._bias(total + self.tokens, frames)
        x = self.network.encode(torch.cat([extra, x], 1), [self._attend(each) for each in bias])
        x = torch.where(own[..., None], x[:, self.tokens :], 0.0)
        found = [frames, x, _mean(x, frames)]
        if self.network.proj is not None:
            logits = torch.where(own[..., None], self.network.proj(x), 0.0)
            found += [logits, _mean(logits, frames)]
        return tuple(found)

    def _convolved(self, x: Tensor) -> Tensor:
        for (kernel, stride), matrix, norm in zip(
            self.shapes, self.matrices, self.norms, strict=True
        ):
            # One slice per tap of the kernel, because ONNX has no operator for unfold. Shapes are
            # tensors during tracing and must be divided as tensors to stay dynamic.
            span = torch.div(x.shape[1] - kernel, stride, rounding_mode="floor") * stride + 1
            taps = [x[:, tap : tap + span : stride] for tap in range(kernel)]
            x = F.gelu(norm(torch.cat(taps, -1) @ matrix))
        return x

    def _positioned(self, x: Tensor, own: Tensor) -> Tensor:
        encoder = self.network.encoder
        x = encoder.project_features(x)
        position, width = x, self.network.config.width
        for layer in list(encoder.relative_positional_encoder)[1:]:
            convolution = cast(nn.Conv1d, cast(nn.Sequential, layer)[0])
            inside = torch.where(own, position, 0.0).transpose(1, 2)
            # The base class's forward, because the network's own takes a single sequence. An even
            # kernel returns one extra frame.
            position = nn.Conv1d.forward(convolution, inside)[..., : x.shape[1]].transpose(1, 2)
            position = F.gelu(F.layer_norm(position, (width,)))
        return x + position

    def _bias(self, rows: int, frames: Tensor) -> Tensor:
        """Return the bias of attention scores, shape (layers or 1, clips, heads, rows, rows)."""
        inside = torch.arange(rows)[None] < (frames + self.tokens)[:, None]  # (clips, rows)
        padding = torch.where(inside, 0.0, FAR)[:, None, None, :]
        return alibi(rows, self.tokens, cast(Tensor, self.slopes))[:, None] + padding

    def _attend(self, bias: Tensor) -> Attend:
        def attend(qkv: Tensor) -> Tensor:
            q, k, v = heads_of(qkv, self.heads)
            found = F.scaled_dot_product_attention(q, k, v, bias)
            return found.transpose(1, 2).flatten(2)

        return attend


def _mean(x: Tensor, frames: Tensor) -> Tensor:
    return x.sum(1) / frames[:, None]
