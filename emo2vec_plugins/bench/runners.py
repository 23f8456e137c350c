"""Runners: subjects loaded in the current process."""

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
"""Batch size in seconds that any turn fills: one turn per batch."""


def load(subject: Subject, task: Task) -> EngineRunner | PeerRunner:
    """Load a subject in this process.

    Raises:
        Emo2vecError: If the subject cannot run here; the message has the reason.
    """
    if task.threads is not None:
        torch.set_num_threads(task.threads)
    if subject.way == PEER:
        return PeerRunner(subject.dtype, task)
    return EngineRunner(subject, task)


class EngineRunner:
    """Runs a model of any plugin with the engine; the reference gets one turn at a time."""

    def __init__(self, subject: Subject, task: Task) -> None:
        self._turns = turns_of(task.lengths, seed=task.seed)
        self._plugins = Plugins()
        if subject.way not in self._plugins.models():
            raise OptionsError(f"no plugin provides the model loader {subject.way!r}")
        self._meter = Meter(task.device)
        threads = torch.get_num_threads()
        name, dtype = f"{subject.way}:{task.folder}", subject.dtype
        backend = load_model(name, device=task.device, dtype=dtype, plugins=self._plugins)
        is_reference = subject.way == REFERENCE
        if is_reference:
            torch.set_num_threads(threads)  # FunASR sets 4 threads on every machine
        # Users of the reference run it with one turn per batch.
        self._engine = Engine(backend, batch_seconds=ONE_BY_ONE if is_reference else None)
        self._loaded = self._meter.loaded()
        self._anonymous = memory(
            "RssAnon"
        )  # without mapped files, which the system caches and drops
        self._emotions: list[Emotion] = []

    def loaded(self) -> Loaded:
        """Return the measurements of loading."""
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
        """Return the predictions of the last round; None for a model without a head.

        Raises:
            Emo2vecError: If a turn has no emotion.
        """
        reasons = [each.reason for each in self._emotions if each.reason is not None]
        if reasons:
            raise Emo2vecError(
                f"{len(reasons)} of {len(self._emotions)} turns failed: {reasons[0]}"
            )
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
            The duration in seconds, and the peak memory in bytes, minus memory after loading the
            model. Memory-mapped files do not count.
        """
        with watched() as seen:
            begun = time.perf_counter()
            annotate_files(source, target, engine=self._engine, plugins=self._plugins)
            taken = time.perf_counter() - begun
        return taken, None if self._anonymous is None else max(seen) - self._anonymous


def _rows(rows: Iterable[Any]) -> FloatArray:
    return np.asarray(list(rows), dtype=np.float32)
