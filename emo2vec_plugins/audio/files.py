"""Sample-exact reading of audio files, from disk or from a stream.

An Opus decoder that starts in the middle of a file returns different samples for several seconds.
The header of an MP3 without a table of contents has only an estimate of its length. Both formats
are therefore decoded forward from the start, only once if they are read in order.

Headers may be wrong: no memory is allocated for samples that a header only claims.
"""

from __future__ import annotations

import math
import os
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import soundfile

from emo2vec_plugins.core import FloatArray
from emo2vec_plugins.errors import AudioError
from emo2vec_plugins.files import reading

BLOCK_VALUES = 2**18
"""Values to decode at a time: samples times channels."""

FORWARD = ("MPEG", "OPUS", "VORBIS")
"""Prefixes of libsndfile's subtypes that are decoded from the start.

Vorbis is sample-exact, but libsndfile crashes when it seeks in some damaged files.
"""

KEPT_SECONDS = 60
"""Seconds that a read may go back without decoding the file from the start again."""


class _Header(NamedTuple):
    rate: int
    length: int
    channels: tuple[int, ...]
    is_forward: bool


class DecodedAudio(ABC):
    """Audio that libsndfile decodes: wav, flac, ogg, opus, mp3, sph and more.

    The file is opened and closed for each read, so an object needs no resources, and can be shared
    by threads. The formats of `FORWARD` are decoded forward instead, in the order of reads, which
    `serial_group` ensures.
    """

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key not in _DERIVED}

    @abstractmethod
    def __str__(self) -> str:
        """Return the name in messages."""

    @abstractmethod
    def _opened(self) -> Any:
        """Return a new ``soundfile.SoundFile``.

        Raises:
            AudioError: If it cannot be one.
        """

    @property
    def serial_group(self) -> Hashable | None:
        """This object; None after reading a header whose format can be read in any order."""
        # From vars() instead of the property, which would open the file.
        header = vars(self).get("_header")
        return self if header is None or header.is_forward else None

    @cached_property
    def _header(self) -> _Header:
        with self._open() as file, self._decoding():
            return _Header(
                rate=file.samplerate,
                length=count_samples(file) if file.subtype.startswith("MPEG") else file.frames,
                channels=tuple(range(file.channels)),
                is_forward=file.subtype.startswith(FORWARD),
            )

    @property
    def rate(self) -> int:
        """Samples per second."""
        return self._header.rate

    @property
    def length(self) -> int:
        """Samples per channel, as the header says; the file may have fewer."""
        return self._header.length

    @property
    def channels(self) -> tuple[int, ...]:
        """Channel numbers, from 0."""
        return self._header.channels

    def read(self, start: int, stop: int, channels: tuple[int, ...]) -> FloatArray:
        """Return samples ``start:stop`` as float32 of shape (channels, samples).

        Raises:
            AudioError: If the file cannot be decoded or is shorter than its header says.
        """
        with self._decoding():
            samples = self._samples(start, stop)
        if len(samples) < stop - start:
            raise AudioError(
                f"{self}: truncated: expected {self.length} samples from the header, sample "
                f"{start + len(samples)} does not exist"
            )
        return np.ascontiguousarray(samples.T[list(channels)])

    def _samples(self, start: int, stop: int) -> FloatArray:
        if self._header.is_forward:
            # setdefault is atomic, so that two threads use the same reader.
            forward = vars(self).setdefault("_forward", ForwardReader(self._open))
            samples: FloatArray = forward.read(start, stop)
            return samples
        with self._open() as file:
            file.seek(start)
            return np.concatenate(list(blocks(file, stop - start)))

    def _open(self) -> Any:
        try:
            return self._opened()
        except (soundfile.LibsndfileError, RuntimeError, OSError) as error:
            raise AudioError(f"{self}: not readable as audio: {without_file(error)}") from error

    @contextmanager
    def _decoding(self) -> Iterator[None]:
        try:
            yield
        except (soundfile.LibsndfileError, RuntimeError) as error:
            problem = without_file(error)
            raise AudioError(f"{self}: cannot decode the audio: {problem}") from error


