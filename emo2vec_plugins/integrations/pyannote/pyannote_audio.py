"""Import of ``pyannote.audio``, and the input and output of its pipelines."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field, fields
from io import BytesIO
from typing import Any

import torch

from emo2vec_plugins.audio import open_audio
from emo2vec_plugins.core import Dialogue, Permissions, import_extra
from emo2vec_plugins.errors import AudioError
from emo2vec_plugins.formats import rows

__all__ = [
    "Annotation",
    "DiarizeOutput",
    "EmotionDiarizeOutput",
    "Pipeline",
    "decoded",
    "validated",
]

with warnings.catch_warnings():
    # The warning is that pyannote cannot decode files without FFmpeg. We decode them.
    warnings.filterwarnings("ignore", message=r"\s*torchcodec is not installed correctly")
    import_extra("pyannote.audio", extra="pyannote", purpose="a diarization pipeline")
    import pyannote.audio.core.io as pyannote_io
    from pyannote.audio import Pipeline
    from pyannote.audio.pipelines.speaker_diarization import DiarizeOutput
    from pyannote.core import Annotation


def validated(file: Any) -> MutableMapping[str, Any]:
    """Return the mapping that pyannote creates for a file, with a name. Nothing is decoded.

    Raises:
        AudioError: If pyannote rejects the file.
    """
    source = BytesIO(file) if isinstance(file, bytes | bytearray) else file
    try:
        found: MutableMapping[str, Any] = pyannote_io.Audio.validate_file(source)
    except ValueError as error:
        raise AudioError(str(error).strip()) from error
    found.setdefault("uri", "stream")
    return found


def decoded(file: Mapping[str, Any], permissions: Permissions) -> dict[str, Any]:
    """Return a copy of *file* with a waveform.

    libsndfile decodes the file; pyannote decodes it if libsndfile cannot. If *file* has a
    ``channel``, only that channel is kept.

    Args:
        file: The mapping of a pyannote file.
        permissions: Which files may be read.

    Raises:
        AudioError: If the audio cannot be decoded, has no samples, or lacks the channel.
        NotAllowedError: If the file may not be read.
    """
    if "waveform" in file:
        return dict(file)
    source = {key: file[key] for key in ("audio", "channel") if key in file}
    if isinstance(source.get("audio"), str | os.PathLike):
        permissions.check_file(source["audio"])
    try:
        sound = open_audio(source)
        samples = torch.from_numpy(sound.read(0, sound.length, sound.channels))
        rate = sound.rate
    except AudioError:
        if not pyannote_io.TORCHCODEC_AVAILABLE:
            raise
        samples, rate = pyannote_io.Audio()(source)
    if not samples.numel():
        raise AudioError(f"{file['uri']}: the audio has no samples or lacks the requested channel")
    others = {key: value for key, value in file.items() if key != "channel"}
    return {**others, "waveform": samples, "sample_rate": rate}


@dataclass
class EmotionDiarizeOutput(DiarizeOutput):  # type: ignore[misc]
    """A ``DiarizeOutput`` with emotions. The fields of the given one are unchanged.

    Attributes:
        emotions: The full results, in the order of ``itertracks``.
        emotion_diarization: The segments and tracks of ``speaker_diarization``, labelled
            ``angry``, or ``unscored`` or ``withheld``.
        speaker_emotion_diarization: The same, labelled ``SPEAKER_00+angry``.
    """

    emotions: Dialogue = field(default_factory=lambda: Dialogue(recording=""))
    emotion_diarization: Annotation = field(default_factory=Annotation)
    speaker_emotion_diarization: Annotation = field(default_factory=Annotation)

    def __repr__(self) -> str:
        """Return a summary in one line."""
        return f"<{type(self).__name__} of {self.emotions!r}>"

    def _repr_html_(self) -> str:
        return self.emotions._repr_html_()

    @classmethod
    def of(cls, output: DiarizeOutput, **emotions: Any) -> EmotionDiarizeOutput:
        """Create an output from that of a pipeline and the fields above."""
        theirs = {each.name: getattr(output, each.name) for each in fields(DiarizeOutput)}
        return cls(**theirs, **emotions)

    def serialize(self) -> dict[str, Any]:
        """Return pyannote's serialization, plus ``emotions``: the rows of the JSON lines format."""
        serialized: dict[str, Any] = super().serialize()
        return serialized | {"emotions": rows(self.emotions)}
