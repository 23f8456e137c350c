"""What is measured: a way of running the model, in an arithmetic, and what one round took."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import torch

from emo2vec_plugins.bench.memory import forget_most, memory
from emo2vec_plugins.core import FloatArray
from emo2vec_plugins.errors import OptionsError

REFERENCE = "funasr"
"""The way that runs the reference, one turn at a time."""

PEER = "transformers"
"""The way that runs another network of the same kind, in padded batches."""

TRUTH = "torch:float32"
"""The subject that the scores of the others are compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A way of loading and running a model, and an arithmetic."""

    way: str
    dtype: str

    @property
    def name(self) -> str:
        """What users call it: ``way:dtype``."""
        return f"{self.way}:{self.dtype}"

    @property
    def takes_files(self) -> bool:
        """Whether it can go from files to files."""
        return self.way != PEER

    @classmethod
    def parse(cls, text: str) -> Subject:
        """Read ``way:dtype``.

        Raises:
            OptionsError: If it has another form.
        """
        way, colon, dtype = text.partition(":")
        if not (way and colon and dtype) or ":" in dtype:
            raise OptionsError(f"a subject is WAY:DTYPE, such as {TRUTH}, got {text!r}")
        return cls(way=way, dtype=dtype)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What every subject is given.

    Attributes:
        folder: Of the model.
        lengths: Of the turns, in samples.
        seed: Of their sound.
        device: By its full name.
        threads: Of the CPU; None for each library's own choice.
    """

    folder: Path
    lengths: tuple[int, ...]
    seed: int
    device: str
    threads: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What loading a subject took.

    Attributes:
        resident: Bytes of memory that it has taken.
        most_resident: Bytes that it took at most while it was loaded.
        threads: Of torch.
    """

    resident: int | None
    most_resident: int | None
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One pass over all turns.

    Attributes:
        seconds: That it took.
        memory: Most bytes above those before the model was loaded.
        device_memory: Most bytes of the device; None on a CPU.
    """

    seconds: float
    memory: int | None
    device_memory: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What a subject predicted.

    Attributes:
        labels: One a turn.
        probabilities: Shape (turns, labels).
        logits: Shape (turns, labels).
        embeddings: Shape (turns, width).
    """

    labels: tuple[str | None, ...]
    probabilities: FloatArray
    logits: FloatArray
    embeddings: FloatArray


class Meter:
    """Measures a runner's memory, from before it is loaded."""

    def __init__(self, device: str) -> None:
        self._device = torch.device(device)
        self._before = memory("VmRSS")
        forget_most()

    def loaded(self) -> Loaded:
        """Say what was taken since then."""
        return Loaded(
            resident=self._above(memory("VmRSS")),
            most_resident=self._above(memory("VmHWM")),
            threads=torch.get_num_threads(),
        )

    def begin(self) -> float:
        """Begin a round."""
        forget_most()
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
            torch.cuda.synchronize(self._device)
        return time.perf_counter()

    def end(self, begun: float) -> Round:
        """End it, when the device has finished."""
        # Calls return when kernels are queued, not when they are done.
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
