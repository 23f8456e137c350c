"""Where the arrays of annotated cuts go: any of Lhotse's writers, under keys that are hashes."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np

from emo2vec_plugins.audio import MODEL_RATE
from emo2vec_plugins.core import FloatArray
from emo2vec_plugins.files import Rows, cast, pieces
from emo2vec_plugins.integrations.lhotse.frames import FRAME_SHIFT

READERS = ("numpy_files", "numpy_hdf5", "memory_raw")
"""Lhotse's writers that take arrays which are read-only, and leave others as they are."""


class ArraySink:
    """Stores arrays one after another and gives the manifests by which Lhotse loads them.

    Keys are hashes of an array's number and name: ids of cuts repeat, and some hold slashes,
    with which Lhotse's numpy_files writer would leave its folder.

    Args:
        writer: An open Lhotse ``FeaturesWriter``; in memory if None, as ``cut.attach_tensor``
            does, and then the cuts cannot be written as JSON.
        dtype: What arrays are cast to; lilcom writers give back float32 all the same.
        count: How many arrays were stored before, by a run that is being resumed.
    """

    def __init__(self, writer: Any = None, *, dtype: str = "float32", count: int = 0) -> None:
        self._writer = writer
        self._dtype = np.dtype(dtype)
        self.count = count

    def store(self, value: FloatArray, *, name: str, start: float | None = None) -> Any:
        """Store one array and return its manifest.

        Args:
            value: Shape (width,) or (frames, width).
            name: Goes into the key.
            start: Seconds from the start of the recording to the first frame, for a
                ``TemporalArray``; None for an ``Array``.
        """
        if self._writer is None:
            from lhotse.features.io import MemoryRawWriter

            self._writer = MemoryRawWriter()
        key = hashlib.sha256(f"{self.count}\n{name}".encode()).hexdigest()[:32]
        self.count += 1
        temporal = {} if start is None else _temporal(start)
        return _stored(self._writer, key, cast(value, self._dtype), **temporal)


def as_sink(store: Any, *, dtype: str) -> ArraySink:
    """Return *store* if it is a sink already, so that cuts share its numbering."""
    return store if isinstance(store, ArraySink) else ArraySink(store, dtype=dtype)


def as_counted(frames: FloatArray, *, samples: int, rate: int) -> FloatArray:
    """Repeat the last frame where Lhotse counts one more than the model gives.

    Lhotse counts ``round(samples / hop)`` frames; the model has as many or one fewer.

    Args:
        frames: Shape (frames, width), one at least.
        samples: Length of the audio.
        rate: Samples per second.

    Returns:
        Shape (counted, width).
    """
    counted = counted_frames(samples, rate=rate)
    if counted <= len(frames):
        return frames[:counted]
    rows = Rows()
    for piece in pieces(frames):
        rows.append(piece)
    rows.append(np.repeat(frames[-1:], counted - len(frames), axis=0))
    return rows.array()


def counted_frames(samples: int, *, rate: int) -> int:
    """Return how many frames Lhotse counts in *samples* at *rate*, which 50 is to divide.

    >>> [counted_frames(n, rate=16_000) for n in (159, 160, 400, 479, 480)]
    [0, 1, 1, 1, 2]
    """
    hop = round(FRAME_SHIFT * rate)
    return (samples + hop // 2) // hop


def divides(rate: int) -> bool:
    """Return whether a frame is a whole number of samples at *rate*.

    >>> [rate for rate in (8_000, 11_025, 16_000, 22_050, 44_100, 48_000) if not divides(rate)]
    [11025]
    """
    return rate * round(FRAME_SHIFT * MODEL_RATE) % MODEL_RATE == 0


def _stored(writer: Any, key: str, array: FloatArray, **temporal: Any) -> Any:
    """Store an array as the writer does, but leave it as it is; piece by piece if that is lilcom.

    lilcom writes to some of what it is given, and takes nothing that is read-only.
    """
    if writer.name in READERS:
        return writer.store_array(key, array, **temporal)
    if writer.name != "lilcom_chunky":
        return writer.store_array(key, array.copy(), **temporal)
    # Its keys are the place of an array's first chunk and the length of each: pieces of whole
    # chunks that follow each other are one array.
    stored = [
        writer.store_array(key, piece.copy(), **temporal)
        for piece in pieces(array, multiple=writer.CHUNK_SIZE)
    ]
    parts = [part.array if temporal else part for part in stored]
    places = [parts[0].storage_key, *(part.storage_key.partition(",")[2] for part in parts[1:])]
    whole = replace(parts[0], storage_key=",".join(places), shape=list(array.shape))
    return replace(stored[0], array=whole) if temporal else whole


def _temporal(start: float) -> dict[str, Any]:
    return {"start": start, "frame_shift": FRAME_SHIFT, "temporal_dim": 0}
