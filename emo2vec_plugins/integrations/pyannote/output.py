"""pyannote's ``DiarizeOutput`` with emotions; importing this module imports ``pyannote.audio``."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from emo2vec_plugins.core import Dialogue
from emo2vec_plugins.formats import rows
from emo2vec_plugins.integrations.pyannote.audio import Annotation, DiarizeOutput


@dataclass
class EmotionDiarizeOutput(DiarizeOutput):  # type: ignore[misc]
    """A ``DiarizeOutput`` with emotions; what it had is carried over untouched.

    Attributes:
        emotions: Everything about every turn, in the order of ``itertracks``.
        emotion_diarization: The segments and tracks of ``speaker_diarization``, labelled
            ``angry``, or ``unscored``.
        speaker_emotion_diarization: Labelled ``SPEAKER_00+angry``.
    """

    emotions: Dialogue = field(default_factory=lambda: Dialogue(recording=""))
    emotion_diarization: Annotation = field(default_factory=Annotation)
    speaker_emotion_diarization: Annotation = field(default_factory=Annotation)

    def __repr__(self) -> str:
        """Return one line, however many turns there are."""
        return f"<{type(self).__name__} of {self.emotions!r}>"

    def _repr_html_(self) -> str:
        return self.emotions._repr_html_()

    @classmethod
    def of(cls, output: DiarizeOutput, **emotions: Any) -> EmotionDiarizeOutput:
        """Add emotions, the fields above, to what a pipeline gave."""
        theirs = {each.name: getattr(output, each.name) for each in fields(DiarizeOutput)}
        return cls(**theirs, **emotions)

    def serialize(self) -> dict[str, Any]:
        """Return what pyannote's own method does, and ``emotions``: the rows of JSON lines."""
        serialized: dict[str, Any] = super().serialize()
        return serialized | {"emotions": rows(self.emotions)}
