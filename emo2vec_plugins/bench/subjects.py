"""Subjects of the benchmark (a loader with a dtype), and measurements of one round."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import torch

from emo2vec_plugins.bench.memory import forget_most, memory
from emo2vec_plugins.core import FloatArray
from emo2vec_plugins.errors import OptionsError

REFERENCE = "funasr"
"""Loader of the reference implementation, which scores one turn at a time."""

PEER = "transformers"
"""Loader of a comparable network that runs in padded batches."""

TRUTH = "torch:float32"
"""The subject whose scores are the standard for the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A loader of models (*way*) with a dtype."""

    way: str
    dtype: str

    @property
    def name(self) -> str:
        """The name for users: ``way:dtype``."""
        return f"{self.way}:{self.dtype}"

    @property
    def takes_files(self) -> bool:
        """Whether it can annotate files."""
        return self.way != PEER

    @classmethod
    def parse(cls, text: str) -> Subject:
        """Parse ``way:dtype``.

        Raises:
            OptionsError: If *text* has another form.
        """
        way, colon, dtype = text.partition(":")
        if not (way and colon and dtype) or ":" in dtype:
            raise OptionsError(f"expected a subject WAY:DTYPE, such as {TRUTH}, got {text!r}")
        return cls(way=way, dtype=dtype)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The work that every subject gets.

    Attributes:
        folder: Folder of the model.
        lengths: Lengths of the turns, in samples.
        seed: Seed of their audio.
        device: Full name of the device.
        threads: CPU threads; None for each library's default.
    """

    folder: Path
    lengths: tuple[int, ...]
    seed: int
    device: str
    threads: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Measurements of loading a subject.

    Attributes:
        resident: Bytes of memory in use after loading.
        most_resident: Peak memory during loading, in bytes.
        threads: Number of torch threads.
    """

    resident: int | None
    most_resident: int | None
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One pass over all turns.

    Attributes:
        seconds: Duration of the round.
        memory: Peak memory in bytes, minus memory before the model was loaded.
        device_memory: Peak memory of the device in bytes; None on a CPU.
    """

    seconds: float
    memory: int | None
    device_memory: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Predictions of a subject.

    Attributes:
        labels: One per turn.
        probabilities: Shape (turns, labels).
        logits: Shape (turns, labels).
        embeddings: Shape (turns, width).
    """

    labels: tuple[str | None, ...]
    probabilities: FloatArray
    logits: FloatArray
    embeddings: FloatArray


class Meter:
    """Measures a runner's time and memory; create it before the model is loaded."""

    def __init__(self, device: str) -> None:
        self._device = torch.device(device)
        self._before = memory("VmRSS")
        forget_most()

    def loaded(self) -> Loaded:
        """Return the memory used since the meter was created."""
        return Loaded(
            resident=self._above(memory("VmRSS")),
            most_resident=self._above(memory("VmHWM")),
            threads=torch.get_num_threads(),
        )

    def begin(self) -> float:
        """Start a round and return its start time."""
        forget_most()
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
            torch.cuda.synchronize(self._device)
        return time.perf_counter()

    def end(self, begun: float) -> Round:
        """Finish the round that started at *begun*, after the device is done."""
        # Calls return when kernels are queued, not when they have finished.
        device_memory = None
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
            device_memory = torch.cuda.max_memory_allocated(self._device)
        taken = time.perf_counter() - begun
        return Round(
            seconds=taken, memory=self._above(memory("VmHWM")), device_memory=device_memory
        )

    def _above(self, now: int | None) -> int | None:
        return None if now is None or self._before is None else now - self._before
