"""What is measured: a way of running the model, in an arithmetic, in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from emo2vec_plugins.audio import MODEL_RATE, open_audio
from emo2vec_plugins.bench import memory
from emo2vec_plugins.bench.files import annotate_files
from emo2vec_plugins.bench.sound import turns_of
from emo2vec_plugins.core import Clip, Emotion, FloatArray, Plugins, Turn, load_model
from emo2vec_plugins.engine import Engine
from emo2vec_plugins.errors import Emo2vecError, OptionsError

REFERENCE = "funasr"
"""The way that runs the reference, one turn at a time."""

PEER = "transformers"
"""The way that runs another network of the same kind, in padded batches."""

TRUTH = "torch:float32"
"""The subject that the scores of the others are compared with."""

ONE_BY_ONE = 1 / MODEL_RATE
"""Seconds in a batch that is full with any turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A way of loading and running a model, and an arithmetic."""

    way: str
    dtype: str

    @property
    def name(self) -> str:
        """What users call it: ``way:dtype``."""
        return f"{self.way}:{self.dtype}"

    @classmethod
    def parse(cls, text: str) -> Subject:
        """Read ``way:dtype``.

        Raises:
            OptionsError: If it is nothing of the kind.
        """
        way, colon, dtype = text.partition(":")
        if not (way and colon and dtype) or ":" in dtype:
            raise OptionsError(f"a subject is WAY:DTYPE, such as {TRUTH}, got {text!r}")
        return cls(way=way, dtype=dtype)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What every subject gets.

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
    """What there is to know of a subject before it runs.

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
    """What a subject heard.

    Attributes:
        labels: One a turn.
        probabilities: Shape (turns, classes).
        logits: Shape (turns, classes).
        embeddings: Shape (turns, width).
    """

    labels: tuple[str | None, ...]
    probabilities: FloatArray
    logits: FloatArray
    embeddings: FloatArray


class Runner(Protocol):
    """A subject that is loaded."""

    def loaded(self) -> Loaded:
        """Say what loading took."""
        ...

    def run(self) -> Round:
        """Score all turns once."""
        ...

    def scores(self) -> Scores | None:
        """Return what the last round heard; None if it is not to be compared."""
        ...


def load(subject: Subject, task: Task) -> Runner:
    """Load a subject in this process.

    Raises:
        Emo2vecError: If it cannot run here; the message says why.
    """
    if task.threads is not None:
        torch.set_num_threads(task.threads)
    if subject.way == PEER:
        from emo2vec_plugins.bench.peer import PeerRunner

        return PeerRunner(subject.dtype, task)
    return EngineRunner(subject, task)


class Meter:
    """Measures a runner's memory, from before it is loaded."""

    def __init__(self, device: str) -> None:
        self._device = torch.device(device)
        self._before = memory.resident()
        memory.forget_most()

    def loaded(self) -> Loaded:
        """Say what was taken since then."""
        return Loaded(
            resident=self._above(memory.resident()),
            most_resident=self._above(memory.most_resident()),
            threads=torch.get_num_threads(),
        )

    def begin(self) -> float:
        """Begin a round."""
        memory.forget_most()
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
            torch.cuda.synchronize(self._device)
        return time.perf_counter()

    def end(self, begun: float) -> Round:
        """End it, when the device has finished."""
        device_memory = None
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
            device_memory = torch.cuda.max_memory_allocated(self._device)
        taken = time.perf_counter() - begun
        return Round(
            seconds=taken,
            memory=self._above(memory.most_resident()),
            device_memory=device_memory,
        )

    def _above(self, now: int | None) -> int | None:
        return None if now is None or self._before is None else now - self._before


class EngineRunner:
    """A model of any plugin behind the engine; the reference gets one turn at a time."""

    def __init__(self, subject: Subject, task: Task) -> None:
        sounds = turns_of(task.lengths, seed=task.seed)
        self._plugins = Plugins()
        if subject.way not in self._plugins.models():
            raise OptionsError(f"no plugin offers models by the way {subject.way!r}")
        self._meter = Meter(task.device)
        threads = torch.get_num_threads()
        backend = load_model(
            f"{subject.way}:{task.folder}",
            device=task.device,
            dtype=subject.dtype,
            plugins=self._plugins,
        )
        is_reference = subject.way == REFERENCE
        if is_reference:
            torch.set_num_threads(threads)  # FunASR sets four, on any machine
        self._engine = Engine(backend, batch_seconds=ONE_BY_ONE if is_reference else None)
        self._loaded = self._meter.loaded()
        self._anonymous = memory.anonymous()
        self._turns = [(each, MODEL_RATE) for each in sounds]
        self._heard: list[Emotion] = []

    def loaded(self) -> Loaded:
        """Say what loading took."""
        return self._loaded

    def run(self) -> Round:
        """Score all turns once, from samples in memory to labels."""
        clips = [
            Clip(turn=Turn(start=0.0, end=len(sound) / rate), audio=open_audio((sound, rate)))
            for sound, rate in self._turns
        ]
        begun = self._meter.begin()
        self._heard = [emotion for _, emotion in self._engine(clips) if emotion is not None]
        return self._meter.end(begun)

    def scores(self) -> Scores | None:
        """Return what the last round heard; None of a model without a head.

        Raises:
            Emo2vecError: If a turn has no emotion.
        """
        reasons = [each.reason for each in self._heard if each.reason is not None]
        if reasons:
            raise Emo2vecError(f"{len(reasons)} turns were not scored: {reasons[0]}")
        if not self._engine.labels.names:
            return None
        return Scores(
            labels=tuple(each.label for each in self._heard),
            probabilities=_rows([list(each.scores.values()) for each in self._heard]),
            logits=_rows([list(each.logits.values()) for each in self._heard]),
            embeddings=_rows([each.embedding for each in self._heard]),
        )

    def annotate(self, source: Path, target: Path) -> tuple[float, int | None]:
        """Score files on disk, and write what was heard to disk.

        Returns:
            The seconds that it took, and the most bytes of memory, files that are mapped left
            out, above those that there were when the model was loaded.
        """
        with memory.watched() as most:
            begun = time.perf_counter()
            annotate_files(source, target, engine=self._engine, plugins=self._plugins)
            taken = time.perf_counter() - begun
        if self._anonymous is None or most.seen is None:
            return taken, None
        return taken, most.seen - self._anonymous


def _rows(rows: Sequence[Any]) -> FloatArray:
    return np.asarray(rows, dtype=np.float32)
