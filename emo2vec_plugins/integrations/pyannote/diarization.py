"""Annotation of pyannote diarizations and RTTM files, with an emotion on every speaker turn.

Results have the segments and tracks of the diarization. An ``Annotation`` needs only
``pyannote.core``; ``pyannote.audio``, which takes seconds to import, is not imported.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.core import (
    Dialogue,
    Options,
    Plugins,
    Scorer,
    Turn,
    annotate,
    hookimpl,
    import_extra,
    raise_error,
)
from emo2vec_plugins.errors import OptionsError, SourceError
from emo2vec_plugins.formats import (
    NO_SPEAKER,
    NOT_APPLICABLE,
    RttmRecording,
    parse_rttm,
    placeholder,
    read_rttm,
)
from emo2vec_plugins.integrations import RecordingSession, chosen_recording, is_a

if TYPE_CHECKING:
    from pyannote.core import Annotation, Segment

Key = tuple["Segment", Any]
"""Segment and track of a turn in an Annotation. A segment may have several tracks."""


_TEXT = re.compile("\n|^\ufeff?SPEAKER[ \t]+[^ \t]+[ \t]")
"""Matches the text of an RTTM file, but not a path."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DiarizedAudio:
    """A diarization with its audio: a source for `annotate`, to score many recordings together.

    Attributes:
        diarization: A pyannote ``DiarizeOutput`` or ``Annotation``, or RTTM as a path or text.
        audio: Anything `emo2vec_plugins.audio.open_audio` opens.
        recording: Name of the recording. If None, the name of the diarization or of the audio.
    """

    diarization: Any
    audio: Any
    recording: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatedDiarization:
    """Speaker turns with emotions, as annotations of ``pyannote.core``.

    It has the attributes of `EmotionDiarizeOutput`, the result for a ``DiarizeOutput``.

    Attributes:
        speaker_diarization: The given diarization, unchanged.
        emotions: The full results, in the order of ``itertracks`` or of the RTTM.
        emotion_diarization: The same segments and tracks, labelled ``angry``, or
            ``unscored`` or ``withheld``.
        speaker_emotion_diarization: The same, labelled ``SPEAKER_00+angry``.
        exclusive_speaker_diarization: None; only a ``DiarizeOutput`` has it.
        speaker_embeddings: None; only a ``DiarizeOutput`` has them.
    """

    speaker_diarization: Annotation
    emotions: Dialogue
    emotion_diarization: Annotation
    speaker_emotion_diarization: Annotation
    exclusive_speaker_diarization: None = None
    speaker_embeddings: None = None

    def __repr__(self) -> str:
        """Return a summary in one line."""
        return f"<{type(self).__name__} of {self.emotions!r}>"

    def _repr_html_(self) -> str:
        return self.emotions._repr_html_()


def annotate_diarization(
    diarization: Any,
    audio: Any,
    *,
    score: Scorer,
    recording: str | None = None,
    options: Options | None = None,
    plugins: Plugins | None = None,
) -> Any:
    """Return a copy of a diarization with an emotion on every speaker turn.

    Args:
        diarization: A pyannote ``DiarizeOutput`` or ``Annotation``, or RTTM as a path or text.
            An Annotation cannot have turns of no length; they are only in *emotions*.
        audio: The diarized audio: anything `emo2vec_plugins.audio.open_audio` opens, including
            pyannote's mappings.
        score: An `Engine` or another `Scorer`.
        recording: Name of the recording. It chooses one if the RTTM has several. If None, the
            name of the diarization or of the audio.
        options: What to keep, and whether to exclude overlapped frames.
        plugins: The installed plugins by default.

    Returns:
        An `EmotionDiarizeOutput` for a ``DiarizeOutput``, else an `AnnotatedDiarization`.

    Raises:
        FormatError: If the RTTM is malformed, or has several recordings and no match.
        SourceError: If the diarization is of another type.
        MissingExtraError: If ``pyannote.core`` is not installed.
    """
    source = DiarizedAudio(diarization=diarization, audio=audio, recording=recording)
    [result] = annotate([source], score=score, plugins=plugins, options=options, failed=raise_error)
    return result


@hookimpl
def emo2vec_open(source: Any, options: Options) -> DiarizationSession | None:
    """Open a `DiarizedAudio`, or a diarization or RTTM whose audio is in the options."""
    if isinstance(source, DiarizedAudio):
        return DiarizationSession(source, options)
    is_rttm = isinstance(source, str | os.PathLike) and Path(source).suffix.lower() == ".rttm"
    if not (is_rttm or _is_annotation(source) or _is_output(source)):
        return None
    if options.audio is None:
        raise OptionsError(f"{type(source).__name__} has no audio; pass Options(audio=...)")
    return DiarizationSession(DiarizedAudio(diarization=source, audio=options.audio), options)


