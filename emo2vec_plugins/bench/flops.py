"""Floating-point operations that a network needs, and that a machine can do per second.

Together they give an upper limit for the speed of any implementation on this machine: no network
can be faster than the fastest matrix product.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch

from emo2vec_plugins.engine import frame_count
from emo2vec_plugins.models import Config, device_of

DTYPES = ("float32", "bfloat16", "float16", "int8")

CPU_SIDE, CUDA_SIDE = 2048, 8192
"""Rows and columns of the matrices: enough to keep all units busy."""

SECONDS = 0.3
"""Minimum duration of the multiplications in one round."""

Product = Callable[[], Any]
"""Multiplies two matrices."""


class Peaks:
    """Measures matrix products on a device.

    Args:
        device: None for CUDA if available, else the CPU.
        threads: CPU threads; None for torch's default.
    """

    def __init__(self, device: str | None, threads: int | None) -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        self._device = device_of(device)
        self._side = CPU_SIDE if self._device.type == "cpu" else CUDA_SIDE

    def measure(self, dtype: str) -> float | None:
        """Return the operations per second of the fastest product in *dtype*.

        Returns None if torch cannot multiply in *dtype* on this device.
        """
        try:
            left, right = (self._matrix(dtype) for _ in range(2))
            multiply = torch._int_mm if dtype == "int8" else torch.mm
            products: list[Product] = [partial(multiply, left, right), *self._packed(left, right)]
            fastest = min(self._seconds(product) for product in products)
        except RuntimeError:  # not every device supports int8 and float16
            return None
        return float(2 * self._side**3 / fastest)

    def _seconds(self, product: Product) -> float:
        product()  # the first call chooses kernels and allocates memory
        self._finish()
        begun = time.perf_counter()
        taken: list[float] = []
        while not taken or time.perf_counter() - begun < SECONDS:
            start = time.perf_counter()
            product()
            self._finish()
            taken.append(time.perf_counter() - start)
        return min(taken)  # disturbances only make a product slower

    def _packed(self, left: Any, right: Any) -> list[Product]:
        """Return oneDNN's product with reordered weights, if torch supports it.

        Graph runtimes use this product, while torch multiplies float32 with another library.
        """
        if self._device.type != "cpu" or left.dtype == torch.int8:
            return []
        try:
            packed = torch.ops.mkldnn._reorder_linear_weight(right, self._side)
        except (AttributeError, RuntimeError):
            return []
        multiply = torch.ops.mkldnn._linear_pointwise
        return [partial(multiply, left, packed, None, "none", [], "")]

    def _matrix(self, dtype: str) -> Any:
        values = torch.randn(self._side, self._side, device=self._device)
        return values.mul(16 if dtype == "int8" else 1).to(getattr(torch, dtype))

    def _finish(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)


def flop(config: Config, lengths: Iterable[int], *, labels: int) -> int:
    """Return the floating-point operations for clips of *lengths* samples, each scored alone.

    Convolutions, linear layers and matrix products of attention count, with two operations for
    each multiplication and addition. Norms, activations, sums and overhead of an implementation
    (padding, frames that span two clips) do not count.
    """
    return sum(2 * _multiplications(config, length, labels) for length in lengths)


def _multiplications(config: Config, samples: int, labels: int) -> int:
    frames = frame_count(samples)
    rows = frames + config.extra_tokens
    hidden = int(config.width * config.mlp_ratio)
    linear = rows * config.width * (4 * config.width + 2 * hidden)
    attention = 2 * rows * rows * config.width
    blocks = config.prenet_depth + config.depth
    in_group = config.width // config.position_groups
    positions = config.position_depth * frames * config.width * in_group * config.position_kernel
    head = frames * config.width * labels
    return _front_end(config, samples) + positions + blocks * (linear + attention) + head


def _front_end(config: Config, samples: int) -> int:
    total, length, inputs = 0, samples, 1
    for outputs, kernel, stride in config.conv_layers:
        length = (length - kernel) // stride + 1
        total += length * outputs * inputs * kernel
        inputs = outputs
    return total + frame_count(samples) * inputs * config.width
