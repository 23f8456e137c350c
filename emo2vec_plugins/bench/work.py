"""What a network has to compute, by its dimensions: the floor under every time."""

from __future__ import annotations

from collections.abc import Iterable

from emo2vec_plugins.engine import frame_count
from emo2vec_plugins.models import Config


def flop(config: Config, lengths: Iterable[int], *, classes: int) -> int:
    """Return the floating-point operations for clips of *lengths* samples, each alone.

    Counted are convolutions, linear layers and matrix products of attention, two operations for
    each multiplication with its addition. What is not: norms, activations, sums, and whatever
    an implementation computes beside them (padding, frames that straddle two clips).
    """
    return sum(2 * _multiplications(config, length, classes) for length in lengths)


def _multiplications(config: Config, samples: int, classes: int) -> int:
    frames = frame_count(samples)
    rows = frames + config.extra_tokens
    hidden = int(config.width * config.mlp_ratio)
    linear = rows * config.width * (4 * config.width + 2 * hidden)
    attention = 2 * rows * rows * config.width
    blocks = config.prenet_depth + config.depth
    head = frames * config.width * classes
    return (
        _front_end(config, samples)
        + _positions(config, frames)
        + blocks * (linear + attention)
        + head
    )


def _front_end(config: Config, samples: int) -> int:
    total, length, inputs = 0, samples, 1
    for outputs, kernel, stride in config.conv_layers:
        length = (length - kernel) // stride + 1
        total += length * outputs * inputs * kernel
        inputs = outputs
    return total + frame_count(samples) * inputs * config.width


def _positions(config: Config, frames: int) -> int:
    in_group = config.width // config.position_groups
    kernel = config.position_kernel
    return config.position_depth * frames * config.width * in_group * kernel
