"""A clip, read as windows: one if it is short, overlapping ones if it is long.

A clip of ``n`` samples at 16 kHz has ``(n - 400) // 320 + 1`` frames; frame ``t`` reads samples
``320 t`` to ``320 t + 400``. A `ClipReader` runs ahead of the model, in threads, and depends on no
results.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from emo2vec_plugins.audio import MODEL_RATE, bounds, mono, resampled_length
from emo2vec_plugins.core import Clip, FloatArray, note_read
from emo2vec_plugins.errors import AudioError, OptionsError

HOP = 320
"""Samples from one frame to the next, the product of the convolutions' strides."""

RECEPTIVE = 400
"""Samples that one frame reads; a shorter clip has no frame."""

SHORT_SECONDS = 1.0
"""Turns shorter than this are flagged: the corpora behind the models hold whole utterances."""

SILENCE = 2.0**-15
"""A turn whose loudest sample is at most one step of 16-bit audio is flagged silent."""

CLIPPED_SECONDS = 0.02
"""A turn that reaches further than this outside its recording is flagged clipped."""

EPSILON = 1e-5
"""Added to the variance, as the reference's layer norm over a clip's samples does."""


def frame_count(samples: int) -> int:
    """Return how many frames a clip has; 0 under 400 samples.

    >>> [frame_count(n) for n in (399, 400, 719, 720, 16_000)]
    [0, 1, 1, 2, 49]
    """
    return max(0, (samples - RECEPTIVE) // HOP + 1)


@dataclass(frozen=True, slots=True)
class Window:
    """One window of a clip, and which of its frames stand for the clip.

    Attributes:
        start: First sample, a multiple of `HOP`.
        stop: The sample after the last.
        keep: The frames kept, counted from the window's own first frame.
    """

    start: int
    stop: int
    keep: slice

    @property
    def frames(self) -> slice:
        """The frames kept, counted from the clip's first frame."""
        first = self.start // HOP
        return slice(first + self.keep.start, first + self.keep.stop)


def windows(samples: int, *, window: int, overlap: int) -> list[Window]:
    """Cover a clip of *samples* so that each of its frames is kept from exactly one window.

    A clip of up to *window* samples is one window. Otherwise every window is full, neighbours
    share *overlap* samples (the last two share more), and each side gives up half of what is
    shared: a frame near the edge of a window lacks context there and comes from the other.

    Raises:
        OptionsError: Unless the window has a frame and the overlap is shorter than it.
    """
    size, shared = frame_count(window), overlap // HOP
    if not 0 <= shared < size:
        raise OptionsError(
            f"windows of {window} samples cannot overlap by {overlap}: a window needs at least "
            f"{RECEPTIVE} samples, and the overlap must be shorter"
        )
    total = frame_count(samples)
    if samples <= window:
        return [Window(0, samples, slice(0, total))] if total else []
    starts = [*range(0, total - size, size - shared), total - size]
    edges = [0, *((a + size + b) // 2 for a, b in pairwise(starts)), total]
    return [
        Window(
            start * HOP,
            samples if start == starts[-1] else start * HOP + window,
            slice(edges[i] - start, edges[i + 1] - start),
        )
        for i, start in enumerate(starts)
    ]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chunk:
    """The samples of one window: a short clip, or a stretch of a long one.

    Attributes:
        samples: 1-D float32 at 16 kHz, 400 at least, as they were read.
        mean: What to subtract from each of them.
        scale: What to multiply the rest by.
        pool: Which frames are wanted as a sum, shape (frames,); None for each by itself.
    """

    samples: FloatArray
    mean: float = 0.0
    scale: float = 1.0
    pool: npt.NDArray[np.bool_] | None = None

    def normalised(self) -> FloatArray:
        """Return the samples as a network takes them."""
        normal: FloatArray = ((self.samples - self.mean) * self.scale).astype(np.float32)
        return normal


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
