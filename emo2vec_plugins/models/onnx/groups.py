"""Clips of similar length in one padded array: pure arithmetic on samples.

A graph takes clips padded to one length, and what is padded is computed for nothing. So clips
that are given together run in groups, whose borders are drawn where they cost least.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from emo2vec_plugins.core import FloatArray

GROUP_SAMPLES = 16_000 * 30
"""Most samples of a group of several, padding included; more gains nothing and takes memory."""

CALL_SAMPLES = 8_000
"""What one more call costs, in samples: reading the weights, and small matrices."""


def groups(
    lengths: Sequence[int], *, most: int = GROUP_SAMPLES, call: int = CALL_SAMPLES
) -> list[list[int]]:
    """Return the indices of *lengths* in the groups that cost least, shorter clips first.

    A group costs its clips times the longest of them, and one call. In the order of length, the
    best groups of the first ``n`` clips end with one group after the best groups of fewer.

    Args:
        lengths: Samples of each clip.
        most: Samples of a group of more than one clip.
        call: Cost of a group, in samples.

    >>> groups([400, 64_000, 60_000, 800])
    [[0, 3], [2, 1]]
    """
    order = sorted(range(len(lengths)), key=lambda index: (lengths[index], index))
    best = [(0, 0)]  # cost of the first n clips, and where their last group starts
    for end in range(1, len(order) + 1):
        longest = lengths[order[end - 1]]
        first = max(0, min(end - 1, end - most // longest))
        best.append(
            min(
                (best[start][0] + (end - start) * longest + call, start)
                for start in range(first, end)
            )
        )
    found, end = [], len(order)
    while end:
        start = best[end][1]
        found.append(order[start:end])
        end = start
    return found[::-1]


def padded(waveforms: Sequence[FloatArray]) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Return waveforms under one another, zeros after each, and their lengths.

    Returns:
        Shapes (clips, longest), float32, and (clips,).
    """
    lengths = np.array([len(waveform) for waveform in waveforms], dtype=np.int64)
    rows = np.zeros((len(waveforms), int(lengths.max())), dtype=np.float32)
    for row, waveform in zip(rows, waveforms, strict=True):
        row[: len(waveform)] = waveform
    return rows, lengths
