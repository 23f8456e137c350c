"""Real codecs, as of telephones and messages: a turn is encoded and decoded in memory.

libsndfile has the codecs. It removes their delay, so that a turn stays in its place in time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from io import BytesIO
from typing import Any

import numpy as np
import soundfile

from emo2vec_plugins.audio import MODEL_RATE, resample
from emo2vec_plugins.core import FloatArray
from emo2vec_plugins.training.augment.levels import factor
from emo2vec_plugins.training.recipe_fields import Range

TELEPHONE_RATE = 8000

PEAKS = (-20.0, -1.0)
"""Peak of a turn when it is encoded, in dB below full scale.

It is random, because the noise of a codec would show how loud the turn was recorded.
"""

OPUS, MP3 = (6.0, 16.0), (9.0, 32.0)
"""Ranges of bit rates, in kbit/s. The last step of libsndfile's scale, 8 kbit/s, fails for MP3."""


def encode(waveform: FloatArray, rng: np.random.Generator, *, codecs: Sequence[str]) -> FloatArray:
    """Return a waveform as after a random codec, at the same level and of the same length.

    Args:
        waveform: Shape (samples,).
        rng: Chooses the codec, the level and the bit rate.
        codecs: Some of `CODECS`.
    """
    peak = float(np.abs(waveform).max())
    if not peak:
        return waveform
    gain = factor(rng.uniform(*PEAKS)) / peak
    through = CODERS[codecs[int(rng.integers(len(codecs)))]]
    return through(waveform * np.float32(gain), rng)[: len(waveform)] / np.float32(gain)


def _telephone(subtype: str) -> Callable[[FloatArray, np.random.Generator], FloatArray]:
    def through(waveform: FloatArray, _: np.random.Generator) -> FloatArray:
        narrow = resample(waveform, MODEL_RATE, TELEPHONE_RATE)
        decoded = _decoded(narrow, TELEPHONE_RATE, format="WAV", subtype=subtype)
        return resample(decoded, TELEPHONE_RATE, MODEL_RATE)

    return through


def _opus(waveform: FloatArray, rng: np.random.Generator, *, rate: Range = OPUS) -> FloatArray:
    # libsndfile spreads 6 to 256 kbit/s evenly over its scale, from the end.
    compression = 1 - (rng.uniform(*rate) - 6) / 250
    settings = {"format": "OGG", "subtype": "OPUS", "compression_level": compression}
    return _decoded(waveform, MODEL_RATE, **settings)


def _mp3(waveform: FloatArray, rng: np.random.Generator, *, rate: Range = MP3) -> FloatArray:
    # At this rate, 8 to 160 kbit/s. A constant bit rate would leave no place for the delay.
    compression = 1 - (rng.uniform(*rate) - 8) / 152
    settings = {"format": "MP3", "subtype": "MPEG_LAYER_III", "bitrate_mode": "AVERAGE"}
    return _decoded(waveform, MODEL_RATE, compression_level=compression, **settings)


CODERS: dict[str, Callable[[FloatArray, np.random.Generator], FloatArray]] = {
    "gsm": _telephone("GSM610"),
    "mu-law": _telephone("ULAW"),
    "a-law": _telephone("ALAW"),
    "opus": _opus,
    "opus-8": partial(_opus, rate=(8, 8)),
    "mp3": _mp3,
    "mp3-16": partial(_mp3, rate=(16, 16)),
}


def _decoded(waveform: FloatArray, rate: int, **settings: Any) -> FloatArray:
    """Return a waveform after encoding and decoding, of at least the same length."""
    stream = BytesIO()
    with soundfile.SoundFile(stream, "w", samplerate=rate, channels=1, **settings) as file:
        file.write(waveform)
    stream.seek(0)
    decoded, _ = soundfile.read(stream, dtype="float32")
    return np.pad(decoded, (0, max(0, len(waveform) - len(decoded))))
