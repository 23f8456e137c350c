"""How a turn becomes samples for a model.

The same steps in the same order, whatever the source: cut at the native rate, then average the
channels, then resample. Resampling first and cutting after gives other samples, and scores that
differ noticeably.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from emo2vec_plugins.audio.sources import MODEL_RATE
from emo2vec_plugins.core import Audio, FloatArray, Turn
from emo2vec_plugins.errors import AudioError

if TYPE_CHECKING:
    import torch

RESAMPLER = "torchaudio.transforms.Resample(sinc_interp_hann, width 6, rolloff 0.99)"
"""What `mono` resamples with: the reference's own choice, with its defaults."""

BLOCK_SECONDS = 60
"""Longest stretch, in seconds, that `mono` reads and resamples at a time."""


def bounds(turn: Turn, audio: Audio) -> tuple[int, int]:
    """Return the turn's first sample and the one after its last, native and within the audio.

    A turn that ends before it or starts behind it has none: both are equal.
    """
    # Compared in floats first: seconds may be finite where samples, rate times as many, are not.
    start = round(min(max(turn.start * audio.rate, 0), audio.length))
    return start, round(min(max(turn.end * audio.rate, start), audio.length))


def resampled_length(samples: int, rate: int) -> int:
    """Return how many samples *samples* at *rate* become at `MODEL_RATE`: rounded up."""
    return -(-samples * MODEL_RATE // rate)


def mono(turn: Turn, audio: Audio) -> Iterator[FloatArray]:
    """Yield the turn's samples in order, as 1-D float32 blocks at `MODEL_RATE`.

    A turn of up to `BLOCK_SECONDS` is one block. Blocks of a longer one, laid end to end, are
    what resampling it whole gives: each is resampled with as much context as the filter reads.

    Raises:
        AudioError: If it cannot be read, lacks the channel, or has NaN or infinite samples.
    """
    start, stop = bounds(turn, audio)
    # Blocks start at multiples of a unit, the fewest native samples that are a whole number of
    # resampled ones: elsewhere the filter would be between two phases.
    chosen = _channels(turn, audio)
    unit = audio.rate // math.gcd(audio.rate, MODEL_RATE)
    block = max(1, BLOCK_SECONDS * audio.rate // unit) * unit
    context = _context(audio.rate, unit)
    for left in range(start, stop, block):
        right = min(left + block, stop)
        begin, end = max(start, left - context), min(stop, right + context)
        samples = _finite(audio.read(begin, end, chosen), begin, audio).mean(axis=0)
        first = resampled_length(left - begin, audio.rate)  # exact: whole units
        whole = _resample(samples, audio.rate)
        yield whole[first : first + resampled_length(right - left, audio.rate)]


def _channels(turn: Turn, audio: Audio) -> tuple[int, ...]:
    if turn.channel is None:
        return audio.channels
    wanted = (turn.channel,) if isinstance(turn.channel, int) else turn.channel
    missing = [channel for channel in wanted if channel not in audio.channels]
    if missing or not wanted:
        raise AudioError(
            f"the turn is on channel {list(wanted)}, the audio has {list(audio.channels)}"
        )
    return wanted


def _finite(samples: FloatArray, begin: int, audio: Audio) -> FloatArray:
    broken = ~np.isfinite(samples)
    if broken.any():
        first = begin + int(np.flatnonzero(broken.any(axis=0))[0])
        # Not read as zeros: one such sample makes every score of its clip NaN, in silence.
        raise AudioError(
            f"{broken.sum()} NaN or infinite samples, the first at {first / audio.rate:.3f} s"
        )
    return samples


def _context(rate: int, unit: int) -> int:
    # The filter reads 6 zero crossings to either side: at most ceil(6 / 0.99) periods of the
    # lower of the two rates, here rounded up to whole units so that blocks stay in phase.
    if rate == MODEL_RATE:
        return 0
    reach = math.ceil(7 * max(1.0, rate / MODEL_RATE)) + 1
    return math.ceil(reach / unit) * unit


def _resample(samples: FloatArray, rate: int) -> FloatArray:
    if rate == MODEL_RATE:
        return samples
    import torch  # only here: audio at the model's rate needs neither torch nor torchaudio

    with torch.inference_mode():
        result = _resampler(rate)(torch.from_numpy(np.ascontiguousarray(samples)))
    resampled: FloatArray = result.numpy()
    return resampled


@lru_cache(maxsize=8)
def _resampler(rate: int) -> torch.nn.Module:
    import torchaudio

    resampler: torch.nn.Module = torchaudio.transforms.Resample(rate, MODEL_RATE)
    return resampler
