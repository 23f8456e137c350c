"""The back end that runs a graph: clips of similar length in one padded array.

A graph takes clips padded to one length, and what is padded is computed for nothing. So clips
that are given together run in groups, whose borders are drawn where they cost least.
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
from emo2vec_plugins.models.onnx.runtimes import Graph, Running

GRAPH_SECONDS = 240.0
"""Audio in a batch: the more clips, the more alike in length are those that share a group."""

GROUP_SAMPLES = 16_000 * 30
"""Most samples of a group of several, padding included; more gains nothing and takes memory."""

CALL_SAMPLES = 8_000
"""What one more call costs, in samples: reading the weights, and small matrices."""


class GraphBackend:
    """Runs a graph on clips in groups of similar length.

    Args:
        graph: An opened file.
        facts: What `read_facts` gives.
        name: Of the runtime; the provenance of results has it before the model's.
        dtype: Of weights or arithmetic.
    """

    batch_seconds = GRAPH_SECONDS

    def __init__(self, graph: Graph, facts: dict[str, Any], *, name: str, dtype: str) -> None:
        provenance = facts["provenance"]
        self._graph = graph
        self.labels = LabelSet.from_tokens(provenance.tokens)
        self.width: int = facts["width"]
        self.normalize: bool = facts["normalize"]
        self.provenance = replace(
            provenance, model=f"{name}:{provenance.model}", dtype=dtype, version=__version__
        )

    def run(self, waveforms: Sequence[FloatArray]) -> list[Frames]:
        """Return each waveform's frames, in order.

        Args:
            waveforms: 1-D float32 arrays at 16 kHz of at least 400 samples, normalised already.

        Returns:
            Embeddings, shape (frames, width), and logits, shape (frames, classes) or None, for
            each; float32.
        """
        found: dict[int, Frames] = {}
        busy: list[tuple[list[int], Running]] = []
        # The longest first: the short ones at the end keep all streams busy until all is done.
        for group in groups([len(waveform) for waveform in waveforms])[::-1]:
            if len(busy) == self._graph.streams:
                found |= _frames(*busy.pop(_ready(busy)), waveforms)
            clips = [waveforms[index] for index in group]
            busy.append((group, self._graph.start(*padded(clips))))
        for group, running in busy:
            found |= _frames(group, running, waveforms)
        return [found[index] for index in range(len(waveforms))]


def _ready(busy: Sequence[tuple[list[int], Running]]) -> int:
    """Wait until one has its outputs, whichever it is; return its place."""
    # In turns: OpenVINO has no way to wait for any of several requests.
    while True:
        for place, (_, running) in enumerate(busy):
            if running.ready():
                return place


def _frames(
    group: list[int], running: Running, waveforms: Sequence[FloatArray]
) -> dict[int, Frames]:
    """Return the frames of each waveform of a group, by its index."""
    _, embeddings, _, *heads = running.outputs()
    found: dict[int, Frames] = {}
    for row, index in enumerate(group):
        count = frame_count(len(waveforms[index]))
        found[index] = embeddings[row, :count], heads[0][row, :count] if heads else None
    return found


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
    # Dynamic programming over borders, O(n * n): a batch is 240 s of audio, some hundreds of clips.
    order = sorted(range(len(lengths)), key=lambda index: (lengths[index], index))
    best = [(0, 0)]  # cost of the first n clips, and where their last group starts
    for end in range(1, len(order) + 1):
        longest = lengths[order[end - 1]]
        # The last group may reach back as far as it fits; one clip alone may be of any length.
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