class DiarizationSession(RecordingSession):
    """The turns of one diarization, in the order of its tracks."""

    def __init__(self, source: DiarizedAudio, options: Options) -> None:
        self._source = source
        self._speakers, self._keys, turns = _tracks(source)
        name = source.recording or self._speakers.uri or _audio_name(source.audio)
        super().__init__(name, source.audio, turns, options)

    def finish(self) -> Any:
        """Return the diarization with emotions."""
        # The mapping of a decoded waveform still has the path of its file.
        audio = self._source.audio
        path = audio.get("audio") if isinstance(audio, Mapping) else audio
        path = os.fspath(path) if isinstance(path, str | os.PathLike) else None
        dialogue = replace(super().finish(), audio=path)
        emotions = [each.emotion.label or placeholder(each.emotion) for each in dialogue.turns]
        speakers = [speaker_label(each.turn) for each in dialogue.turns]
        both = map("+".join, zip(speakers, emotions, strict=True))
        results = {
            "emotions": dialogue,
            "emotion_diarization": _annotation(self._keys, emotions, uri=dialogue.recording),
            "speaker_emotion_diarization": _annotation(self._keys, both, uri=dialogue.recording),
        }
        if _is_output(self._source.diarization):
            # The import is fast: a DiarizeOutput exists only if pyannote.audio is imported.
            from emo2vec_plugins.integrations.pyannote.pyannote_audio import EmotionDiarizeOutput

            return EmotionDiarizeOutput.of(self._source.diarization, **results)
        return AnnotatedDiarization(speaker_diarization=self._speakers, **results)


def speaker_label(turn: Turn) -> str:
    """Return the speaker for a label, ``?`` if unknown."""
    return NO_SPEAKER if turn.speaker is None else turn.speaker


def _tracks(source: DiarizedAudio) -> tuple[Annotation, list[Key], list[Turn]]:
    """Return the speaker annotation, the keys of the turns in it, and the turns."""
    given = source.diarization
    if isinstance(given, str | os.PathLike):
        return _tracks_of_rttm(_chosen(given, source))
    annotation = given.speaker_diarization if _is_output(given) else given
    if not _is_annotation(annotation):
        kinds = "a DiarizeOutput, an Annotation, or RTTM as a path or text"
        raise SourceError(f"expected {kinds}, got {type(given).__name__}")
    keys: list[Key] = []
    turns = []
    for segment, track, label in annotation.itertracks(yield_label=True):
        speaker = None if label is None else str(label)
        keys.append((segment, track))
        turns.append(Turn(start=float(segment.start), end=float(segment.end), speaker=speaker))
    return annotation, keys, turns


def _tracks_of_rttm(recording: RttmRecording) -> tuple[Annotation, list[Key], list[Turn]]:
    segment = import_extra("pyannote.core", extra="pyannote", purpose="an Annotation").Segment
    turns = list(recording.turns)
    # Every line is a separate track, as in pyannote's reader, so that equal lines are kept.
    keys: list[Key] = [(segment(turn.start, turn.end), index) for index, turn in enumerate(turns)]
    # pyannote writes this for an annotation without a name.
    uri = None if recording.recording == NOT_APPLICABLE else recording.recording
    return _annotation(keys, map(speaker_label, turns), uri=uri), keys, turns


def _annotation(keys: Sequence[Key], labels: Iterable[str], *, uri: str | None) -> Annotation:
    annotation = import_extra(
        "pyannote.core", extra="pyannote", purpose="an Annotation"
    ).Annotation(uri=uri)
    for (segment, track), label in zip(keys, labels, strict=True):
        annotation[segment, track] = label
    return annotation


def _chosen(rttm: str | os.PathLike[str], source: DiarizedAudio) -> RttmRecording:
    # pyannote writes an empty text for an annotation without turns.
    text = rttm if isinstance(rttm, str) and (not rttm or _TEXT.search(rttm)) else None
    recordings = read_rttm(Path(rttm)) if text is None else parse_rttm(text)
    name = source.recording
    wanted = _audio_name(source.audio) if name is None else name
    return chosen_recording(recordings, wanted, only=name is None)


def _audio_name(audio: Any) -> str:
    """Return the name that pyannote gives to audio."""
    if isinstance(audio, Mapping):
        if audio.get("uri"):
            return str(audio["uri"])
        return "waveform" if "waveform" in audio else _audio_name(audio.get("audio"))
    if isinstance(audio, str | os.PathLike):
        return Path(audio).stem
    return "stream" if hasattr(audio, "read") else "waveform"


def _is_annotation(source: Any) -> bool:
    return is_a(source, "pyannote.core", "Annotation")


def _is_output(source: Any) -> bool:
    return is_a(source, "pyannote.audio.pipelines.speaker_diarization", "DiarizeOutput")
