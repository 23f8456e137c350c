"""Audio sources: files, arrays, streams, and a placeholder for missing audio.

All of them implement `emo2vec_plugins.core.Audio`: they have a rate, a length and channels, and can
be read in parts. `emo2vec_plugins.audio.turns` converts them to samples for a model.
"""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping
from numbers import Real
from typing import Any

import numpy as np

from emo2vec_plugins.audio.files import FileAudio, StreamAudio
from emo2vec_plugins.core import (
    Audio,
    FloatArray,
    Permissions,
    kind_of_location,
    note_read,
    serial_group_of,
)
from emo2vec_plugins.errors import AudioError, NotAllowedError

MODEL_RATE = 16_000
"""Sampling rate of every emotion2vec model."""

MOST_CHANNELS = 64
"""Maximum rows of an array; more are rejected, because the shape is likely (samples, channels)."""

_SHOWN = 200


class ArrayAudio:
    """Samples in memory: a NumPy array or torch tensor, (samples,) or (channels, samples).

    Integers are scaled by the range of their type, so int16 and float32 of the same audio agree.

    Args:
        samples: Floats in [-1, 1], or signed integers.
        rate: Samples per second, a positive integer.

    Raises:
        AudioError: If the shape, type or rate is invalid.
    """

    serial_group = None

    def __init__(self, samples: Any, rate: Any) -> None:
        if not _is_rate(rate):
            shape = getattr(rate, "shape", ())
            found = f"{type(rate).__name__} of shape {tuple(shape)}" if shape else f"{rate!r:.100}"
            raise AudioError(
                f"expected a positive integer sampling rate, got {found}; pass (samples, rate), "
                "such as (samples, 16000)"
            )
        self._samples = _as_channels(samples)
        self.rate = int(rate)
        self.length: int = self._samples.shape[1]
        self.channels = tuple(range(len(self._samples)))

    def read(self, start: int, stop: int, channels: tuple[int, ...]) -> FloatArray:
        """Return samples ``start:stop`` as float32 of shape (channels, samples)."""
        part = self._samples[list(channels), start:stop]
        if part.dtype.kind == "i":
            # Divided by 2 ** (bits - 1) as in libsndfile: the largest value stays below 1.
            part = part / -float(np.iinfo(part.dtype).min)
        scaled: FloatArray = part.astype(np.float32)
        return scaled


class LazyAudio(ABC):
    """Audio that delegates to another object, `whole`, which is created on first use."""

    @property
    @abstractmethod
    def whole(self) -> Audio:
        """The audio; subclasses must cache it."""

    @property
    def rate(self) -> int:
        """Samples per second."""
        return self.whole.rate

    @property
    def length(self) -> int:
        """Samples per channel."""
        return self.whole.length

    @property
    def channels(self) -> tuple[int, ...]:
        """Channel numbers, from 0."""
        return self.whole.channels

    def read(self, start: int, stop: int, channels: tuple[int, ...]) -> FloatArray:
        """Return samples ``start:stop`` as float32 of shape (channels, samples)."""
        return self.whole.read(start, stop, channels)


class ChannelAudio(LazyAudio):
    """A single channel of other audio; turns cannot use the other channels."""

    def __init__(self, whole: Audio, channel: int) -> None:
        self._whole = whole
        self._channel = channel

    @property
    def whole(self) -> Audio:
        """The audio with all its channels."""
        return self._whole

    @property
    def channels(self) -> tuple[int, ...]:
        """The channel, as a tuple.

        Raises:
            AudioError: If the channel does not exist.
        """
        if self._channel not in self._whole.channels:
            raise AudioError(
                f"channel {self._channel} does not exist, the audio has channels "
                f"{list(self._whole.channels)}"
            )
        return (self._channel,)

    @property
    def serial_group(self) -> Hashable | None:
        """The serial group of the whole audio."""
        return serial_group_of(self._whole)

    def clip_read(self) -> None:
        """Forward the call to the whole audio."""
        note_read(self._whole)


class MissingAudio:
    """A placeholder for missing audio: each of its turns fails with a reason."""

    serial_group = None

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def _fail(self) -> Any:
        raise AudioError(self.reason)

    rate = length = channels = property(_fail)

    def read(self, start: int, stop: int, channels: tuple[int, ...]) -> FloatArray:  # noqa: ARG002
        """Raise `AudioError` with the reason."""
        raise AudioError(self.reason)


def open_audio(source: Any, *, permissions: Permissions | None = None) -> Audio:
    """Return the audio of *source*; files are not opened yet.

    Commands and URLs are never opened here.

    Args:
        source: One of these: a path; ``(samples, rate)``; an open binary file; an `Audio` object;
            or a mapping as in pyannote, ``{"waveform": samples, "sample_rate": rate}`` or
            ``{"audio": path}``, optionally with ``channel``, the only channel to use.
        permissions: Which files may be read; None for every regular file.

    Raises:
        AudioError: If *source* is something else, or an array without its sampling rate.
    """
    match source:
        case str() | os.PathLike():
            return _open_file(source, permissions or Permissions())
        case Mapping():
            return _from_mapping(source, permissions)
        case (samples, rate) if isinstance(source, tuple):
            return ArrayAudio(samples, rate)
    # Binary files and `Audio` both have read(); only files have seek().
    if hasattr(source, "read"):
        audio: Audio = StreamAudio(source) if hasattr(source, "seek") else source
        return audio
    raise _not_audio(source)


def _open_file(source: str | os.PathLike[str], permissions: Permissions) -> Audio:
    try:
        permissions.check_file(source)
    except NotAllowedError as error:
        return MissingAudio(str(error))
    kind = kind_of_location(source) if isinstance(source, str) else None
    if kind and not os.path.lexists(source):
        return MissingAudio(
            f"{os.fspath(source)[:_SHOWN]}: {kind} are not supported here; save the audio as a file"
        )
    return FileAudio(source)


def _from_mapping(source: Mapping[str, Any], permissions: Permissions | None) -> Audio:
    if "waveform" in source:
        audio: Audio = ArrayAudio(source["waveform"], source.get("sample_rate"))
    elif "audio" in source:
        audio = open_audio(source["audio"], permissions=permissions)
    else:
        raise _not_audio(source)
    channel = source.get("channel")
    return audio if channel is None else ChannelAudio(audio, int(channel))


def _not_audio(source: object) -> AudioError:
    bare = hasattr(source, "shape") or isinstance(source, list)
    hint = "; pass samples with their rate, such as (samples, 16000)" if bare else ""
    return AudioError(
        "expected audio as a path, (samples, rate), a binary file, or a mapping with 'audio' or "
        f"'waveform' and 'sample_rate', got {type(source).__name__}{hint}"
    )


def _is_rate(value: Any) -> bool:
    # Tables and MATLAB files store whole numbers as floats.
    known = isinstance(value, Real) and not isinstance(value, bool)
    return known and 0 < value < math.inf and value == int(value)


def _as_channels(samples: Any) -> Any:
    if hasattr(samples, "detach"):
        samples = samples.detach().cpu().numpy()
    array = np.atleast_2d(np.asarray(samples))
    if array.ndim != 2 or not 0 < len(array) <= MOST_CHANNELS:
        raise AudioError(
            "expected samples of shape (samples,) or (channels, samples), got shape "
            f"{tuple(np.shape(samples))}; transpose (samples, channels)"
        )
    if array.dtype.kind not in "if":
        raise AudioError(f"expected samples as floats or signed integers, got {array.dtype}")
    return array
