"""One clip on its way into the engine: read, measured, cut into windows.

This is what runs ahead of the model, in threads: nothing here depends on a back end's results.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence

import numpy as np

from emo2vec_plugins.audio import MODEL_RATE, bounds, mono, resampled_length
from emo2vec_plugins.core import Clip, FloatArray, note_read
from emo2vec_plugins.engine.batch import Chunk
from emo2vec_plugins.engine.windows import RECEPTIVE, Window, windows
from emo2vec_plugins.errors import AudioError

SHORT_SECONDS = 1.0
"""Turns shorter than this are flagged: the corpora behind the models hold whole utterances."""

SILENCE = 2.0**-15
"""A turn whose loudest sample is at most one step of 16-bit audio is flagged silent."""

CLIPPED_SECONDS = 0.02
"""A turn that reaches further than this outside its recording is flagged clipped."""

EPSILON = 1e-5
"""Added to the variance, as the reference's layer norm over a clip's samples does."""


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
