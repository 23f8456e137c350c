"""Embeddings and frames of annotated cuts: stored with any Lhotse writer, and loaded again.

Lhotse supports a ``TemporalArray`` only on a cut. On a supervision, truncating, trimming and
perturbing raise errors, and mixing reads it as empty. Therefore a supervision gets a plain
``Array`` and the time of its first frame in the recording, and `turn_frames` slices the array.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from emo2vec_plugins.audio import MODEL_RATE
from emo2vec_plugins.core import FloatArray, Permissions
from emo2vec_plugins.engine import HOP
from emo2vec_plugins.errors import FormatError, InvalidTurnError, OptionsError, StoreError
from emo2vec_plugins.files import Rows, cast, pieces
from emo2vec_plugins.integrations import is_a
from emo2vec_plugins.integrations.lhotse.conditions import (
    LENGTH,
    SECONDS,
    SHAPE,
    Checked,
    first_problem,
    is_number,
)
from emo2vec_plugins.integrations.lhotse.sources import load_array

FRAME_SHIFT = HOP / MODEL_RATE
"""Seconds from one frame to the next."""

_READ_ONLY_WRITERS = ("numpy_files", "numpy_hdf5", "memory_raw")
"""Lhotse writers that accept read-only arrays and do not change their input."""


class ArraySink:
    """Stores arrays and returns the manifests that load them.

    A key is a hash of a counter and a name. Ids of cuts are not safe keys: they repeat, and an id
    with slashes makes Lhotse's numpy_files writer leave its folder.

    Args:
        writer: An open Lhotse ``FeaturesWriter``. If None, arrays stay in memory, as with
            ``cut.attach_tensor``, and the cuts cannot be written as JSON.
        dtype: Type that arrays are cast to. Lilcom writers return float32 regardless.
        count: Number of arrays that an interrupted run stored before.
    """

    def __init__(self, writer: Any = None, *, dtype: str = "float32", count: int = 0) -> None:
        self._writer = writer
        self._dtype = np.dtype(dtype)
        self.count = count

    def store(self, value: FloatArray, *, name: str, start: float | None = None) -> Any:
        """Store one array and return its manifest.

        Args:
            value: Shape (width,) or (frames, width).
            name: Part of the key.
            start: Seconds from the start of the recording to the first frame, for a
                ``TemporalArray``; None for an ``Array``.

        Raises:
            StoreError: If the writer rejects the array, for example because it is closed.
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
                f"{name.splitlines()[0]!r}: {type(error).__name__}: {error}; check that it is open"
            ) from error


def turn_frames(
    cut: Any, supervision: Any, *, field: str = "emotion", allow: tuple[str, ...] = ()
) -> FloatArray:
    """Load the frame embeddings of one turn that lie within both its supervision and *cut*.

    This works after truncate, trim_to_supervisions, trimming the supervision, pad, append and mix.
    Frame ``i`` starts ``i * 0.02`` seconds after the first. Bounds are rounded to whole frames as
    Lhotse rounds those of a ``TemporalArray``.

    Args:
        cut: The cut that currently contains the supervision.
        supervision: One of ``cut.supervisions``.
        field: The prefix of the fields.
        allow: What loading may do, names in `emo2vec_plugins.core.KINDS`; by default, read local
            files.

    Returns:
        Shape (frames, width); no frames if the supervision lies outside of the cut.

    Raises:
        FormatError: If the frames or their times are damaged. The message has the cut and the
            supervision.
        OptionsError: If the supervision has no frames or does not belong to the cut.
        InvalidTurnError: If the times of the cut changed after it was annotated, as ``to_shar``,
            ``move_to_memory`` and ``perturb_speed`` do.
        NotAllowedError: If the frames are stored behind a command or a URL.
    """
    custom = supervision.custom or {}
    manifest, start = custom.get(f"{field}_frames"), custom.get(f"{field}_frames_start")
    if manifest is None or start is None:
        raise OptionsError(
            f"supervision {supervision.id!r} has no frames; annotate with Options(frames=True)"
        )
    shift = custom.get(f"{field}_frames_shift", FRAME_SHIFT)
    where = f"cut {cut.id!r}, frames of supervision {supervision.id!r}"
    if problem := first_problem(_values_of_frames(manifest, start, shift, field)):
        raise FormatError(f"{where}: {problem}; annotate it again")
    holder, own = _holder(cut, supervision)
    left = max(holder.start, holder.start + own.start)
    right = max(left, min(holder.start + holder.duration, holder.start + own.end))
    count = manifest.shape[0]
    if left < right and not (left < start + count * shift + shift and start < right):
        raise InvalidTurnError(
            f"supervision {supervision.id!r} was moved: it is at {left:.3f} to {right:.3f} s, its "
            f"frames are at {start:.3f} to {start + count * shift:.3f} s; annotate it again"
        )
    first, last = _frame(left - start, shift, count), _frame(right - start, shift, count)
    return load_array(manifest, Permissions(allow=allow), where=where)[first:last]


