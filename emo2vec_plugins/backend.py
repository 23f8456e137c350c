"""What a model is to the rest of the package: waveforms in, frames out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable

import numpy as np
import numpy.typing as npt

from emo2vec_plugins.dialogue import FloatArray, Provenance
from emo2vec_plugins.errors import ScorerError
from emo2vec_plugins.labels import LabelSet
from emo2vec_plugins.windows import frame_count

Frames = tuple[FloatArray, FloatArray | None]
"""Embeddings, shape (frames, width), and logits, shape (frames, rows of the head) or None."""


@runtime_checkable
class Backend(Protocol):
    """A model that can be run.

    Attributes:
        labels: The rows of its head; no names for a model without one.
        width: Of its embeddings.
        normalize: Whether a clip is brought to zero mean and unit variance first.
        batch_seconds: How much audio to give it at a time, unless told otherwise.
        provenance: Travels with every result.
    """

    labels: LabelSet
    width: int
    normalize: bool
    batch_seconds: float
    provenance: Provenance

    def run(self, waveforms: Sequence[FloatArray]) -> list[Frames]:
        """Return each waveform's frames, in order.

        A waveform's frames do not depend on which others are given with it.

        Args:
            waveforms: 1-D float32 arrays at 16 kHz of at least 400 samples, normalised already.
        """
        ...


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

    def start(self, pieces: Sequence[Piece]) -> Pending:
        """Start a batch, and return what waits for each piece's frames, in order.

        All pieces of a batch have a *pool*, or none has. Where they have, it is one row a piece
        that is given, the sum of those frames.
        """
        ...


def start(backend: Backend, pieces: Sequence[Piece]) -> Pending:
    """Start a batch with any back end; one that cannot do it otherwise runs it now.

    Raises:
        ScorerError: If the back end gives other numbers of frames than it should.
    """
    if isinstance(backend, Pipelined):
        return backend.start(pieces)
    results = backend.run([piece.normalised() for piece in pieces])
    expected = [frame_count(len(piece.samples)) for piece in pieces]
    found = [len(embeddings) for embeddings, _ in results]
    if found != expected:
        raise ScorerError(
            f"{type(backend).__qualname__}.run is to give {expected} frames for the "
            f"waveforms of this batch, one by one, got {found}"
        )
    wanted = [
        each if piece.pool is None else summed(each, piece.pool)
        for each, piece in zip(results, pieces, strict=True)
    ]
    return lambda: wanted


def summed(frames: Frames, pool: npt.NDArray[np.bool_]) -> Frames:
    """Return the sum of some frames as one row, float64."""
    embeddings, logits = (
        None if each is None else each[pool].sum(axis=0, dtype=np.float64, keepdims=True)
        for each in frames
    )
    return cast(FloatArray, embeddings), logits


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedModel:
    """A model, or a way to load models, that a plugin offers by name.

    Attributes:
        name: What users pass; ``name:source`` passes *source* on to *load*.
        description: One line for listings.
        load: Called as ``load(source, device=device, dtype=dtype)``; *source* is None when the
            name is given alone, *device* None for the best there is.
        needs_source: Whether the name alone is not enough.
    """

    name: str
    description: str
    load: Callable[..., Backend]
    needs_source: bool = False