_DERIVED = ("_header", "_forward")
"""Attributes of a `DecodedAudio` that are computed again in another process."""


class FileAudio(DecodedAudio):
    """An audio file that libsndfile reads."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        reading(self.path)

    def __str__(self) -> str:
        """Return the path."""
        return str(self.path)

    def _opened(self) -> Any:
        if self.path.is_dir():
            raise AudioError(f"{self}: expected an audio file, got a folder")
        if not self.path.is_file():
            raise AudioError(f"{self}: no such audio file")
        if not self.path.stat().st_size:
            raise AudioError(f"{self}: the file is empty")
        # As bytes, because soundfile encodes names strictly and a file name may not be UTF-8.
        return soundfile.SoundFile(os.fsencode(self.path) if os.name == "posix" else self.path)


class StreamAudio(DecodedAudio):
    """An audio file in a binary stream, whose bytes are read on first use and kept."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def __str__(self) -> str:
        """Return "the stream"."""
        return "the stream"

    @property
    def serial_group(self) -> Hashable | None:
        """The stream until its header has been read; then as for a file."""
        return None if super().serial_group is None else id(self._stream)

    @cached_property
    def _data(self) -> bytes:
        self._stream.seek(0)
        return self._stream.read()

    def _opened(self) -> Any:
        return soundfile.SoundFile(BytesIO(self._data))


class ForwardReader:
    """Reads samples of a file by decoding forward, and keeps the latest for the next read.

    Args:
        open_file: Returns the file opened at its start, a ``soundfile.SoundFile``.
    """

    def __init__(self, open_file: Callable[[], Any]) -> None:
        self._open_file = open_file
        self._lock = threading.Lock()
        self._file: Any = None
        self._blocks: deque[FloatArray] = deque()
        self._first = self._end = 0
        self._process = 0

    def read(self, start: int, stop: int) -> FloatArray:
        """Return samples ``start:stop``, float32, shape (samples, channels); fewer at the end."""
        with self._lock:
            # A forked process shares the file position of its parent, so it opens its own file.
            if self._file is None or start < self._first or self._process != os.getpid():
                self._rewind()
            while self._end < stop and self._decode():
                self._forget(before=start)
            samples = np.concatenate(self._blocks)
            return samples[start - self._first : stop - self._first]

    def _rewind(self) -> None:
        self._file = self._open_file()
        self._process = os.getpid()
        self._blocks = deque([np.empty((0, self._file.channels), np.float32)])
        self._first = self._end = 0

    def _decode(self) -> bool:
        block = next(blocks(self._file))
        self._blocks.append(block)
        self._end += len(block)
        return len(block) > 0

    def _forget(self, *, before: int) -> None:
        keep = min(before, self._end - KEPT_SECONDS * self._file.samplerate)
        while self._first + len(self._blocks[0]) <= keep:
            self._first += len(self._blocks.popleft())


def without_file(error: Exception) -> str:
    """Return the message of an error without the file name, for messages that have it already."""
    if isinstance(error, soundfile.LibsndfileError):
        return str(error.error_string)
    return str(getattr(error, "strerror", None) or error)


def count_samples(file: Any) -> int:
    """Return the number of samples per channel of an open file, by decoding all of it."""
    return sum(map(len, blocks(file)))


def blocks(file: Any, count: float = math.inf) -> Iterator[FloatArray]:
    """Yield the next *count* samples of an open file in blocks, fewer if the file ends before.

    Yields:
        Float32, shape (samples, channels), of up to `BLOCK_VALUES` values; at least one block,
        which may be empty.
    """
    most = max(1, BLOCK_VALUES // file.channels)
    while True:
        block = file.read(min(count, most), dtype="float32", always_2d=True)
        yield block
        count -= len(block)
        if not len(block) or not count:
            return