def pad_to_lhotse(frames: FloatArray, *, samples: int, rate: int) -> FloatArray:
    """Repeat the last frame if Lhotse expects one more than the model gives.

    Lhotse expects ``round(samples / hop)`` frames; the model gives as many or one fewer.

    Args:
        frames: Shape (frames, width), with at least one frame.
        samples: Length of the audio.
        rate: Samples per second.

    Returns:
        Shape (expected frames, width).
    """
    counted = lhotse_frame_count(samples, rate=rate)
    if counted <= len(frames):
        return frames[:counted]
    rows = Rows()
    for piece in pieces(frames):
        rows.append(piece)
    rows.append(np.repeat(frames[-1:], counted - len(frames), axis=0))
    return rows.array()


def lhotse_frame_count(samples: int, *, rate: int) -> int:
    """Return how many frames Lhotse expects for *samples* at *rate*, a multiple of 50.

    >>> [lhotse_frame_count(n, rate=16_000) for n in (159, 160, 400, 479, 480)]
    [0, 1, 1, 1, 2]
    """
    hop = round(FRAME_SHIFT * rate)
    return (samples + hop // 2) // hop


def divides(rate: int) -> bool:
    """Return whether the frame shift is a whole number of samples at *rate*.

    >>> [rate for rate in (8_000, 11_025, 16_000, 22_050, 44_100, 48_000) if not divides(rate)]
    [11025]
    """
    return rate * round(FRAME_SHIFT * MODEL_RATE) % MODEL_RATE == 0


def _holder(cut: Any, supervision: Any) -> tuple[Any, Any]:
    """Return the track's cut that contains the turn, and the turn in the times of that cut."""
    if not is_a(cut, "lhotse.cut", "MixedCut"):
        return cut, supervision
    # Supervisions of a mixture are copies, moved by the offset of their track; ids may repeat.
    for track in cut.tracks:
        for own in () if track.mute else track.cut.supervisions:
            if own.with_offset(track.offset) == supervision:
                return track.cut, own
    raise OptionsError(f"supervision {supervision.id!r} does not belong to cut {cut.id!r}")


def _values_of_frames(manifest: Any, start: Any, shift: Any, field: str) -> Iterator[Checked]:
    """Yield what `turn_frames` calculates with; the rest is checked when the array is loaded."""
    yield f"{field}_frames, shape", getattr(manifest, "shape", None), SHAPE
    yield f"{field}_frames_start", start, SECONDS
    yield f"{field}_frames_shift", shift, (lambda v: is_number(v) and 0 < v < 1, LENGTH[1])


def _frame(seconds: float, shift: float, count: int) -> int:
    return min(max(math.floor(round(seconds / shift, 8) + 0.5), 0), count)


def _stored(writer: Any, key: str, array: FloatArray, **temporal: Any) -> Any:
    """Store an array without changing it; lilcom arrays are stored in pieces."""
    if writer.name in _READ_ONLY_WRITERS:
        return writer.store_array(key, array, **temporal)
    # Others get a copy: lilcom writes into its input and rejects read-only arrays.
    if writer.name != "lilcom_chunky":
        return writer.store_array(key, array.copy(), **temporal)
    # A lilcom key is the position of an array's first chunk and the length of each chunk.
    # Consecutive pieces of whole chunks can therefore be read as one array.
    stored = [
        writer.store_array(key, piece.copy(), **temporal)
        for piece in pieces(array, multiple=writer.CHUNK_SIZE)
    ]
    parts = [part.array if temporal else part for part in stored]
    places = [parts[0].storage_key, *(part.storage_key.partition(",")[2] for part in parts[1:])]
    whole = replace(parts[0], storage_key=",".join(places), shape=list(array.shape))
    return replace(stored[0], array=whole) if temporal else whole
