"""The back end for exported graphs, which runs clips of similar length together.

A graph needs clips padded to the same length, and computing the padding is wasted. So the clips of
a batch are split into groups with the lowest total cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from emo2vec_plugins._version import __version__
from emo2vec_plugins.core import FloatArray, Frames, LabelSet
from emo2vec_plugins.engine import frame_count
from emo2vec_plugins.models.doubt import FittedDoubt
from emo2vec_plugins.models.onnx.runtimes import Graph, Running

GRAPH_SECONDS = 240.0
"""Audio per batch; the more clips, the more similar the lengths within a group."""

GROUP_SAMPLES = 16_000 * 30
"""Maximum samples of a group of several clips, with padding; more only takes memory."""

CALL_SAMPLES = 8_000
"""Cost of one call in samples, for reading the weights and for small matrices."""


class GraphBackend:
    """Runs a graph on groups of clips with similar lengths.

    Args:
        graph: An opened file.
        facts: The result of `read_facts`.
        name: Name of the runtime, a prefix of the model's name in the provenance of results.
        dtype: Data type of the weights or the arithmetic.
    """

    batch_seconds = GRAPH_SECONDS

    def __init__(self, graph: Graph, facts: dict[str, Any], *, name: str, dtype: str) -> None:
        provenance = facts["provenance"]
        self._graph = graph
        self.labels = LabelSet.from_tokens(provenance.tokens)
        self.width: int = facts["width"]
        self.normalize: bool = facts["normalize"]
        self.doubt: FittedDoubt | None = facts["doubt"]
        self.provenance = replace(
            provenance, model=f"{name}:{provenance.model}", dtype=dtype, version=__version__
        )

    def run(self, waveforms: Sequence[FloatArray]) -> list[Frames]:
        """Return each waveform's frames, in order.

        Args:
            waveforms: 1-D float32 arrays at 16 kHz of at least 400 samples, already normalised.

        Returns:
            For each waveform, embeddings of shape (frames, width) and logits of shape (frames,
            classes), or None without a head; float32.
        """
        with self._graph.reserved():
            found = self._run(waveforms)
        return [found[index] for index in range(len(waveforms))]

    def _run(self, waveforms: Sequence[FloatArray]) -> dict[int, Frames]:
        """Return each waveform's frames, by index."""
        found: dict[int, Frames] = {}
        busy: list[tuple[list[int], Running]] = []
        # The longest first, so that short groups at the end keep all streams busy.
        for group in groups([len(waveform) for waveform in waveforms])[::-1]:
            if len(busy) == self._graph.streams:
                found |= _frames(*busy.pop(_ready(busy)), waveforms)
            clips = [waveforms[index] for index in group]
            busy.append((group, self._graph.start(*padded(clips))))
        for group, running in busy:
            found |= _frames(group, running, waveforms)
        return found


def _ready(busy: Sequence[tuple[list[int], Running]]) -> int:
    """Wait until any of the calls is done; return its index."""
    # Polling, because OpenVINO cannot wait for any of several requests.
    while True:
        for place, (_, running) in enumerate(busy):
            if running.ready():
                return place


def _frames(
    group: list[int], running: Running, waveforms: Sequence[FloatArray]
) -> dict[int, Frames]:
    """Return the frames of each waveform of a group, by index."""
    _, embeddings, _, *heads = running.outputs()
    found: dict[int, Frames] = {}
    for row, index in enumerate(group):
        count = frame_count(len(waveforms[index]))
        found[index] = embeddings[row, :count], heads[0][row, :count] if heads else None
    return found


def groups(
    lengths: Sequence[int], *, most: int = GROUP_SAMPLES, call: int = CALL_SAMPLES
) -> list[list[int]]:
    """Return the indices of *lengths* in the cheapest groups, shorter clips first.

    A group costs the number of its clips times the longest clip, plus one call. Sorted by length,
    the best groups for the first ``n`` clips are the best groups for fewer clips plus one group.

    Args:
        lengths: Samples of each clip.
        most: Maximum samples of a group of more than one clip, with padding.
        call: Cost of one call, in samples.

    >>> groups([400, 64_000, 60_000, 800])
    [[0, 3], [2, 1]]
    """
    # Dynamic programming, O(n * n): a batch is 240 s of audio, a few hundred clips.
    order = sorted(range(len(lengths)), key=lambda index: (lengths[index], index))
    best = [(0, 0)]  # cost of the first n clips, and start of their last group
    for end in range(1, len(order) + 1):
        longest = lengths[order[end - 1]]
        # The last group may start as early as its size allows; a single clip may have any length.
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
    """Return waveforms padded with zeros to one length, and their original lengths.

    Returns:
        Shapes (clips, longest), float32, and (clips,), int64.
    """
    lengths = np.array([len(waveform) for waveform in waveforms], dtype=np.int64)
    rows = np.zeros((len(waveforms), int(lengths.max())), dtype=np.float32)
    for row, waveform in zip(rows, waveforms, strict=True):
        row[: len(waveform)] = waveform
    return rows, lengths
