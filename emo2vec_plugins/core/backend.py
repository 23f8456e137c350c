"""What a model is to the rest of the package: waveforms in, frames out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from emo2vec_plugins.core.labels import LabelSet
from emo2vec_plugins.core.values import FloatArray, Provenance

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
