"""Waveforms that are read once and kept in memory, as far as there is space."""

from __future__ import annotations

import threading
from collections.abc import Callable

from emo2vec_plugins.audio import MODEL_RATE
from emo2vec_plugins.core import FloatArray

KEPT_HOURS = 8.0
"""Most audio that a training keeps: 1.8 GB. More is read again on each use."""


class Memory:
    """The memory for waveforms, which all parts of a training share. Threads may use it.

    Args:
        hours: Most audio to keep.
    """

    def __init__(self, *, hours: float = KEPT_HOURS) -> None:
        self._space = hours * 3600 * MODEL_RATE
        self._lock = threading.Lock()

    def take(self, samples: int) -> bool:
        """Return whether there is space for so many samples, which is then taken."""
        with self._lock:
            if samples > self._space:
                return False
            self._space -= samples
            return True


class Kept:
    """Waveforms by their index. Threads may share an object.

    Args:
        read: Reads the waveform with an index; always the same one.
        memory: Where to keep them.
    """

    def __init__(self, read: Callable[[int], FloatArray], memory: Memory) -> None:
        self._read, self._memory = read, memory
        self._kept: dict[int, FloatArray] = {}

    def __call__(self, index: int) -> FloatArray:
        """Return a waveform of shape (samples,), which must not be changed."""
        if index in self._kept:
            return self._kept[index]
        waveform = self._read(index)
        # Two threads may read the same waveform at once, which does no harm.
        if index not in self._kept and self._memory.take(len(waveform)):
            self._kept[index] = waveform
        return waveform
