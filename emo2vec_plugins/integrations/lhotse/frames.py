"""Frame embeddings on a supervision, and what of them is still visible in a cut.

Lhotse moves a ``TemporalArray`` along only when it hangs on a cut: on a supervision, truncating,
trimming and perturbing make it raise, and mixing reads it as empty. So a supervision carries a
plain ``Array`` and the time of its first frame in the recording, and `turn_frames` cuts it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from emo2vec_plugins.audio import MODEL_RATE
from emo2vec_plugins.core import FloatArray
from emo2vec_plugins.engine import HOP
from emo2vec_plugins.errors import InvalidTurnError, OptionsError
from emo2vec_plugins.integrations.lhotse.tracks import tracks

FRAME_SHIFT = HOP / MODEL_RATE
"""Seconds from one frame to the next."""


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
            f"supervision {supervision.id!r} has no frames in '{field}_frames'; "
            "annotate with Options(frames=True)"
        )
    holder, own = _holder(cut, supervision)
    left = max(holder.start, holder.start + own.start)
    right = max(left, min(holder.start + holder.duration, holder.start + own.end))
    count, shift = manifest.shape[0], custom.get(f"{field}_frames_shift", FRAME_SHIFT)
    if left < right and not (left < start + count * shift + shift and start < right):
        raise InvalidTurnError(
            f"the frames of supervision {supervision.id!r} lie at {start:.3f} to "
            f"{start + count * shift:.3f} s of the recording, the turn now at {left:.3f} to "
            f"{right:.3f} s: the cut was moved after it was annotated; annotate it again"
        )
    first, last = _frame(left - start, shift, count), _frame(right - start, shift, count)
    return np.asarray(manifest.load())[first:last]


def _holder(cut: Any, supervision: Any) -> tuple[Any, Any]:
    """Return the cut whose recording the turn is in, and the turn in that cut's time."""
    if type(cut).__name__ != "MixedCut":
        return cut, supervision
    # A mixture gives copies, moved by the offset of their track; ids may repeat.
    for _, offset, holder in tracks(cut):
        for own in holder.supervisions:
            if own.with_offset(offset) == supervision:
                return holder, own
    raise OptionsError(f"supervision {supervision.id!r} is not one of cut {cut.id!r}")


def _frame(seconds: float, shift: float, count: int) -> int:
    return min(max(math.floor(round(seconds / shift, 8) + 0.5), 0), count)
