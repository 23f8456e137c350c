"""Audio files, cut exactly to the sample.

An Opus decoder that starts in the middle gives other samples than one that came from the start,
for seconds on end; an MP3 without a table of contents has only an estimate of its length in the
header. Both are decoded from the start, forward, and once as long as they are read in order.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile

from emo2vec_plugins.core import FloatArray
from emo2vec_plugins.errors import AudioError

BLOCK_SECONDS = 5
"""Seconds that are decoded at a time."""

FORWARD = ("MPEG", "OPUS")
"""Subtypes, by how their names begin, that are decoded from the start."""

KEPT_SECONDS = 60
"""Seconds that a read may reach back before the file is decoded from its start again."""


class _Header(NamedTuple):
    rate: int
    length: int
    channels: tuple[int, ...]
    is_forward: bool


class FileAudio:
    """A file that libsndfile reads: wav, flac, ogg, opus, mp3, sph and more.

    The file is opened for each read and closed again, so an object costs nothing to keep, may
    be shared by threads, and pickles. Opus and MP3, which cannot be cut exactly so, are decoded
    forward instead, in the order in which they are read: their `serial_group` keeps that order.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    @property
    def serial_group(self) -> Hashable | None:
        """The file, unless its header has been read and says that it can be read in any order."""
        # From vars(), not the property: asking for the group must not open the file.
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
        """Samples per channel."""
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
                f"{self.path}: the file ends at sample {start + len(samples)}, "
                f"its header promises {self.length}; it is truncated"
            )
        return np.ascontiguousarray(samples.T[list(channels)])

    def _samples(self, start: int, stop: int) -> FloatArray:
        if self._header.is_forward:
            # setdefault is atomic: two threads that come first use the same reader.
            forward = vars(self).setdefault("_forward", ForwardReader(self._open))
            samples: FloatArray = forward.read(start, stop)
            return samples
        with self._open() as file:
            file.seek(start)
            part: FloatArray = file.read(stop - start, dtype="float32", always_2d=True)
            return part

    def _open(self) -> Any:
        try:
            if self.path.is_dir():
                raise AudioError(f"{self.path}: is a folder, expected an audio file")
            if not self.path.is_file():
                raise AudioError(f"{self.path}: no such audio file")
            if not self.path.stat().st_size:
                raise AudioError(f"{self.path}: the file is empty")
            # As bytes: soundfile encodes names strictly, and a name on a disk may not be UTF-8.
            return soundfile.SoundFile(os.fsencode(self.path) if os.name == "posix" else self.path)
        except (soundfile.LibsndfileError, RuntimeError, OSError) as error:
            raise AudioError(
                f"{self.path}: not readable as audio: {without_file(error)}"
            ) from error

    @contextmanager
    def _decoding(self) -> Iterator[None]:
        try:
            yield
        except (soundfile.LibsndfileError, RuntimeError) as error:
            problem = without_file(error)
            raise AudioError(f"{self.path}: cannot decode the audio: {problem}") from error


class ForwardReader:
    """Reads any samples of a file by decoding forward, keeping the latest for the next read.

    Args:
        open_file: Opens the file at its start, as a ``soundfile.SoundFile``.
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
            # A forked process shares its parent's place in an open file: it opens its own.
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
        count = BLOCK_SECONDS * self._file.samplerate
        block = self._file.read(count, dtype="float32", always_2d=True)
        self._blocks.append(block)
        self._end += len(block)
        return len(block) > 0

    def _forget(self, *, before: int) -> None:
        keep = min(before, self._end - KEPT_SECONDS * self._file.samplerate)
        while self._first + len(self._blocks[0]) <= keep:
            self._first += len(self._blocks.popleft())


def without_file(error: Exception) -> str:
    """Return an error's message without the file's name, for messages that have it already."""
    if isinstance(error, soundfile.LibsndfileError):
        return str(error.error_string)
    return str(getattr(error, "strerror", None) or error)


def count_samples(file: Any) -> int:
    """Return how many samples per channel an open file has, by decoding all of it."""
    total = 0
    while block := len(file.read(BLOCK_SECONDS * file.samplerate, dtype="float32")):
        total += block
    return total
