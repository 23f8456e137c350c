"""Recordings and cuts that Lhotse loads in bounded memory.

Lhotse resamples with a filter for the whole period of two rates, and keeps each filter for ever:
from 16,000 to 44,101 Hz, it has gigabytes. Here, the resampler of the package does that work.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import numpy as np
from lhotse import AudioSource, MonoCut, MultiCut, Recording
from lhotse.augmentation import AudioTransform, Resample, ReverbWithImpulseResponse, Speed, Tempo
from lhotse.cut import MixedCut

from emo2vec_plugins.audio import LEAST_RATE, MOST_RATE, open_audio, resample
from emo2vec_plugins.core import FloatArray
from emo2vec_plugins.errors import AudioError
from emo2vec_plugins.integrations.lhotse.transform_checks import MOST_RESPONSE, MOST_VALUES


def bounded(loaded: Any) -> Any:
    """Return a copy of a ``Recording`` or a cut that Lhotse loads in bounded memory."""
    if isinstance(loaded, MixedCut):
        tracks = [replace(track, cut=bounded(track.cut)) for track in loaded.tracks]
        return replace(loaded, tracks=tracks, transforms=_all_bounded(loaded.transforms))
    if isinstance(loaded, MonoCut | MultiCut):
        return replace(loaded, recording=bounded(loaded.recording))
    if isinstance(loaded, Recording):
        sources = [_bounded_source(source) for source in loaded.sources]
        return replace(loaded, sources=sources, transforms=_all_bounded(loaded.transforms))
    return loaded


class BoundedSource(AudioSource):  # type: ignore[misc]
    """A source of Lhotse, with a limit for its length if it is read as a whole.

    Lhotse does so if the whole recording is requested. The manifest may say that it is short.
    """

    def load_audio(self, *given: Any, **named: Any) -> FloatArray:
        """Return the samples, shape (channels, samples).

        Raises:
            AudioError: If there are more than `MOST_VALUES`.
        """
        values = 0 if named.get("duration") is not None else self._values()
        if values > MOST_VALUES:
            raise AudioError(
                f"the source has {values:,} samples, expected at most {MOST_VALUES:,}; correct the "
                "duration in the manifest, or use shorter files"
            )
        samples: FloatArray = super().load_audio(*given, **named)
        return samples

    def _values(self) -> int:
        """Return the number of samples in a file or in memory; 0 if only Lhotse can read it."""
        if self.type not in ("file", "memory"):
            return 0
        try:
            audio = open_audio(BytesIO(self.source) if self.type == "memory" else self.source)
            return audio.length * len(audio.channels)
        except AudioError:
            return 0


@dataclass
class BoundedTransform(AudioTransform):  # type: ignore[misc]
    """A transform of Lhotse, with a limit for the length of its result.

    Attributes:
        whole: The transform.
    """

    whole: AudioTransform

    def __call__(self, samples: FloatArray, sampling_rate: int) -> FloatArray:
        """Return the transformed samples, shape (channels, samples).

        Raises:
            AudioError: If there are more than `MOST_VALUES`.
        """
        whole = self.whole
        if type(whole) is Speed:  # subclasses are the user's own code
            rates = round(sampling_rate * whole.factor), sampling_rate
            return _resampled(samples, *rates, str(whole))
        if type(whole) is Resample:
            rates = whole.source_sampling_rate, whole.target_sampling_rate
            return _resampled(samples, *rates, str(whole))
        if isinstance(whole, Tempo):
            _check_size(samples, 1 / whole.factor, str(whole))
        elif isinstance(whole, ReverbWithImpulseResponse):
            name = type(whole).__name__  # not with the recording
            _check_size(samples, max(1.0, len(whole.rir_channels) / len(samples)), name)
            _check_response(whole, name)
        result: FloatArray = whole(samples, sampling_rate)
        return result

    def reverse_timestamps(self, *given: Any, **named: Any) -> Any:
        """Return the times of the audio before the transform."""
        return self.whole.reverse_timestamps(*given, **named)


del AudioTransform.KNOWN_TRANSFORMS[BoundedTransform.__name__]  # not for manifests


def _bounded_source(source: Any) -> AudioSource:
    if type(source) is not AudioSource:  # the user's own code
        return source
    return BoundedSource(source.type, source.channels, source.source, source.video)


def _all_bounded(transforms: Any) -> list[AudioTransform] | None:
    return None if transforms is None else [_bounded(transform) for transform in transforms]


def _bounded(transform: Any) -> AudioTransform:
    if not isinstance(transform, AudioTransform):
        transform = AudioTransform.from_dict(deepcopy(transform))  # which changes its argument
    if isinstance(transform, ReverbWithImpulseResponse):
        transform = replace(transform, rir=bounded(transform.rir))
    return BoundedTransform(transform)


def _resampled(samples: FloatArray, rate: int, target: int, name: str) -> FloatArray:
    if not (LEAST_RATE <= rate <= MOST_RATE and LEAST_RATE <= target <= MOST_RATE):
        raise AudioError(
            f"{name} resamples from {rate:,} to {target:,} Hz: expected sampling rates from "
            f"{LEAST_RATE:,} to {MOST_RATE:,} Hz"
        )
    _check_size(samples, target / rate, name)
    return np.stack([resample(channel, rate, target) for channel in samples.astype(np.float32)])


def _check_size(samples: FloatArray, factor: float, name: str) -> None:
    values = samples.size * factor
    if values > MOST_VALUES:
        raise AudioError(
            f"{name} makes {values:,.0f} samples of {samples.size:,}, expected at most "
            f"{MOST_VALUES:,}; use shorter cuts or another transform"
        )


def _check_response(transform: Any, name: str) -> None:
    response = transform.rir
    if response is None:
        return
    values = response.num_samples * len(transform.rir_channels)
    if values > MOST_RESPONSE:
        raise AudioError(
            f"{name} has an impulse response of {values:,} samples, expected "
            f"at most {MOST_RESPONSE:,}; use a shorter one"
        )
