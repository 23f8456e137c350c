"""One clip on its way through the engine: read in windows, merged on the frame axis, pooled.

The head of the network is linear, so the mean of frame logits is the logits of the mean frame:
what is pooled from frames, all of them or some, is exactly what the reference gives for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from emo2vec_plugins.audio import MODEL_RATE, bounds, mono, resampled_length
from emo2vec_plugins.backend import Backend, Frames
from emo2vec_plugins.dialogue import FLAGS, Emotion, FloatArray
from emo2vec_plugins.errors import AudioError
from emo2vec_plugins.labels import LabelSet
from emo2vec_plugins.session import Clip
from emo2vec_plugins.windows import RECEPTIVE, Window, outside, windows

SHORT_SECONDS = 1.0
"""Turns shorter than this are flagged: the corpora behind the models hold whole utterances."""

SILENCE = 2.0**-15
"""A turn whose loudest sample is at most one step of 16-bit audio is flagged silent."""

CLIPPED_SECONDS = 0.02
"""A turn that reaches further than this outside its recording is flagged clipped."""

EPSILON = 1e-5
"""Added to the variance, as the reference's layer norm over a clip's samples does."""

OVERLAPPED = "overlapped throughout: there is no frame in which the speaker is alone"

NOT_FINITE = "the model gave NaN or infinite values; if its dtype is float16, try float32"


class Merge:
    """Collects what the back end says of a clip's windows, until its emotion is known.

    Args:
        columns: The classes to keep.
        frames: Whether to keep frame embeddings and frame logits.
        window: Samples; longer clips are windowed.
        overlap: Samples that neighbouring windows share.
    """

    def __init__(
        self,
        clip: Clip,
        backend: Backend,
        *,
        columns: LabelSet,
        frames: bool,
        window: int,
        overlap: int,
    ) -> None:
        self._clip = clip
        self._backend = backend
        self._labels = columns
        self._keep_frames = frames
        self._window = window
        self._overlap = overlap
        self._reason: str | None = None
        self._flags: set[str] = set()
        self._duration = 0.0
        self._alone: tuple[tuple[int, int], ...] = ()
        self._open, self._read = 0, False
        self._pooled = 0
        self._embedding = np.zeros(backend.width)
        self._logits = np.zeros(len(columns.names))
        self._frames: list[Frames] = []

    @property
    def complete(self) -> bool:
        """Whether nothing more is to come: every window was read and added."""
        return self._read and not self._open

    def read(self) -> Iterator[tuple[Window, FloatArray]]:
        """Yield the clip's windows as normalised samples; on failure note the reason."""
        try:
            for window, samples in self._windows():
                self._open += 1
                yield window, samples
        except AudioError as error:
            self._reason = str(error)
        except Exception as error:  # noqa: BLE001 - whatever a plugin's audio raises
            self._reason = f"{type(error).__name__}: {error}"
        finally:
            self._read = True

    def add(self, window: Window, frames: Frames) -> None:
        """Take what the back end gave for one window."""
        self._open -= 1
        embeddings, logits = frames[0][window.keep], frames[1]
        pool = outside(self._alone, window.frames)
        self._pooled += int(pool.sum())
        self._embedding += embeddings[pool].sum(axis=0, dtype=np.float64)
        if logits is not None:
            logits = logits[window.keep][:, list(self._labels.columns)]
            self._logits += logits[pool].sum(axis=0, dtype=np.float64)
        if self._keep_frames:
            self._frames.append((embeddings, logits))

    def emotion(self) -> Emotion:
        """Return the result, once `complete`."""
        ratio = self._overlap_ratio()
        flags = self._flags | ({"overlapped"} if ratio else set())
        reason = self._reason or self._doubt()
        unscored = Emotion(
            reason=reason,
            flags=tuple(flag for flag in FLAGS if flag in flags),
            duration=0.0 if reason else self._duration,
            overlap_ratio=ratio,
            provenance=self._backend.provenance,
        )
        return unscored if reason else replace(unscored, **self._arrays(), **self._verdict())

    def _windows(self) -> Iterator[tuple[Window, FloatArray]]:
        turn, audio = self._clip.turn, self._clip.audio
        start, stop = bounds(turn, audio)
        self._duration = (stop - start) / audio.rate
        self._note_bounds(audio.length / audio.rate)
        length = resampled_length(stop - start, audio.rate)
        plan = windows(length, window=self._window, overlap=self._overlap)
        if not plan:
            raise AudioError(
                f"too short: {length} samples at 16 kHz, one frame needs {RECEPTIVE} (25 ms)"
            )
        if len(plan) > 1:
            self._flags.add("windowed")
        if self._clip.alone:
            self._alone = tuple(
                (_sample(span[0] - start / audio.rate), _sample(span[1] - start / audio.rate))
                for span in self._clip.overlaps or ()
            )
        # A clip of one window is read once; a longer one twice, to stay in bounded memory.
        once = list(mono(turn, audio)) if len(plan) == 1 else None
        mean, scale = self._moments(mono(turn, audio) if once is None else once)
        for window, samples in _cut(mono(turn, audio) if once is None else once, plan):
            yield window, ((samples - mean) * scale).astype(np.float32)

    def _note_bounds(self, seconds: float) -> None:
        turn = self._clip.turn
        if turn.start < -CLIPPED_SECONDS or turn.end > seconds + CLIPPED_SECONDS:
            self._flags.add("clipped")
        if self._duration < SHORT_SECONDS:
            self._flags.add("short")

    def _moments(self, blocks: Iterable[FloatArray]) -> tuple[float, float]:
        """Return what to subtract from samples and what to multiply them by; flag silence."""
        count, total, squares, peak = 0, 0.0, 0.0, 0.0
        for block in blocks:
            exact = block.astype(np.float64)
            count += len(block)
            total += float(exact.sum())
            squares += float(exact @ exact)
            peak = max(peak, float(np.abs(block).max(initial=0.0)))
        if peak <= SILENCE:
            self._flags.add("silent")
        if not self._backend.normalize:
            return 0.0, 1.0
        mean = total / count
        return mean, float((max(squares / count - mean * mean, 0.0) + EPSILON) ** -0.5)

    def _doubt(self) -> str | None:
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
        return min(1.0, shared / turn.duration) if turn.duration else 0.0

    def _arrays(self) -> dict[str, Any]:
        embedding = (self._embedding / self._pooled).astype(np.float32)
        if not self._keep_frames:
            return {"embedding": embedding}
        logits = [part for _, part in self._frames if part is not None]
        return {
            "embedding": embedding,
            "frame_embeddings": np.concatenate([part for part, _ in self._frames]),
            "frame_logits": np.concatenate(logits) if logits else None,
        }

    def _verdict(self) -> dict[str, Any]:
        names: Sequence[str] = self._labels.names
        if not names:
            return {}
        logits = self._logits / self._pooled
        likelihood = np.exp(logits - logits.max())
        scores = likelihood / likelihood.sum()
        best = int(scores.argmax())
        return {
            "label": names[best],
            "score": float(scores[best]),
            "scores": dict(zip(names, scores.tolist(), strict=True)),
            "logits": dict(zip(names, logits.tolist(), strict=True)),
        }


def _sample(seconds: float) -> int:
    return round(seconds * MODEL_RATE)


def _cut(
    blocks: Iterable[FloatArray], plan: Sequence[Window]
) -> Iterator[tuple[Window, FloatArray]]:
    stream, buffer, offset = iter(blocks), np.empty(0, np.float32), 0
    for window in plan:
        while offset + len(buffer) < window.stop:
            buffer = np.concatenate([buffer, next(stream)])
        buffer, offset = buffer[window.start - offset :], window.start
        yield window, buffer[: window.stop - window.start]
