"""Reading a clip as windows: one for a short clip, several overlapping ones for a long clip.

A clip of ``n`` samples at 16 kHz has ``(n - 400) // 320 + 1`` frames. Frame ``t`` reads samples
``320 t`` to ``320 t + 400``. A `ClipReader` runs in threads ahead of the model and does not depend
on its results.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from emo2vec_plugins.audio import MODEL_RATE, bounds, mono, resampled_length
from emo2vec_plugins.core import Clip, FloatArray, Turn, note_read
from emo2vec_plugins.errors import OUTSIDE, AudioError, OptionsError, described

HOP = 320
"""Samples from one frame to the next, the product of the convolutions' strides."""

RECEPTIVE = 400
"""Samples that one frame reads; a shorter clip has no frames."""

SHORT_SECONDS = 1.0
"""Shorter turns are flagged, because the models were trained on whole utterances."""

SILENCE = 2.0**-15
"""A turn is flagged as silent if no sample exceeds this, one step of 16-bit audio."""

CLIPPED_SECONDS = 0.02
"""A turn is flagged as clipped if it extends more than this beyond its recording."""

_MOST_DIGITS = 1e9

EPSILON = 1e-5
"""Added to the variance, as in the reference's layer norm over the samples of a clip."""


def frame_count(samples: int) -> int:
    """Return the number of frames of a clip; 0 for fewer than 400 samples.

    >>> [frame_count(n) for n in (399, 400, 719, 720, 16_000)]
    [0, 1, 1, 2, 49]
    """
    return max(0, (samples - RECEPTIVE) // HOP + 1)


@dataclass(frozen=True, slots=True)
class Window:
    """One window of a clip and the frames to keep from it.

    Attributes:
        start: First sample, a multiple of `HOP`.
        stop: The sample after the last one.
        keep: The frames to keep, relative to the window.
    """

    start: int
    stop: int
    keep: slice

    @property
    def frames(self) -> slice:
        """The frames to keep, relative to the clip."""
        first = self.start // HOP
        return slice(first + self.keep.start, first + self.keep.stop)


def windows(samples: int, *, window: int, overlap: int) -> list[Window]:
    """Cover a clip of *samples* so that each frame is kept from exactly one window.

    A clip of up to *window* samples is one window. Otherwise every window is full, neighbours
    overlap by *overlap* samples (the last two by more), and each keeps half of the overlap,
    because frames near the edge of a window lack context.

    Raises:
        OptionsError: Unless the window has at least one frame and is longer than the overlap.
    """
    size, shared = frame_count(window), overlap // HOP
    if not 0 <= shared < size:
        raise OptionsError(
            f"a window must have at least {RECEPTIVE} samples and be longer than the overlap, got "
            f"a window of {window} samples and an overlap of {overlap}"
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
    """The samples of one window: a short clip or a part of a long one.

    Attributes:
        samples: 1-D float32 at 16 kHz, at least 400 samples, not normalised.
        mean: Subtracted from the samples to normalise them.
        scale: Factor applied after subtracting the mean.
        pool: Mask of the frames to sum, shape (frames,); None to return all frames.
    """

    samples: FloatArray
    mean: float = 0.0
    scale: float = 1.0
    pool: npt.NDArray[np.bool_] | None = None

    def normalised(self) -> FloatArray:
        """Return the samples normalised for the network."""
        normal: FloatArray = ((self.samples - self.mean) * self.scale).astype(np.float32)
        return normal


class ClipReader:
    """Reads a clip once and collects facts about its audio.

    Args:
        clip: The clip.
        normalize: Whether to scale the clip to zero mean and unit variance.
        window: Samples; longer clips are split into windows.
        overlap: Overlap of neighbouring windows in samples.

    Attributes:
        reason: Why the clip could not be read, after a failure.
        flags: Flags of the audio; complete after the first window.
        duration: Seconds of audio within bounds, without excluded spans.
        excluded: Start and stop of spans excluded from pooling, in samples of the clip.
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
        """Yield the clip's windows with their samples; on failure set `reason`.

        A long clip is read once before its first window, for its mean and variance. After each of
        its blocks, None is yielded as a point to stop.
        """
        try:
            yield from self._windows()
        except AudioError as error:
            self.reason = str(error)
        except OUTSIDE:
            raise
        except BaseException as error:  # noqa: BLE001 - from a plugin's audio
            self.reason = described(error)
        finally:
            note_read(self._clip.audio)

    def _windows(self) -> Iterator[tuple[Window, Chunk] | None]:
        turn, audio = self._clip.turn, self._clip.audio
        start, stop = bounds(turn, audio)
        seconds = audio.length / audio.rate
        self._note_facts(start / audio.rate, stop / audio.rate, seconds)
        length = resampled_length(stop - start, audio.rate)
        if not frame_count(length):
            raise AudioError(_why_nothing(turn, length, seconds))
        # A clip of one window is read once, a longer one twice, to limit memory.
        once = list(mono(turn, audio)) if length <= self._window else None
        mean, scale = yield from self._moments(mono(turn, audio) if once is None else once)
        # Planned only now: before all of it was read, the length is only a claim of the header.
        plan = windows(length, window=self._window, overlap=self._overlap)
        if len(plan) > 1:
            self.flags.add("windowed")
        for window, samples in _cut(mono(turn, audio) if once is None else once, plan):
            yield window, Chunk(samples=samples, mean=mean, scale=scale)

    def _note_facts(self, start: float, stop: float, seconds: float) -> None:
        """Note what is known before the audio is read; *start* and *stop* are within bounds."""
        turn, self.duration = self._clip.turn, stop - start
        if self._clip.alone:
            spans = [
                (max(begin, start), min(end, stop)) for begin, end in self._clip.overlaps or ()
            ]
            spans = [(begin, end) for begin, end in spans if begin < end]
            self.excluded = tuple((_sample(a - start), _sample(b - start)) for a, b in spans)
            self.duration = max(0.0, self.duration - sum(b - a for a, b in spans))
        if turn.start < -CLIPPED_SECONDS or turn.end > seconds + CLIPPED_SECONDS:
            self.flags.add("clipped")
        if self.duration < SHORT_SECONDS:
            self.flags.add("short")

    def _moments(self, blocks: Iterable[FloatArray]) -> Generator[None, None, tuple[float, float]]:
        """Return the mean and the scale that normalise the clip; flag silence."""
        count, total, squares, peak = 0, 0.0, 0.0, 0.0
        for block in blocks:
            # Sums in float64, because a clip of hours is read in blocks that are not kept.
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


def _why_nothing(turn: Turn, samples: int, seconds: float) -> str:
    """Return why a turn has no frame, of audio of so many *seconds*."""
    if turn.start >= seconds > 0 and turn.end > seconds:
        start = _time(turn.start)
        return f"beyond the audio: the turn starts at {start}, the audio ends at {seconds:.3f} s"
    if turn.start < 0 >= turn.end:
        return f"before the audio: the turn ends at {_time(turn.end)}"
    rest = f"; the audio ends at {seconds:.3f} s" if turn.end > seconds else ""
    return f"too short: {samples} samples at 16 kHz, one frame needs {RECEPTIVE} (25 ms){rest}"


def _time(seconds: float) -> str:
    return f"{seconds:.3f} s" if abs(seconds) < _MOST_DIGITS else f"{seconds:g} s"


def _sample(seconds: float) -> int:
    return round(seconds * MODEL_RATE)


def _cut(
    blocks: Iterable[FloatArray], plan: Sequence[Window]
) -> Iterator[tuple[Window, FloatArray]]:
    # The buffer contains the overlap with the next window; *offset* is its first sample.
    stream, buffer, offset = iter(blocks), np.empty(0, np.float32), 0
    for window in plan:
        held, end = [buffer], offset + len(buffer)
        while end < window.stop:
            held.append(next(stream))
            end += len(held[-1])
        buffer = np.concatenate(held) if len(held) > 1 else buffer
        buffer, offset = buffer[window.start - offset :], window.start
        yield window, buffer[: window.stop - window.start]
