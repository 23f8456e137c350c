"""Subjects that are loaded in this process, and run."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emo2vec_plugins.audio import MODEL_RATE, open_audio
from emo2vec_plugins.bench.files import annotate_files
from emo2vec_plugins.bench.memory import memory, watched
from emo2vec_plugins.bench.peer import PeerRunner
from emo2vec_plugins.bench.subjects import (
    PEER,
    REFERENCE,
    Loaded,
    Meter,
    Round,
    Scores,
    Subject,
    Task,
)
from emo2vec_plugins.bench.turns import turns_of
from emo2vec_plugins.core import Clip, Emotion, FloatArray, Plugins, Turn, load_model
from emo2vec_plugins.engine import Engine
from emo2vec_plugins.errors import Emo2vecError, OptionsError

ONE_BY_ONE = 1 / MODEL_RATE
"""Seconds in a batch that is full with any turn."""


def load(subject: Subject, task: Task) -> EngineRunner | PeerRunner:
    """Load a subject in this process.

    Raises:
        Emo2vecError: If it cannot run here; the message says why.
    """
    if task.threads is not None:
        torch.set_num_threads(task.threads)
    if subject.way == PEER:
        return PeerRunner(subject.dtype, task)
    return EngineRunner(subject, task)


class EngineRunner:
    """A model of any plugin behind the engine; the reference gets one turn at a time."""

    def __init__(self, subject: Subject, task: Task) -> None:
        self._turns = turns_of(task.lengths, seed=task.seed)
        self._plugins = Plugins()
        if subject.way not in self._plugins.models():
            raise OptionsError(f"no plugin offers models by the way {subject.way!r}")
        self._meter = Meter(task.device)
        threads = torch.get_num_threads()
        name, dtype = f"{subject.way}:{task.folder}", subject.dtype
        backend = load_model(name, device=task.device, dtype=dtype, plugins=self._plugins)
        is_reference = subject.way == REFERENCE
        if is_reference:
            torch.set_num_threads(threads)  # FunASR sets four, on any machine
        # One turn a batch is how the reference runs for its users.
        self._engine = Engine(backend, batch_seconds=ONE_BY_ONE if is_reference else None)
        self._loaded = self._meter.loaded()
        self._anonymous = memory("RssAnon")  # mapped files are the cache's, and come and go
        self._emotions: list[Emotion] = []

    def loaded(self) -> Loaded:
        """Return what loading took."""
        return self._loaded

    def run(self) -> Round:
        """Score all turns once, from samples in memory to labels."""
        lengths = [Turn(start=0.0, end=len(sound) / MODEL_RATE) for sound in self._turns]
        clips = [
            Clip(turn=turn, audio=open_audio((sound, MODEL_RATE)))
            for turn, sound in zip(lengths, self._turns, strict=True)
        ]
        begun = self._meter.begin()
        self._emotions = [emotion for _, emotion in self._engine(clips) if emotion is not None]
        return self._meter.end(begun)

    def scores(self) -> Scores | None:
        """Return the predictions of the last round; None of a model without a head.

        Raises:
            Emo2vecError: If a turn has no emotion.
        """
        reasons = [each.reason for each in self._emotions if each.reason is not None]
        if reasons:
            raise Emo2vecError(f"{len(reasons)} turns were not scored: {reasons[0]}")
        if not self._engine.labels.names:
            return None
        return Scores(
            labels=tuple(each.label for each in self._emotions),
            probabilities=_rows(list(each.scores.values()) for each in self._emotions),
            logits=_rows(list(each.logits.values()) for each in self._emotions),
            embeddings=_rows(each.embedding for each in self._emotions),
        )

    def annotate(self, source: Path, target: Path) -> tuple[float, int | None]:
        """Score files on disk, and write the results to disk.

        Returns:
            The seconds that it took, and the most bytes of memory, files that are mapped left
            out, above those that there were when the model was loaded.
        """
        with watched() as seen:
            begun = time.perf_counter()
            annotate_files(source, target, engine=self._engine, plugins=self._plugins)
            taken = time.perf_counter() - begun
        return taken, None if self._anonymous is None else max(seen) - self._anonymous


def _rows(rows: Iterable[Any]) -> FloatArray:
    return np.asarray(list(rows), dtype=np.float32)
