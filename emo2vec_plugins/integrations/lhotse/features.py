"""Frame embeddings as Lhotse features. Importing this module registers the extractor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from lhotse.features.base import FeatureExtractor, register_extractor

from emo2vec_plugins.audio import ArrayAudio
from emo2vec_plugins.core import DEFAULT_MODEL, Backend, Clip, FloatArray, Turn, load_model
from emo2vec_plugins.engine import Engine
from emo2vec_plugins.errors import AudioError
from emo2vec_plugins.integrations.lhotse.arrays import FRAME_SHIFT, divides, pad_to_lhotse


@dataclass
class Emotion2vecConfig:
    """Settings of the extractor, as Lhotse writes them to YAML.

    Attributes:
        model: Anything `load_model` accepts.
        device: None for CUDA if available, else the CPU.
        dtype: Type in which the network computes.
        batch_seconds: Seconds of audio in a batch; the model's default if None.
    """

    model: str = DEFAULT_MODEL
    device: str | None = None
    dtype: str = "float32"
    batch_seconds: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Emotion2vecConfig:
        """Create the settings from the result of `to_dict`."""
        return cls(**data)


@register_extractor
class Emotion2vec(FeatureExtractor):  # type: ignore[misc]
    """Lhotse extractor of frame embeddings, 50 per second.

    Clips of one call share batches; the result of a clip is the same as if it is scored alone.
    Channels are averaged, audio is resampled to 16 kHz, and long audio is split into windows. The
    last frame is repeated if Lhotse expects one more than the model gives. Each process loads the
    model when it first needs it.

    Args:
        config: The model to load, and how to run it.
        backend: A loaded model to use instead.
    """

    name = "emotion2vec"
    config_type = Emotion2vecConfig

    def __init__(
        self, config: Emotion2vecConfig | None = None, *, backend: Backend | None = None
    ) -> None:
        super().__init__(config)
        self._backend = backend
        self._engine: Engine | None = None

    @property
    def frame_shift(self) -> float:
        """Seconds from one frame to the next."""
        return FRAME_SHIFT

    @property
    def device(self) -> str:
        """The configured device, or the best one available."""
        # The same choice as in load_model, without loading the model.
        return self.config.device or ("cuda" if torch.cuda.is_available() else "cpu")

    def feature_dim(self, sampling_rate: int) -> int:  # noqa: ARG002 - Lhotse's signature
        """Return the width of the model's embeddings."""
        return self._loaded().backend.width

    def extract(self, samples: Any, sampling_rate: int) -> FloatArray:
        """Return the frames of one clip, shape (frames, width).

        Args:
            samples: Shape (samples,) or (channels, samples).
            sampling_rate: A multiple of 50, so that the frame shift is a whole number of samples.
                11,025 Hz is not.

        Raises:
            AudioError: If the rate is not a multiple of 50, or the clip cannot be scored.
        """
        return self._frames([samples], sampling_rate)[0]

    def extract_batch(self, samples: Any, sampling_rate: int, lengths: Any = None) -> Any:
        """Return the frames of many clips, in order; one array if all have the same length.

        Args:
            samples: A list of clips; an array of clips of equal length, of shape (clips, samples)
                or (clips, channels, samples); or a single clip, of shape (samples,).
            sampling_rate: A multiple of 50.
            lengths: Number of samples in each clip, if *samples* is padded.

        Raises:
            AudioError: If the rate is not a multiple of 50, or a clip cannot be scored.
        """
        # Lhotse passes lists of arrays, arrays, or tensors, and expects the same type back.
        is_list = isinstance(samples, (list, tuple))
        clips = list(samples) if is_list or samples.ndim > 1 else [samples]
        is_torch = any(isinstance(clip, torch.Tensor) for clip in clips)
        if lengths is not None:
            clips = [clip[..., : int(n)] for clip, n in zip(clips, lengths, strict=True)]
        frames = self._frames(clips, sampling_rate)
        if is_torch:
            tensors = [torch.from_numpy(item) for item in frames]
            return _joined(tensors, torch.stack, is_list=is_list)
        return _joined(frames, np.stack, is_list=is_list)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_engine": None}  # workers load the model themselves

    def _loaded(self) -> Engine:
        if self._engine is None:
            config = self.config
            backend = self._backend
            backend = backend or load_model(config.model, device=config.device, dtype=config.dtype)
            self._engine = Engine(backend, granularity="frame", batch_seconds=config.batch_seconds)
        return self._engine

    def _frames(self, samples: Sequence[Any], rate: int) -> list[FloatArray]:
        if not divides(rate):
            hop = f"{FRAME_SHIFT * rate:g} samples"
            raise AudioError(
                f"expected a sampling rate that is a multiple of 50, got {rate} Hz, where a frame "
                f"is {hop}; use cuts.resample(16000)"
            )
        sounds = (ArrayAudio(clip, rate) for clip in samples)
        clips = (Clip(turn=Turn(start=0.0, end=each.length / rate), audio=each) for each in sounds)
        results = []
        for clip, emotion in self._loaded()(clips):
            length = clip.audio.length
            if emotion is None or emotion.frame_embeddings is None:
                reason = emotion.reason if emotion else "not scored"
                raise AudioError(f"no features for {length / rate:.3f} s of audio: {reason}")
            results.append(pad_to_lhotse(emotion.frame_embeddings, samples=length, rate=rate))
        return results


def _joined(items: list[Any], stack: Callable[[list[Any]], Any], *, is_list: bool) -> Any:
    """Return clips in the shapes that Lhotse's `extract_batch` returns."""
    if len(items) == 1:
        return items if is_list else items[0]
    return stack(items) if len({len(item) for item in items}) == 1 else items
