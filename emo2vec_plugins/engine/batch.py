"""Batches of windows, and the back ends that run them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, cast, runtime_checkable

import numpy as np
import numpy.typing as npt

from emo2vec_plugins.core import Backend, FloatArray, Frames
from emo2vec_plugins.engine.windows import HOP, Chunk, Window, frame_count
from emo2vec_plugins.errors import ScorerError, contained

LEAST_COST = 10 * HOP
"""Minimum cost of a clip in samples, because the gap between packed clips takes memory, too."""


def cost(chunk: Chunk) -> int:
    """Return the cost of a chunk towards the batch size, in samples."""
    return max(len(chunk.samples), LEAST_COST)


Pending = Callable[[], list[Frames]]
"""Waits for the results of a batch and returns them."""


@runtime_checkable
class Pipelined(Backend, Protocol):
    """A back end that runs batches asynchronously, for example on a GPU."""

    def start_batch(self, chunks: Sequence[Chunk]) -> Pending:
        """Start a batch and return a function that waits for each chunk's frames, in order.

        Either all chunks of a batch have a *pool* or none. With pools, the result of each chunk
        is one row, the sum of the pooled frames.
        """
        ...


class Accumulator(Protocol):
    """Collects the frames of a clip's windows."""

    def add(self, window: Window, frames: Frames) -> None:
        """Add the frames of one window."""
        ...


class Batch:
    """Collects windows, runs them, and passes their frames to their accumulators.

    While a `Pipelined` back end runs one batch, the next one is collected.
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
        """Start the collected windows; a `Pipelined` back end waits only for the previous batch."""
        chunks = [chunk for _, _, chunk in self._gathered]
        with contained(f"back end {type(self._backend).__qualname__}"):
            pending = start(self._backend, chunks) if chunks else list
        self._collect()
        self._running, self._pending = self._gathered, pending
        self._gathered, self.size = [], 0
        if not isinstance(self._backend, Pipelined):
            self._collect()  # the results are available already

    def finish(self) -> None:
        """Run the collected windows and wait for all results."""
        self.run()
        self._collect()

    def _collect(self) -> None:
        with contained(f"back end {type(self._backend).__qualname__}"):
            results = self._pending()
        for (accumulator, window, _), frames in zip(self._running, results, strict=True):
            accumulator.add(window, frames)
        self._running, self._pending = [], list


def start(backend: Backend, chunks: Sequence[Chunk]) -> Pending:
    """Start a batch with any back end; one that is not `Pipelined` runs it now.

    Raises:
        ScorerError: If the back end returns the wrong numbers of frames. For a pipelined back
            end, the returned function raises it.
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
            f"{type(backend).__qualname__}.{step} must return {expected} frames for the waveforms "
            f"of this batch, got {found}"
        )
    return results


def summed(frames: Frames, pool: npt.NDArray[np.bool_]) -> Frames:
    """Return the sum of the frames in *pool* as one row, float64."""
    embeddings, logits = (
        # float64, because the float32 sum of an hour, 180,000 frames, would lose digits.
        None if each is None else each[pool].sum(axis=0, dtype=np.float64, keepdims=True)
        for each in frames
    )
    return cast(FloatArray, embeddings), logits
