"""Conversion of a turn to samples for a model.

The steps are the same for every source: cut at the native rate, average the channels, resample.
Resampling before cutting gives different samples and noticeably different scores.
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
"""The resampler of `mono`, the same as in the reference, with its defaults."""

BLOCK_SECONDS = 60
"""Maximum seconds that `mono` reads and resamples at a time."""


def bounds(turn: Turn, audio: Audio) -> tuple[int, int]:
    """Return the start and stop of a turn in native samples, limited to the audio.

    Start and stop are equal for a turn outside the audio.
    """
    # Limited before rounding: seconds times the rate may be infinite.
    start = round(min(max(turn.start * audio.rate, 0), audio.length))
    return start, round(min(max(turn.end * audio.rate, start), audio.length))


def resampled_length(samples: int, rate: int) -> int:
    """Return the number of samples after resampling from *rate* to `MODEL_RATE`, rounded up."""
    return -(-samples * MODEL_RATE // rate)


def mono(turn: Turn, audio: Audio) -> Iterator[FloatArray]:
    """Yield the turn's samples in order, as 1-D float32 blocks at `MODEL_RATE`.

    A turn of up to `BLOCK_SECONDS` is one block. The concatenated blocks of a longer turn equal
    the turn resampled as a whole, because each block is resampled with the context that the filter
    needs.

    Raises:
        AudioError: If the audio cannot be read, lacks the channel, or has NaN or infinite samples.
    """
    start, stop = bounds(turn, audio)
    # Blocks start at multiples of a unit: the smallest number of native samples that resamples to a
    # whole number of samples. Elsewhere the filter would be between two phases.
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
            f"the turn is on channel {list(wanted)}, the audio has channels {list(audio.channels)}"
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


def _context(rate: int, unit: int) -> int:
    # The filter reads 6 zero crossings on each side, at most ceil(6 / 0.99) periods of the lower
    # rate, here rounded up to whole units so that blocks stay in phase.
    if rate == MODEL_RATE:
        return 0
    reach = math.ceil(7 * max(1.0, rate / MODEL_RATE)) + 1
    return math.ceil(reach / unit) * unit


def _resample(samples: FloatArray, rate: int) -> FloatArray:
    if rate == MODEL_RATE:
        return samples
    import torch  # imported here, because audio at the model's rate does not need it

    with torch.inference_mode():
        result = _resampler(rate)(torch.from_numpy(np.ascontiguousarray(samples)))
    resampled: FloatArray = result.numpy()
    return resampled


@lru_cache(maxsize=8)
def _resampler(rate: int) -> torch.nn.Module:
    import torchaudio

    resampler: torch.nn.Module = torchaudio.transforms.Resample(rate, MODEL_RATE)
    return resampler
