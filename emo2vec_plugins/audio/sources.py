"""Where audio comes from: files, arrays, streams, and what stands for audio that is missing.

Everything here is `emo2vec_plugins.core.Audio`: it has a rate, a length and channels, and is cut
without reading all of it. `emo2vec_plugins.audio.turns` makes samples for a model of it.
"""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping
from functools import cached_property
from numbers import Real
from typing import Any, BinaryIO

import numpy as np
import soundfile

from emo2vec_plugins.audio.files import FileAudio, without_file
from emo2vec_plugins.core import Audio, FloatArray, note_read, serial_group_of
from emo2vec_plugins.errors import AudioError

MODEL_RATE = 16_000
"""Samples per second that every emotion2vec model reads."""

MOST_CHANNELS = 64
"""An array with more rows than this is taken for (samples, channels), and refused."""


class ArrayAudio:
    """Samples in memory: a numpy array or a torch tensor, (samples,) or (channels, samples).

    Integers are scaled by their type's range, so int16 and float32 of the same audio agree.

    Args:
        samples: Floats in [-1, 1], or signed integers.
        rate: Samples per second, a whole number.

    Raises:
        AudioError: If shape, type or rate is not one of these.
    """

    serial_group = None

    def __init__(self, samples: Any, rate: Any) -> None:
        if not _is_rate(rate):
            shape = getattr(rate, "shape", ())
            found = f"{type(rate).__name__} of shape {tuple(shape)}" if shape else f"{rate!r:.100}"
            raise AudioError(
                f"an array needs its sample rate, a positive int, got {found}; "
                "the rate comes second, as in (samples, 16000)"
            )
        self._samples = _as_channels(samples)
        self.rate = int(rate)
        self.length: int = self._samples.shape[1]
        self.channels = tuple(range(len(self._samples)))

    def read(self, start: int, stop: int, channels: tuple[int, ...]) -> FloatArray:
        """Return samples ``start:stop`` as float32 of shape (channels, samples)."""
        part = self._samples[list(channels), start:stop]
        if part.dtype.kind == "i":
            # By 2 ** (bits - 1), as libsndfile does: the largest value stays below 1.
            part = part / -float(np.iinfo(part.dtype).min)
        scaled: FloatArray = part.astype(np.float32)
        return scaled


class LazyAudio(ABC):
    """Audio that another object holds, `whole`, which is made when it is first asked for."""

    @property
    @abstractmethod
    def whole(self) -> Audio:
        """The audio; a subclass caches it."""

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


class StreamAudio(LazyAudio):
    """A whole audio file behind a binary file object, decoded when it is first asked for."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    @property
    def serial_group(self) -> Hashable | None:
        """The stream, until it is decoded: another reader would move its position."""
        return None if "whole" in vars(self) else id(self._stream)

    @cached_property
    def whole(self) -> ArrayAudio:
        """All samples."""
        try:
            self._stream.seek(0)
            samples, rate = soundfile.read(self._stream, dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, RuntimeError) as error:
            problem = without_file(error)
            raise AudioError(f"the stream is not readable as audio: {problem}") from error
        return ArrayAudio(samples.T, rate)


class ChannelAudio(LazyAudio):
    """One channel of other audio; turns cannot choose another."""

    def __init__(self, whole: Audio, channel: int) -> None:
        self._whole = whole
        self._channel = channel

    @property
    def whole(self) -> Audio:
        """The audio with all its channels."""
        return self._whole

    @property
    def channels(self) -> tuple[int, ...]:
        """The channel.

        Raises:
            AudioError: If there is no such channel.
        """
        if self._channel not in self._whole.channels:
            raise AudioError(
                f"channel {self._channel} was asked for, the audio has {list(self._whole.channels)}"
            )
        return (self._channel,)

    @property
    def serial_group(self) -> Hashable | None:
        """That of the whole."""
        return serial_group_of(self._whole)

    def clip_read(self) -> None:
        """Pass the note on to the whole."""
        note_read(self._whole)


class MissingAudio:
    """Stands where there is no audio, so that its turns fail one by one with a reason."""

    serial_group = None

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def _fail(self) -> Any:
        raise AudioError(self.reason)

    rate = length = channels = property(_fail)

    def read(self, start: int, stop: int, channels: tuple[int, ...]) -> FloatArray:  # noqa: ARG002
        """Raise `AudioError` with the reason."""
        raise AudioError(self.reason)


def open_audio(source: Any) -> Audio:
    """Return the audio that *source* stands for; files are not opened yet.

    Args:
        source: A path; ``(samples, rate)``; an open binary file; an object that is `Audio`
            already; or pyannote's mapping, ``{"waveform": samples, "sample_rate": rate}`` or
            ``{"audio": path}``, in which ``channel`` may name the only channel to use.

    Raises:
        AudioError: If it is none of these, or an array without its sample rate.
    """
    match source:
        case str() | os.PathLike():
            return FileAudio(source)
        case Mapping():
            return _from_mapping(source)
        case (samples, rate) if isinstance(source, tuple):
            return ArrayAudio(samples, rate)
    # Binary files and `Audio` both have read; only files can seek.
    if hasattr(source, "read"):
        audio: Audio = StreamAudio(source) if hasattr(source, "seek") else source
        return audio
    raise _not_audio(source)


def _from_mapping(source: Mapping[str, Any]) -> Audio:
    if "waveform" in source:
        audio: Audio = ArrayAudio(source["waveform"], source.get("sample_rate"))
    elif "audio" in source:
        audio = open_audio(source["audio"])
    else:
        raise _not_audio(source)
    channel = source.get("channel")
    return audio if channel is None else ChannelAudio(audio, int(channel))


def _not_audio(source: object) -> AudioError:
    bare = hasattr(source, "shape") or isinstance(source, list)
    hint = "; samples go with their rate: (samples, 16000)" if bare else ""
    return AudioError(
        "audio is a path, (samples, sample rate), a binary file, or a mapping with 'audio' or "
        f"'waveform' and 'sample_rate'; got {type(source).__name__}{hint}"
    )


def _is_rate(value: Any) -> bool:
    # Tables and MATLAB files give whole numbers as floats.
    known = isinstance(value, Real) and not isinstance(value, bool)
    return known and 0 < value < math.inf and value == int(value)


def _as_channels(samples: Any) -> Any:
    if hasattr(samples, "detach"):
        samples = samples.detach().cpu().numpy()
    array = np.atleast_2d(np.asarray(samples))
    if array.ndim != 2 or not 0 < len(array) <= MOST_CHANNELS:
        raise AudioError(
            "samples are (samples,) or (channels, samples), "
            f"got shape {tuple(np.shape(samples))}; transpose (samples, channels)"
        )
    if array.dtype.kind not in "if":
        raise AudioError(f"samples are floats or signed integers, got {array.dtype}")
    return array
