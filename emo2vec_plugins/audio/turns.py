"""Conversion of a turn to samples for a model.

The steps are the same for every source: cut at the native rate, average the channels, resample.
Resampling before cutting gives different samples and noticeably different scores.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from emo2vec_plugins.audio.rates import LEAST_RATE, MOST_RATE
from emo2vec_plugins.audio.resampling import resampler
from emo2vec_plugins.audio.sources import MODEL_RATE
from emo2vec_plugins.core import Audio, FloatArray, Turn, shown
from emo2vec_plugins.errors import AudioError

BLOCK_SECONDS = 60
"""Maximum seconds that `mono` reads and resamples at a time."""

BLOCK_VALUES = 2**23
"""Maximum values to read at a time, samples times channels (32 MB), unless a tile needs more."""


def bounds(turn: Turn, audio: Audio) -> tuple[int, int]:
    """Return the start and stop of a turn in native samples, limited to the audio.

    Start and stop are equal for a turn outside the audio.

    Raises:
        AudioError: If the sampling rate is not between `LEAST_RATE` and `MOST_RATE`.
    """
    if not LEAST_RATE <= audio.rate <= MOST_RATE:
        raise AudioError(
            f"unusable sampling rate: expected {LEAST_RATE:,} to {MOST_RATE:,} Hz, "
            f"got {shown(audio.rate)}"
        )
    # Limited before rounding: seconds times the rate may be infinite.
    start = round(min(max(turn.start * audio.rate, 0), audio.length))
    return start, round(min(max(turn.end * audio.rate, start), audio.length))


def resampled_length(samples: int, rate: int) -> int:
    """Return the number of samples after resampling from *rate* to `MODEL_RATE`, rounded up."""
    return -(-samples * MODEL_RATE // rate)


def mono(turn: Turn, audio: Audio) -> Iterator[FloatArray]:
    """Yield the turn's samples in order, as 1-D float32 blocks at `MODEL_RATE`.

    A block has up to `BLOCK_SECONDS`, less if there are many channels. The concatenated blocks
    equal the turn resampled as a whole, bit for bit: each block is resampled with the context that
    the filter needs.

    Raises:
        AudioError: If the audio cannot be read, lacks the channel, or has NaN or infinite samples.
    """
    start, stop = bounds(turn, audio)
    chosen = _channels(turn, audio)
    size = min(BLOCK_SECONDS * audio.rate, BLOCK_VALUES // len(chosen))
    if audio.rate == MODEL_RATE:
        for left in range(start, stop, size):
            yield _mean(audio, left, min(left + size, stop), chosen)
        return
    filtering = resampler(audio.rate, MODEL_RATE)
    total = resampled_length(stop - start, audio.rate)
    tiles = max(1, filtering.length(size) // filtering.tile)
    for left in range(0, total, tiles * filtering.tile):
        right = min(left + tiles * filtering.tile, total)
        first, last = filtering.inputs(left, right)
        begin, end = max(start + first, start), min(start + last, stop)
        samples = _mean(audio, begin, end, chosen)
        yield filtering.part(samples, begin - start, left, right)


def _mean(audio: Audio, begin: int, end: int, channels: tuple[int, ...]) -> FloatArray:
    mean: FloatArray = _finite(audio.read(begin, end, channels), begin, audio).mean(axis=0)
    return mean


def _channels(turn: Turn, audio: Audio) -> tuple[int, ...]:
    if turn.channel is None:
        return audio.channels
    wanted = (turn.channel,) if isinstance(turn.channel, int) else turn.channel
    missing = [channel for channel in wanted if channel not in audio.channels]
    if missing or not wanted:
        raise AudioError(
            f"no such channel: the turn is on channel {list(wanted)}, the audio has channels "
            f"{list(audio.channels)}; they are counted from 0, in RTTM from 1"
        )
    return wanted


def _finite(samples: FloatArray, begin: int, audio: Audio) -> FloatArray:
    broken = ~np.isfinite(samples)
    if broken.any():
        first = begin + int(np.flatnonzero(broken.any(axis=0))[0])
        # Without this check, one such sample would make every score of its clip NaN.
        raise AudioError(
            f"{broken.sum()} NaN or infinite samples, the first at {first / audio.rate:.3f} s"
        )
    return samples
