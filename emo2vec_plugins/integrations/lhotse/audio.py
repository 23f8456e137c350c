"""The audio of Lhotse's manifests: a recording, the mixture of a mixed cut, a stretch of either.

A plain audio file is read by `FileAudio`, so that a turn has the same samples through a cut as
through a path. Everything else, transforms, several sources, commands, URLs, bytes of a Shar
archive, is read by Lhotse itself.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from emo2vec_plugins.audio import FileAudio
from emo2vec_plugins.core import Audio, FloatArray, note_read, serial_group_of
from emo2vec_plugins.errors import AudioError


class RecordingAudio:
    """The audio of a Lhotse ``Recording``; channels are those of its manifest.

    Nothing is opened before `read`: rate and length are the manifest's, which transforms have
    changed already.
    """

    def __init__(self, recording: Any) -> None:
        self._recording = recording
        self.rate = int(recording.sampling_rate)
        self.length = int(recording.num_samples)
        self.channels = tuple(recording.channel_ids)

    @property
    def serial_group(self) -> Hashable | None:
        """That of the file; what Lhotse reads may be read in any order."""
        return None if self._source is None else self._source.serial_group

    def read(self, start: int, stop: int, channels: tuple[int, ...]) -> FloatArray:
        """Return samples ``start:stop``, float32 of shape (channels, samples).

        Raises:
            AudioError: If Lhotse cannot load them; the message names the recording.
        """
        if self._file is not None:
            held = tuple(self._recording.sources[0].channels)
            rows = tuple(held.index(channel) for channel in channels)
            return self._file.read(start, stop, rows)
        return self._load(start, stop, channels)

    @cached_property
    def _source(self) -> FileAudio | None:
        """The file that is all of the recording, if it is one; not opened yet."""
        sources = self._recording.sources
        if len(sources) != 1 or sources[0].type != "file" or self._recording.transforms:
            return None
        path = Path(sources[0].source)
        if not path.is_file():
            raise AudioError(f"{path}: no such audio file (recording {self._recording.id!r})")
        state = path.stat()
        return _open_file(path, state.st_mtime_ns, state.st_size)

    @cached_property
    def _file(self) -> FileAudio | None:
        """The file to be read without Lhotse, if the manifest says no more than the file does."""
        file = self._source
        if file is None:
            return None
        try:
            fits = file.rate == self.rate and file.length >= self.length
            held = len(self._recording.sources[0].channels)
            return file if fits and held == len(file.channels) else None
        except AudioError:
            return None  # a container that libsndfile does not know; Lhotse may

    def _load(self, start: int, stop: int, channels: tuple[int, ...]) -> FloatArray:
        try:
            samples = self._recording.load_audio(
                channels=list(channels),
                offset=start / self.rate,
                duration=(stop - start) / self.rate,
            )
        except Exception as error:
            raise _unreadable(f"recording {self._recording.id!r}", error) from error
        # Lhotse gives the channels in the order of the sources, whatever was asked for.
        held = [c for source in self._recording.sources for c in source.channels if c in channels]
        if len(held) == len(samples):
            samples = samples[[held.index(c) for c in channels]]
        return _exactly(samples, stop - start, f"recording {self._recording.id!r}")


class MixtureAudio:
    """The audio of a ``MixedCut``: its tracks, mixed by Lhotse when first read.

    The mixture is kept until all its clips have been read, and mixed again if it is read after
    that. Its serial_group is its own: one thread mixes it, and the others wait their turn.

    Args:
        clips: How many will be read from it.
    """

    def __init__(self, cut: Any, *, clips: int) -> None:
        self._cut = cut
        self._clips = clips
        self._mixed: FloatArray | None = None
        self.serial_group = id(self)
        self.rate = int(cut.sampling_rate)
        self.length = int(cut.num_samples)
        self.channels = tuple(range(cut.num_channels))

    def read(self, start: int, stop: int, channels: tuple[int, ...]) -> FloatArray:
        """Return samples ``start:stop``, float32 of shape (channels, samples).

        Raises:
            AudioError: If a track cannot be loaded, or the mixture has no such channel.
        """
        if self._mixed is None:
            try:
                self._mixed = np.atleast_2d(self._cut.load_audio()).astype(np.float32, copy=False)
            except Exception as error:
                raise _unreadable(f"cut {self._cut.id!r}", error) from error
        missing = [channel for channel in channels if channel >= len(self._mixed)]
        if missing:
            held = f"the mixture of cut {self._cut.id!r} has {len(self._mixed)} channels"
            raise AudioError(f"{held}, the turn is on {missing}")
        samples = self._mixed[list(channels), start:stop]
        return _exactly(samples, stop - start, f"cut {self._cut.id!r}")

    def clip_read(self) -> None:
        """Count one clip less to be read; after the last, free the mixture."""
        self._clips -= 1
        if self._clips <= 0:
            self._mixed = None


class Stretch:
    """Part of some audio, whose time starts at the part's first sample.

    Args:
        audio: The whole.
        origin: First sample of the part.
        length: Samples in it; less if the whole ends before.
        channels: Those that belong to the part.
    """

    def __init__(
        self, audio: Audio, *, origin: int, length: int, channels: tuple[int, ...]
    ) -> None:
        self._audio = audio
        self._origin = origin
        self.rate = audio.rate
        self.length = max(0, min(length, audio.length - origin))
        self.channels = channels

    @property
    def serial_group(self) -> Hashable | None:
        """That of the whole."""
        return serial_group_of(self._audio)

    def clip_read(self) -> None:
        """Pass on that one more clip has been read: a mixture counts them."""
        note_read(self._audio)

    def read(self, start: int, stop: int, channels: tuple[int, ...]) -> FloatArray:
        """Return samples ``start:stop`` of the part, float32 of shape (channels, samples)."""
        return self._audio.read(self._origin + start, self._origin + stop, channels)


@lru_cache(maxsize=8)
def _open_file(path: Path, _changed: int, _size: int) -> FileAudio:
    # Cuts of one recording share the object, and with it how far an MP3 was decoded.
    return FileAudio(path)


def _exactly(samples: FloatArray, count: int, what: str) -> FloatArray:
    if samples.shape[-1] != count:
        found = samples.shape[-1]
        raise AudioError(f"{what}: Lhotse gave {found} samples where {count} were asked")
    return samples


def _unreadable(what: str, error: Exception) -> AudioError:
    # Lhotse appends whole manifests to its messages, which may hold the bytes of the audio.
    text = str(error).strip().splitlines()
    first = text[0][:300] if text else ""
    return AudioError(f"{what}: Lhotse cannot load it: {type(error).__name__}: {first}")
