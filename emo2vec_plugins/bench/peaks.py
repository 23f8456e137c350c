"""The fastest matrix product of a machine: what no network can outrun."""

from __future__ import annotations

import time
from typing import Any

import torch

DTYPES = ("float32", "bfloat16", "float16", "int8")

CPU_SIDE, CUDA_SIDE = 2048, 8192
"""Rows and columns of the matrices: enough to keep all units busy."""

SECONDS = 0.3
"""How long to multiply, at least, in one round."""


class Peaks:
    """Measures matrix products on a device.

    Args:
        device: None for the best there is, as `load_model` has it.
        threads: Of the CPU; None for torch's own choice.
    """

    def __init__(self, device: str | None, threads: int | None) -> None:
        from emo2vec_plugins.model.torch_backend import device_of

        if threads is not None:
            torch.set_num_threads(threads)
        self._device = device_of(device)
        self._side = CPU_SIDE if self._device.type == "cpu" else CUDA_SIDE

    def measure(self, dtype: str) -> float | None:
        """Return the operations per second in *dtype*; None where torch cannot multiply in it."""
        try:
            left, right = (self._matrix(dtype) for _ in range(2))
            self._product(left, right)
        except RuntimeError:
            return None
        count, begun = 0, time.perf_counter()
        while count == 0 or time.perf_counter() - begun < SECONDS:
            self._product(left, right)
            self._finish()
            count += 1
        taken = time.perf_counter() - begun
        return float(2 * self._side**3 * count / taken)

    def _matrix(self, dtype: str) -> Any:
        values = torch.randn(self._side, self._side, device=self._device)
        return (
            values.mul(16).to(torch.int8) if dtype == "int8" else values.to(getattr(torch, dtype))
        )

    def _product(self, left: Any, right: Any) -> Any:
        return torch._int_mm(left, right) if left.dtype == torch.int8 else left @ right

    def _finish(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
