"""Long audio in windows, and frames in turns: pure arithmetic on samples and frames.

A clip of ``n`` samples at 16 kHz has ``(n - 400) // 320 + 1`` frames; frame ``t`` reads samples
``320 t`` to ``320 t + 400``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from emo2vec_plugins.errors import OptionsError

HOP = 320
"""Samples from one frame to the next, the product of the convolutions' strides."""

RECEPTIVE = 400
"""Samples that one frame reads; a shorter clip has no frame."""


def frame_count(samples: int) -> int:
    """Return how many frames a clip has; 0 under 400 samples.

    >>> [frame_count(n) for n in (399, 400, 719, 720, 16_000)]
    [0, 1, 1, 2, 49]
    """
    return max(0, (samples - RECEPTIVE) // HOP + 1)


@dataclass(frozen=True, slots=True)
class Window:
    """One window of a clip, and which of its frames stand for the clip.

    Attributes:
        start: First sample, a multiple of `HOP`.
        stop: The sample after the last.
        keep: The frames kept, counted from the window's own first frame.
    """

    start: int
    stop: int
    keep: slice

    @property
    def frames(self) -> slice:
        """The frames kept, counted from the clip's first frame."""
        first = self.start // HOP
        return slice(first + self.keep.start, first + self.keep.stop)


def windows(samples: int, *, window: int, overlap: int) -> list[Window]:
    """Cover a clip of *samples* so that each of its frames is kept from exactly one window.

    A clip of up to *window* samples is one window. Otherwise every window is full, neighbours
    share *overlap* samples (the last two share more), and each side gives up half of what is
    shared: a frame near the edge of a window lacks context there and comes from the other.

    Raises:
        OptionsError: Unless the window has a frame and the overlap is shorter than it.
    """
    size, shared = frame_count(window), overlap // HOP
    if not 0 <= shared < size:
        raise OptionsError(
            f"windows of {window} samples cannot overlap by {overlap}: a window needs at least "
            f"{RECEPTIVE} samples, and the overlap must be shorter"
        )
    total = frame_count(samples)
    if samples <= window:
        return [Window(0, samples, slice(0, total))] if total else []
    starts = [*range(0, total - size, size - shared), total - size]
    edges = [0, *((a + size + b) // 2 for a, b in pairwise(starts)), total]
    return [
        Window(
            start * HOP,
            samples if start == starts[-1] else start * HOP + window,
            slice(edges[i] - start, edges[i + 1] - start),
        )
        for i, start in enumerate(starts)
    ]


def outside(spans: Iterable[tuple[int, int]], frames: slice) -> npt.NDArray[np.bool_]:
    """Return which of *frames* lie outside all *spans*, by the middle of what a frame reads.

    Args:
        spans: Start and stop in samples from the start of the clip.
        frames: Frames of the clip.

    Returns:
        Shape (frames,).
    """
    middles = np.arange(frames.start, frames.stop) * HOP + RECEPTIVE // 2
    free = np.ones(len(middles), dtype=bool)
    for start, stop in spans:
        free &= (middles < start) | (middles >= stop)
    return free
