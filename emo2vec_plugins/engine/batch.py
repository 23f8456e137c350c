"""Windows of clips on their way through a back end, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, cast, runtime_checkable

import numpy as np
import numpy.typing as npt

from emo2vec_plugins.core import Backend, FloatArray, Frames
from emo2vec_plugins.engine.windows import HOP, Chunk, Window, frame_count
from emo2vec_plugins.errors import ScorerError

LEAST_COST = 10 * HOP
"""Samples that any clip counts in a batch: what keeps packed clips apart takes memory, too."""


def cost(chunk: Chunk) -> int:
    """Return how many samples a chunk counts in a batch."""
    return max(len(chunk.samples), LEAST_COST)


Pending = Callable[[], list[Frames]]
"""Waits for the results of a batch."""


@runtime_checkable
class Pipelined(Backend, Protocol):
    """A back end with a device that works while its caller goes on."""

    def start_batch(self, chunks: Sequence[Chunk]) -> Pending:
        """Start a batch, and return what waits for each chunk's frames, in order.

        All chunks of a batch have a *pool*, or none has. Where they have, each gets one row, the
        sum of those frames.
        """
        ...


class Accumulator(Protocol):
    """Takes the frames of a clip's windows."""

    def add(self, window: Window, frames: Frames) -> None:
        """Take the frames of one window."""
        ...


class Batch:
    """Gathers windows until they are run, and hands their frames to their accumulators.

    While a `Pipelined` back end is busy with one batch, the next one is gathered.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._gathered: list[tuple[Accumulator, Window, Chunk]] = []
        self._running: list[tuple[Accumulator, Window, Chunk]] = []
        self._pending: Pending = list
        self.size = 0

    def add(self, accumulator: Accumulator, window: Window, chunk: Chunk) -> None:
        """Add one window, whose frames go to *accumulator*."""
        self._gathered.append((accumulator, window, chunk))
        self.size += cost(chunk)

    def run(self) -> None:
        """Start this batch, then take the results of the one before, if both can run at once."""
        chunks = [chunk for _, _, chunk in self._gathered]
        pending = start(self._backend, chunks) if chunks else list
        self._collect()
        self._running, self._pending = self._gathered, pending
        self._gathered, self.size = [], 0
        if not isinstance(self._backend, Pipelined):
            self._collect()  # nothing runs any more: the results are there

    def finish(self) -> None:
        """Run what was gathered, and wait for all results."""
        self.run()
        self._collect()

    def _collect(self) -> None:
        for (accumulator, window, _), frames in zip(self._running, self._pending(), strict=True):
            accumulator.add(window, frames)
        self._running, self._pending = [], list


def start(backend: Backend, chunks: Sequence[Chunk]) -> Pending:
    """Start a batch with any back end; one that is not `Pipelined` runs it now.

    Raises:
        ScorerError: If the back end gives other numbers of frames than it should; of a pipelined
            one, when its results are waited for.
    """
    if isinstance(backend, Pipelined):
        pending = backend.start_batch(chunks)
        rows = [_frames(chunk) if chunk.pool is None else 1 for chunk in chunks]
        return lambda: _checked(backend, "start_batch", pending(), rows)
    results = backend.run([chunk.normalised() for chunk in chunks])
    _checked(backend, "run", results, [_frames(chunk) for chunk in chunks])
    wanted = [
        frames if chunk.pool is None else summed(frames, chunk.pool)
        for frames, chunk in zip(results, chunks, strict=True)
    ]
    return lambda: wanted


def _frames(chunk: Chunk) -> int:
    return frame_count(len(chunk.samples))


def _checked(
    backend: Backend, step: str, results: list[Frames], expected: list[int]
) -> list[Frames]:
    found = [len(embeddings) for embeddings, _ in results]
    if found != expected:
        raise ScorerError(
            f"{type(backend).__qualname__}.{step} must give {expected} frames for the waveforms "
            f"of this batch, in this order, got {found}"
        )
    return results


def summed(frames: Frames, pool: npt.NDArray[np.bool_]) -> Frames:
    """Return the sum of some frames as one row, float64."""
    embeddings, logits = (
        # float64: an hour has 180,000 frames, whose float32 sum would lose digits.
        None if each is None else each[pool].sum(axis=0, dtype=np.float64, keepdims=True)
        for each in frames
    )
    return cast(FloatArray, embeddings), logits
