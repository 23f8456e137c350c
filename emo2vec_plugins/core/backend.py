"""The interface of a model: waveforms in, frames out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from emo2vec_plugins.core.attributes import (
    FUNCTION,
    NAME,
    SWITCH,
    TEXT,
    Check,
    check_attributes,
)
from emo2vec_plugins.core.labels import LabelSet
from emo2vec_plugins.core.values import FloatArray, Provenance
from emo2vec_plugins.errors import OptionsError

Frames = tuple[FloatArray, FloatArray | None]
"""Embeddings, shape (frames, width), and logits, shape (frames, head rows), or None without a head."""


class DoubtMeasure(Protocol):
    """Estimates how doubtful a result is."""

    @property
    def threshold(self) -> float:
        """The doubt above which ``Engine(abstain=True)`` withholds a label, 0 to 1."""
        ...

    @property
    def sha256(self) -> str:
        """Digest of all that the estimates depend on; runs with another one are not continued."""
        ...

    def __call__(self, embedding: FloatArray, logits: FloatArray) -> float:
        """Return the estimated probability that the most probable class is wrong, 0 to 1.

        Args:
            embedding: Embedding of a turn, shape (width,).
            logits: Mean logits of the classes in use, shape (classes,); with ``labels=...`` these
                are only the classes that were kept.
        """
        ...


@runtime_checkable
class Backend(Protocol):
    """A model loaded on a device.

    A back end may also have the attribute ``doubt``, a `DoubtMeasure` or None. Results then have
    the doubt, and their labels can be withheld.

    Attributes:
        labels: The rows of the model's head; empty for a model without a head.
        width: Width of the embeddings.
        normalize: Whether clips must be scaled to zero mean and unit variance first.
        batch_seconds: Default batch size, in seconds of audio.
        provenance: Attached to every result. Commands and pages print its *trust*, one line about
            how far the model can be trusted.
    """

    labels: LabelSet
    width: int
    normalize: bool
    batch_seconds: float
    provenance: Provenance

    def run(self, waveforms: Sequence[FloatArray]) -> list[Frames]:
        """Return each waveform's frames, in order.

        A waveform's frames must not depend on the other waveforms in the call.

        Args:
            waveforms: 1-D float32 arrays at 16 kHz of at least 400 samples, already normalised.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedModel:
    """A model, or a model loader, that a plugin offers by name.

    Attributes:
        name: The name users pass; ``name:source`` passes *source* to *load*.
        description: One line for listings.
        load: Called as ``load(source, device=device, dtype=dtype)``. *source* is None if the
            user passed the name alone. *device* is None for CUDA if available, else the CPU. If
            it declares ``allow`` or ``plugins``, it also gets these arguments of `load_model`.
        needs_source: Whether users must pass ``name:source``.

    Raises:
        OptionsError: If an attribute has the wrong type, or the name is empty.
    """

    name: str
    description: str
    load: Callable[..., Backend]
    needs_source: bool = False

    def __post_init__(self) -> None:
        check_attributes(self, "model", _CHECKS, OptionsError)


_CHECKS: dict[str, Check] = {
    "name": NAME,
    "description": TEXT,
    "load": FUNCTION,
    "needs_source": SWITCH,
}
