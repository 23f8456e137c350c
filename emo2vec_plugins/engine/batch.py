"""What the engine gives a back end, and how it gets it back: pieces of clips, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable

import numpy as np
import numpy.typing as npt

from emo2vec_plugins.core import Backend, FloatArray, Frames
from emo2vec_plugins.engine.windows import frame_count
from emo2vec_plugins.errors import ScorerError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Piece:
    """A stretch of a clip on its way to a back end: a short clip, or a window of a long one.

    Attributes:
        samples: 1-D float32 at 16 kHz, 400 at least, as they were read.
        mean: What to subtract from each of them.
        scale: What to multiply the rest by.
        pool: Which frames are wanted as a sum, shape (frames,); None for each by itself.
    """

    samples: FloatArray
    mean: float = 0.0
    scale: float = 1.0
    pool: npt.NDArray[np.bool_] | None = None

    def normalised(self) -> FloatArray:
        """Return the samples as a network takes them."""
        normal: FloatArray = ((self.samples - self.mean) * self.scale).astype(np.float32)
        return normal


Pending = Callable[[], list[Frames]]
"""Waits for the results of a batch."""


@runtime_checkable
class Pipelined(Backend, Protocol):
    """A back end with a device that works while its caller goes on."""

    def start_batch(self, pieces: Sequence[Piece]) -> Pending:
        """Start a batch, and return what waits for each piece's frames, in order.

        All pieces of a batch have a *pool*, or none has. Where they have, it is one row a piece
        that is given, the sum of those frames.
        """
        ...


def start(backend: Backend, pieces: Sequence[Piece]) -> Pending:
    """Start a batch with any back end; one that cannot do it otherwise runs it now.

    Raises:
        ScorerError: If the back end gives other numbers of frames than it should; in what is
            returned, where that is when it is known.
    """
    if isinstance(backend, Pipelined):
        pending, step = backend.start_batch(pieces), "start_batch"
        rows = [_frames(piece) if piece.pool is None else 1 for piece in pieces]
        return lambda: _checked(backend, step, pending(), rows)
    results = backend.run([piece.normalised() for piece in pieces])
    _checked(backend, "run", results, [_frames(piece) for piece in pieces])
    wanted = [
        each if piece.pool is None else summed(each, piece.pool)
        for each, piece in zip(results, pieces, strict=True)
    ]
    return lambda: wanted


def _frames(piece: Piece) -> int:
    return frame_count(len(piece.samples))


def _checked(
    backend: Backend, step: str, results: list[Frames], expected: list[int]
) -> list[Frames]:
    found = [len(embeddings) for embeddings, _ in results]
    if found != expected:
        raise ScorerError(
            f"{type(backend).__qualname__}.{step} is to give {expected} frames for the "
            f"waveforms of this batch, one by one, got {found}"
        )
    return results


def summed(frames: Frames, pool: npt.NDArray[np.bool_]) -> Frames:
    """Return the sum of some frames as one row, float64."""
    embeddings, logits = (
        None if each is None else each[pool].sum(axis=0, dtype=np.float64, keepdims=True)
        for each in frames
    )
    return cast(FloatArray, embeddings), logits
