"""Waveforms that are read once and kept in memory, as far as there is space."""

from __future__ import annotations

from collections.abc import Callable

from emo2vec_plugins.audio import MODEL_RATE
from emo2vec_plugins.core import FloatArray

KEPT_HOURS = 8.0
"""Most audio that is kept: 1.8 GB. More is read again on each use."""


class Kept:
    """Waveforms by their index. Threads may share an object.

    Args:
        read: Reads the waveform with an index; always the same one.
        hours: Most audio to keep.
    """

    def __init__(self, read: Callable[[int], FloatArray], *, hours: float = KEPT_HOURS) -> None:
        self._read = read
        self._kept: dict[int, FloatArray] = {}
        self._space = hours * 3600 * MODEL_RATE

    def __call__(self, index: int) -> FloatArray:
        """Return a waveform of shape (samples,), which must not be changed."""
        if index in self._kept:
            return self._kept[index]
        waveform = self._read(index)
        # Two threads may read the same waveform at once, which does no harm.
        if len(waveform) <= self._space and index not in self._kept:
            self._kept[index] = waveform
            self._space -= len(waveform)
        return waveform
