"""Merging and pooling the frames of a clip's windows into its emotion.

The head of the network is linear, so the mean of the frame logits equals the logits of the mean
frame. Pooled results, over all frames or some, therefore equal the reference's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from emo2vec_plugins.core import FLAGS, Backend, Clip, Emotion, Frames, LabelSet
from emo2vec_plugins.engine.batch import summed
from emo2vec_plugins.engine.doubt import Doubt
from emo2vec_plugins.engine.windows import HOP, RECEPTIVE, Chunk, ClipReader, Window, frame_count
from emo2vec_plugins.files import Rows

OVERLAPPED = "overlapped throughout: no frame has only one speaker"

NOT_FINITE = "the model returned NaN or infinite values; if its dtype is float16, try float32"


class ClipAccumulator:
    """Merges the frames of a clip's windows into its emotion.

    Args:
        clip: The clip.
        reader: Reader of the clip; its attributes are complete after the last window.
        backend: The model.
        labels: The classes to keep.
        frames: Whether to keep frame embeddings and frame logits.
        doubt: Adds the doubt to the result.
    """

    def __init__(
        self,
        clip: Clip,
        reader: ClipReader,
        backend: Backend,
        *,
        labels: LabelSet,
        frames: bool,
        doubt: Doubt,
    ) -> None:
        self._clip = clip
        self._reader = reader
        self._backend = backend
        self._labels = labels
        self._doubt = doubt
        self._open, self._read = 0, False
        self._pooled = 0
        # float64 sums: a clip may have hundreds of thousands of frames.
        self._embedding = np.zeros(backend.width)
        self._logits = np.zeros(len(labels.names))
        self._frames = (Rows(), Rows()) if frames else None  # embeddings and logits

    @property
    def complete(self) -> bool:
        """Whether every window has been read and added."""
        return self._read and not self._open

    def expect(self, windows: Iterable[tuple[Window, Chunk]]) -> Iterator[tuple[Window, Chunk]]:
        """Yield the clip's windows, each of which must be added later.

        If frames are not kept, the chunks ask the back end only for the sum of the frames.
        """
        for window, chunk in windows:
            # Counted before it is scored, because windows of a clip may be in several batches.
            self._open += 1
            pool = self._pool(window)
            self._pooled += int(pool.sum())
            yield window, chunk if self._frames else replace(chunk, pool=pool)
        self._read = True

    def add(self, window: Window, frames: Frames) -> None:
        """Add the result of the back end for one window."""
        self._open -= 1
        embeddings, logits = frames
        if logits is not None:
            logits = logits[:, list(self._labels.columns)]
        if self._frames:
            for rows, values in zip(self._frames, (embeddings, logits), strict=True):
                if values is not None:
                    rows.append(values[window.keep])
            embeddings, logits = summed((embeddings, logits), self._pool(window))
        self._embedding += embeddings[0]
        if logits is not None:
            self._logits += logits[0]

    def emotion(self) -> Emotion:
        """Return the result, once `complete`."""
        ratio = self._overlap_ratio()
        flags = self._reader.flags | ({"overlapped"} if ratio else set())
        reason = self._reader.reason or self._why_unscored()
        unscored = Emotion(
            reason=reason,
            flags=tuple(flag for flag in FLAGS if flag in flags),
            duration=0.0 if reason else self._reader.duration,
            overlap_ratio=ratio,
            provenance=self._backend.provenance,
        )
        if reason:
            return unscored
        return self._doubt.applied(replace(unscored, **self._arrays(), **self._scores()))

    def _pool(self, window: Window) -> npt.NDArray[np.bool_]:
        """Return a mask of the window's frames that are kept and not excluded."""
        pool = np.zeros(frame_count(window.stop - window.start), dtype=bool)
        pool[window.keep] = outside(self._reader.excluded, window.frames)
        return pool

    def _why_unscored(self) -> str | None:
        if not self._pooled:
            return OVERLAPPED
        if not np.isfinite(self._embedding).all() or not np.isfinite(self._logits).all():
            return NOT_FINITE
        return None

    def _overlap_ratio(self) -> float | None:
        spans, turn = self._clip.overlaps, self._clip.turn
        if spans is None:
            return None
        shared = sum(end - start for start, end in spans)
        # Rounding may make the spans longer than the turn. An empty turn has no overlap.
        return min(1.0, shared / turn.duration) if turn.duration else 0.0

    def _arrays(self) -> dict[str, Any]:
        arrays: dict[str, Any] = {"embedding": (self._embedding / self._pooled).astype(np.float32)}
        if self._frames:
            embeddings, logits = self._frames
            arrays["frame_embeddings"] = embeddings.array()
            arrays["frame_logits"] = logits.array() if logits.count else None
        return arrays

    def _scores(self) -> dict[str, Any]:
        names: Sequence[str] = self._labels.names
        if not names:
            return {}
        logits = self._logits / self._pooled
        likelihood = np.exp(logits - logits.max())  # the largest exponent is 0: no overflow
        scores = likelihood / likelihood.sum()
        best = int(scores.argmax())
        return {
            "label": names[best],
            "score": float(scores[best]),
            "scores": dict(zip(names, scores.tolist(), strict=True)),
            "logits": dict(zip(names, logits.tolist(), strict=True)),
        }


def outside(spans: Sequence[tuple[int, int]], frames: slice) -> npt.NDArray[np.bool_]:
    """Return a mask of the frames whose middle sample is outside all spans.

    Args:
        spans: Start and stop in samples from the start of the clip.
        frames: Frames of the clip.

    Returns:
        Shape (frames,).
    """
    middles = np.arange(frames.start, frames.stop) * HOP + RECEPTIVE // 2
    edges = np.maximum.accumulate(np.reshape(spans, (-1, 2)), axis=1)  # no stop before its start
    starts, stops = np.sort(edges, axis=0).T
    # A span that has started and not stopped contains the sample.
    started, stopped = (np.searchsorted(each, middles, side="right") for each in (starts, stops))
    free: npt.NDArray[np.bool_] = started == stopped
    return free
