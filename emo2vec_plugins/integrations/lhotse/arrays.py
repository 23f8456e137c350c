"""Embeddings and frames of annotated cuts: stored with any of Lhotse's writers, and loaded.

Lhotse moves a ``TemporalArray`` along only when it belongs to a cut: on a supervision, truncating,
trimming and perturbing make it raise, and mixing reads it as empty. So a supervision carries a
plain ``Array`` and the time of its first frame in the recording, and `turn_frames` cuts it.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from typing import Any

import numpy as np

from emo2vec_plugins.audio import MODEL_RATE
from emo2vec_plugins.core import FloatArray
from emo2vec_plugins.engine import HOP
from emo2vec_plugins.errors import InvalidTurnError, OptionsError, StoreError
from emo2vec_plugins.files import Rows, cast, pieces

FRAME_SHIFT = HOP / MODEL_RATE
"""Seconds from one frame to the next."""

_READING_WRITERS = ("numpy_files", "numpy_hdf5", "memory_raw")
"""Those of Lhotse that accept read-only arrays, and leave others as they are."""


class ArraySink:
    """Stores arrays one after another and returns the manifests from which Lhotse loads them.

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

        Raises:
            StoreError: If the writer does not take it; it may be closed.
        """
        if self._writer is None:
            from lhotse.features.io import MemoryRawWriter

            self._writer = MemoryRawWriter()
        key = hashlib.sha256(f"{self.count}\n{name}".encode()).hexdigest()[:32]
        self.count += 1
        array = cast(value, self._dtype)
        temporal = {"start": start, "frame_shift": FRAME_SHIFT, "temporal_dim": 0}
        if start is None:
            temporal = {}
        try:
            return _stored(self._writer, key, array, **temporal)
        except OSError:
            raise
        except Exception as error:
            raise StoreError(
                f"{type(self._writer).__name__} cannot store the arrays of "
                f"{name.splitlines()[0]!r}: {type(error).__name__}: {error}; is it open?"
            ) from error


def turn_frames(cut: Any, supervision: Any, *, field: str = "emotion") -> FloatArray:
    """Load the frame embeddings of one turn that are still visible in *cut*.

    Works after truncate, trim_to_supervisions, trimming the supervision, pad, append and mix:
    visible is what lies within the supervision and within the cut. Frame ``i`` starts at
    ``i * 0.02`` seconds after the first; bounds are rounded to whole frames as Lhotse rounds
    those of a ``TemporalArray``.

    Args:
        cut: The cut that the supervision is taken from now.
        supervision: One of ``cut.supervisions``.
        field: The prefix that the frames were stored under.

    Returns:
        Shape (frames, width); no frames if nothing is visible.

    Raises:
        OptionsError: If the supervision has no frames or is not one of the cut's.
        InvalidTurnError: If the cut was given another time after it was annotated, as
            ``to_shar``, ``move_to_memory`` and ``perturb_speed`` do.
    """
    custom = supervision.custom or {}
    manifest, start = custom.get(f"{field}_frames"), custom.get(f"{field}_frames_start")
    if manifest is None or start is None:
        raise OptionsError(
            f"supervision {supervision.id!r} has no frames: give Options(frames=True)"
        )
    holder, own = _holder(cut, supervision)
    left = max(holder.start, holder.start + own.start)
    right = max(left, min(holder.start + holder.duration, holder.start + own.end))
    count, shift = manifest.shape[0], custom.get(f"{field}_frames_shift", FRAME_SHIFT)
    if left < right and not (left < start + count * shift + shift and start < right):
        raise InvalidTurnError(
            f"supervision {supervision.id!r} is at {left:.3f} to {right:.3f} s, its frames at "
            f"{start:.3f} to {start + count * shift:.3f} s: it was moved; annotate it again"
        )
    first, last = _frame(left - start, shift, count), _frame(right - start, shift, count)
    return np.asarray(manifest.load())[first:last]


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
    """Return how many frames Lhotse counts in *samples* at *rate*, a multiple of 50.

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


def _holder(cut: Any, supervision: Any) -> tuple[Any, Any]:
    """Return the cut whose recording the turn is in, and the turn in that cut's time."""
    if type(cut).__name__ != "MixedCut":
        return cut, supervision
    # A mixture gives copies, moved by the offset of their track; ids may repeat.
    for track in cut.tracks:
        for own in () if track.mute else track.cut.supervisions:
            if own.with_offset(track.offset) == supervision:
                return track.cut, own
    raise OptionsError(f"supervision {supervision.id!r} is not one of cut {cut.id!r}")


def _frame(seconds: float, shift: float, count: int) -> int:
    return min(max(math.floor(round(seconds / shift, 8) + 0.5), 0), count)


def _stored(writer: Any, key: str, array: FloatArray, **temporal: Any) -> Any:
    """Store an array as the writer does, unchanged; in pieces if that is lilcom."""
    if writer.name in _READING_WRITERS:
        return writer.store_array(key, array, **temporal)
    # Copies for the others: lilcom writes into its input, and refuses what is read-only.
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
