"""One clip on its way into the engine and out of it: read, cut into windows, merged, pooled.

A `ClipReader` runs ahead of the model, in threads, and depends on no results. A `ClipAccumulator`
stays in the caller's thread, and takes what the back end gives for the reader's windows.

The head of the network is linear, so the mean of frame logits is the logits of the mean frame:
what is pooled from frames, all of them or some, is exactly what the reference gives for them.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from emo2vec_plugins.audio import MODEL_RATE, bounds, mono, resampled_length
from emo2vec_plugins.core import (
    FLAGS,
    Backend,
    Clip,
    Emotion,
    FloatArray,
    Frames,
    LabelSet,
    note_read,
)
from emo2vec_plugins.engine.batch import Chunk, summed
from emo2vec_plugins.engine.windows import RECEPTIVE, Window, frame_count, outside, windows
from emo2vec_plugins.errors import AudioError
from emo2vec_plugins.files import Rows

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


class ClipReader:
    """Reads a clip once, and keeps what was found on the way.

    Args:
        normalize: Whether the clip is brought to zero mean and unit variance.
        window: Samples; longer clips are windowed.
        overlap: Samples that neighbouring windows share.

    Attributes:
        reason: Why the clip could not be read, once that is known.
        flags: Flags of its audio; complete once there is a window.
        duration: Seconds of audio within bounds.
        excluded: Start and stop, in samples of the clip, of what is not to be pooled.
    """

    def __init__(self, clip: Clip, *, normalize: bool, window: int, overlap: int) -> None:
        self._clip = clip
        self._normalize = normalize
        self._window = window
        self._overlap = overlap
        self.reason: str | None = None
        self.flags: set[str] = set()
        self.duration = 0.0
        self.excluded: tuple[tuple[int, int], ...] = ()

    def windows(self) -> Iterator[tuple[Window, Chunk] | None]:
        """Yield the clip's windows, and the samples of each; on failure note the reason.

        A long clip is read once before its first window, for its mean and variance; None comes
        after each block of it, where reading can be stopped.
        """
        try:
            yield from self._windows()
        except AudioError as error:
            self.reason = str(error)
        except Exception as error:  # noqa: BLE001 - a plugin's audio may raise anything
            self.reason = f"{type(error).__name__}: {error}"
        finally:
            note_read(self._clip.audio)

    def _windows(self) -> Iterator[tuple[Window, Chunk] | None]:
        turn, audio = self._clip.turn, self._clip.audio
        start, stop = bounds(turn, audio)
        self.duration = (stop - start) / audio.rate
        self._note_bounds(audio.length / audio.rate)
        length = resampled_length(stop - start, audio.rate)
        plan = windows(length, window=self._window, overlap=self._overlap)
        if not plan:
            raise AudioError(
                f"too short: {length} samples at 16 kHz, one frame needs {RECEPTIVE} (25 ms)"
            )
        if len(plan) > 1:
            self.flags.add("windowed")
        if self._clip.alone:
            self.excluded = tuple(
                (_sample(span[0] - start / audio.rate), _sample(span[1] - start / audio.rate))
                for span in self._clip.overlaps or ()
            )
        # A clip of one window is read once; a longer one twice, to stay in bounded memory.
        once = list(mono(turn, audio)) if len(plan) == 1 else None
        mean, scale = yield from self._moments(mono(turn, audio) if once is None else once)
        for window, samples in _cut(mono(turn, audio) if once is None else once, plan):
            yield window, Chunk(samples=samples, mean=mean, scale=scale)

    def _note_bounds(self, seconds: float) -> None:
        turn = self._clip.turn
        if turn.start < -CLIPPED_SECONDS or turn.end > seconds + CLIPPED_SECONDS:
            self.flags.add("clipped")
        if self.duration < SHORT_SECONDS:
            self.flags.add("short")

    def _moments(self, blocks: Iterable[FloatArray]) -> Generator[None, None, tuple[float, float]]:
        """Return what to subtract from samples and what to multiply them by; flag silence."""
        count, total, squares, peak = 0, 0.0, 0.0, 0.0
        for block in blocks:
            # In float64, and by sums: a clip of hours is read in blocks that are not kept.
            exact = block.astype(np.float64)
            count += len(block)
            total += float(exact.sum())
            squares += float(exact @ exact)
            peak = max(peak, float(np.abs(block).max(initial=0.0)))
            yield None
        if peak <= SILENCE:
            self.flags.add("silent")
        if not self._normalize:
            return 0.0, 1.0
        mean = total / count
        # Rounding can make the variance of a constant signal slightly negative.
        return mean, float((max(squares / count - mean * mean, 0.0) + EPSILON) ** -0.5)


class ClipAccumulator:
    """Merges the frames of a clip's windows into its emotion.

    Args:
        reader: Of the clip; what it finds is complete once its windows are.
        labels: The classes to keep.
        frames: Whether to keep frame embeddings and frame logits.
    """

    def __init__(
        self, clip: Clip, reader: ClipReader, backend: Backend, *, labels: LabelSet, frames: bool
    ) -> None:
        self._clip = clip
        self._reader = reader
        self._backend = backend
        self._labels = labels
        self._open, self._read = 0, False
        self._pooled = 0
        # float64 sums: a clip may have hundreds of thousands of frames.
        self._embedding = np.zeros(backend.width)
        self._logits = np.zeros(len(labels.names))
        self._frames = (Rows(), Rows()) if frames else None  # embeddings and logits

    @property
    def complete(self) -> bool:
        """Whether nothing more is to come: every window was read and added."""
        return self._read and not self._open

    def expect(self, windows: Iterable[tuple[Window, Chunk]]) -> Iterator[tuple[Window, Chunk]]:
        """Pass on the clip's windows, each of which is to be added later.

        Where no frames are kept, a back end is asked for their sum alone.
        """
        for window, chunk in windows:
            # Counted before it is scored: windows of one clip may lie in several batches.
            self._open += 1
            pool = self._pool(window)
            self._pooled += int(pool.sum())
            yield window, chunk if self._frames else replace(chunk, pool=pool)
        self._read = True

    def add(self, window: Window, frames: Frames) -> None:
        """Take what the back end gave for one window."""
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
        return unscored if reason else replace(unscored, **self._arrays(), **self._scores())

    def _pool(self, window: Window) -> npt.NDArray[np.bool_]:
        """Return which of a window's frames stand for the clip and are not excluded."""
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
        # Rounding may make the spans longer than the turn; a turn of no length has no share.
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
        likelihood = np.exp(logits - logits.max())  # no overflow: the largest exponent is 0
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
    # The buffer holds what the next window shares with this one; *offset* is its first sample.
    stream, buffer, offset = iter(blocks), np.empty(0, np.float32), 0
    for window in plan:
        held, end = [buffer], offset + len(buffer)
        while end < window.stop:
            held.append(next(stream))
            end += len(held[-1])
        buffer = np.concatenate(held) if len(held) > 1 else buffer
        buffer, offset = buffer[window.start - offset :], window.start
        yield window, buffer[: window.stop - window.start]
