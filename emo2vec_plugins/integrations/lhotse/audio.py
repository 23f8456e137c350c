"""Audio of Lhotse manifests: a recording, the mixture of a mixed cut, or a part of either.

`FileAudio` reads plain audio files, so that a turn has the same samples in a cut and in the file.
Lhotse reads everything else: transforms, several sources, data of a Shar archive, and, if the user
allows them, commands and URLs.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emo2vec_plugins.audio import FileAudio, open_audio
from emo2vec_plugins.core import Audio, FloatArray, Permissions, note_read, serial_group_of
from emo2vec_plugins.errors import AudioError, Emo2vecError
from emo2vec_plugins.integrations.lhotse.sources import check_path, check_sources
from emo2vec_plugins.integrations.lhotse.transform_checks import MOST_TRACKS, MOST_VALUES

if TYPE_CHECKING:
    from lhotse import Recording


_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


class RecordingAudio:
    """The audio of a Lhotse ``Recording``, with the channel numbers of the manifest.

    No file is opened before `read`. Rate and length come from the manifest, where they already
    include transforms.

    Args:
        recording: The recording.
        permissions: What may be read and run; by default, any local file.
    """

    def __init__(self, recording: Any, permissions: Permissions | None = None) -> None:
        self._recording = recording
        self._permissions = permissions or Permissions()
        self._name = f"recording {recording.id!r:.100}"
        self.rate = int(recording.sampling_rate)
        self.length = int(recording.num_samples)
        self.channels = tuple(recording.channel_ids)

    @property
    def serial_group(self) -> Hashable | None:
        """Group of the file. None if Lhotse reads the recording, which works in any order."""
        return None if self._source is None else self._source.serial_group

    def read(self, start: int, stop: int, channels: tuple[int, ...]) -> FloatArray:
        """Return samples ``start:stop``, float32 of shape (channels, samples).

        Raises:
            AudioError: If Lhotse cannot load them. The message has the recording's id.
        """
        if self._file is not None:
            known = tuple(self._recording.sources[0].channels)
            missing = [channel for channel in channels if channel not in known]
            if missing:
                raise AudioError(
                    f"no such channel: recording {self._recording.id!r} has channels "
                    f"{list(known)}, the cut is on {missing}"
                )
            return self._file.read(start, stop, tuple(map(known.index, channels)))
        return self._load(start, stop, channels)

    @cached_property
    def _source(self) -> FileAudio | None:
        """The file, not opened yet, if the recording is one file without transforms."""
        sources = self._recording.sources
        if len(sources) != 1 or sources[0].type != "file" or self._recording.transforms:
            return None
        path = Path(sources[0].source)
        check_path(str(sources[0].source), self._permissions, where=self._name)
        state = path.stat()
        return _open_file(path, state.st_mtime_ns, state.st_size)

    @cached_property
    def _file(self) -> FileAudio | None:
        """The file, if it can be read without Lhotse: the manifest has its rate and channels."""
        file = self._source
        if file is None:
            return None
        try:
            fits = file.rate == self.rate and file.length >= self.length
            count = len(self._recording.sources[0].channels)
            return file if fits and count == len(file.channels) else None
        except AudioError:
            return None  # libsndfile cannot read it; Lhotse may

    @cached_property
    def _bounded(self) -> Any:
        """The recording, with transforms that take bounded memory."""
        from emo2vec_plugins.integrations.lhotse.transforms import bounded

        return bounded(self._recording)

    def _load(self, start: int, stop: int, channels: tuple[int, ...]) -> FloatArray:
        check_sources(self._recording, self._permissions, where=self._name)
        try:
            samples = self._bounded.load_audio(
                channels=list(channels),
                offset=start / self.rate,
                duration=(stop - start) / self.rate,
            )
        except Exception as error:
            raise _unreadable(self._name, error) from error
        # Lhotse returns channels in the order of the sources, not in the requested order.
        order = [c for source in self._recording.sources for c in source.channels if c in channels]
        if len(order) == len(samples):
            samples = samples[[order.index(c) for c in channels]]
        return _check_length(samples, stop - start, self._name)


def recording_of(
    path: str | Path, *, name: str, permissions: Permissions | None = None
) -> Recording:
    """Return a ``Recording`` of an audio file, with the rate and length that this package reads.

    ``Recording.from_file`` of Lhotse would put the names of .sph and .opus files into a shell
    command.

    Args:
        path: The file.
        name: Id of the recording.
        permissions: Which files may be read; by default, any.

    Raises:
        AudioError: If the file cannot be read.
    """
    from lhotse import AudioSource, Recording

    file = open_audio(path, permissions=permissions)
    source = AudioSource(type="file", channels=list(file.channels), source=str(path))
    return Recording(
        id=name,
        sources=[source],
        sampling_rate=file.rate,
        num_samples=file.length,
        duration=file.length / file.rate,
    )


class MixtureAudio:
    """The audio of a ``MixedCut``, mixed by Lhotse at the first read.

    The mixture stays in memory until all its clips have been read. Later reads mix it again. Each
    mixture has its own ``serial_group``, so that only one thread mixes it.

    Args:
        cut: The cut.
        clips: Number of clips that will be read.
        permissions: What may be read and run; by default, any local file.
    """

    def __init__(self, cut: Any, *, clips: int, permissions: Permissions | None = None) -> None:
        self._cut = cut
        self._clips = clips
        self._permissions = permissions or Permissions()
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
            self._check_size()
            check_sources(self._cut, self._permissions, where=f"cut {self._cut.id!r}")
            from emo2vec_plugins.integrations.lhotse.transforms import bounded

            try:
                mixed = bounded(self._cut).load_audio()
                self._mixed = np.atleast_2d(mixed).astype(np.float32, copy=False)
            except Exception as error:
                raise _unreadable(f"cut {self._cut.id!r}", error) from error
        missing = [channel for channel in channels if channel >= len(self._mixed)]
        if missing:
            raise AudioError(
                f"no such channel: the mixture of cut {self._cut.id!r} has {len(self._mixed)} "
                f"channels, the turn is on {missing}"
            )
        samples = self._mixed[list(channels), start:stop]
        return _check_length(samples, stop - start, f"cut {self._cut.id!r}")

    def _check_size(self) -> None:
        """Refuse what a manifest claims: padding may have any duration, or none in samples."""
        cut = f"cut {self._cut.id!r}"
        values = self.length * len(self.channels)
        if values > MOST_VALUES:
            seconds = int(MOST_VALUES / len(self.channels) / self.rate)
            raise AudioError(
                f"too long to mix: {cut} has {self.length / self.rate:.0f} s, "
                f"{seconds} s fit in memory; use cuts.cut_into_windows({seconds})"
            )
        total = 0
        for index, track in enumerate(self._cut.tracks):
            if track.cut.num_samples is None:
                raise AudioError(f"{cut}, track {index}: padding without num_samples has no audio")
            total += track.cut.num_samples * track.cut.num_channels
        if total > MOST_TRACKS:  # Lhotse keeps all tracks
            raise AudioError(
                f"too much to mix: {cut} has {total:,} samples in {len(self._cut.tracks)} tracks, "
                f"{MOST_TRACKS:,} fit in memory; use fewer tracks, or cuts.cut_into_windows"
            )

    def clip_read(self) -> None:
        """Count a clip as read. Frees the mixture after the last clip."""
        self._clips -= 1
        if self._clips <= 0:
            self._mixed = None


class Stretch:
    """Part of some audio. Sample 0 is the first sample of the part.

    Args:
        audio: The whole audio.
        origin: First sample of the part.
        length: Number of samples; shortened if *audio* ends earlier.
        channels: Channels of the part.
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
        """Group of the whole audio."""
        return serial_group_of(self._audio)

    def clip_read(self) -> None:
        """Count a clip as read in the whole audio: a mixture is freed after the last clip."""
        note_read(self._audio)

    def read(self, start: int, stop: int, channels: tuple[int, ...]) -> FloatArray:
        """Return samples ``start:stop`` of the part, float32 of shape (channels, samples)."""
        return self._audio.read(self._origin + start, self._origin + stop, channels)


@lru_cache(maxsize=8)
def _open_file(path: Path, _changed: int, _size: int) -> FileAudio:
    # Cuts of one recording share this object, and with it the decoder position of an MP3.
    return FileAudio(path)


def _check_length(samples: FloatArray, count: int, what: str) -> FloatArray:
    if samples.shape[-1] != count:
        raise AudioError(f"{what}: expected {count} samples from Lhotse, got {samples.shape[-1]}")
    return samples


def _unreadable(what: str, error: Exception) -> AudioError:
    # Lhotse appends whole manifests to its messages, which may include the audio data.
    text = str(error).strip().splitlines()
    # Without addresses, so that every run gives the same reason.
    first = _ADDRESS.sub("", text[0][:300]) if text else ""
    if isinstance(error, Emo2vecError):
        return AudioError(f"{what}: {first}")
    return AudioError(f"{what}: Lhotse raised {type(error).__name__}: {first}")
