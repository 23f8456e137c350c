"""pyannote's diarizations, and RTTMs, with an emotion on every speaker turn.

Results keep the segments and tracks of the diarization they are for. Only ``pyannote.core`` is
needed: ``pyannote.audio``, which takes seconds to import, is not imported for an `Annotation`.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.core import (
    UNSCORED,
    Clip,
    Dialogue,
    Emotion,
    Options,
    Plugins,
    Scorer,
    Turn,
    annotate,
    as_options,
    hookimpl,
    raise_error,
)
from emo2vec_plugins.errors import (
    FormatError,
    MissingExtraError,
    OptionsError,
    SourceError,
)
from emo2vec_plugins.formats import NOBODY, NOT_APPLICABLE, RttmRecording, parse_rttm, read_rttm
from emo2vec_plugins.integrations import RecordingSession

if TYPE_CHECKING:
    from pyannote.core import Annotation, Segment

Key = tuple["Segment", Any]
"""Where a turn stands in an Annotation: its segment and its track."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DiarizedAudio:
    """A diarization with the audio it is of: a source, for many recordings in one stream.

    Attributes:
        diarization: pyannote's ``DiarizeOutput`` or ``Annotation``, or an RTTM, as a path or as
            its text.
        audio: Anything `emo2vec_plugins.audio.open_audio` opens.
        uri: Name of the recording; the diarization's own, or else the audio's, if None.
    """

    diarization: Any
    audio: Any
    uri: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatedDiarization:
    """Speaker turns with emotions, in the words of ``pyannote.core``.

    Has the attributes of `EmotionDiarizeOutput`, which one gets for a ``DiarizeOutput``.

    Attributes:
        speaker_diarization: What was given, untouched.
        emotions: Everything that is known of every turn, in the order of ``itertracks``, or of
            the RTTM.
        emotion_diarization: The same segments and tracks, labelled ``angry``, or ``unscored``.
        speaker_emotion_diarization: Labelled ``SPEAKER_00+angry``.
        exclusive_speaker_diarization: None: only a ``DiarizeOutput`` has it.
        speaker_embeddings: None: only a ``DiarizeOutput`` has them.
    """

    speaker_diarization: Annotation
    emotions: Dialogue
    emotion_diarization: Annotation
    speaker_emotion_diarization: Annotation
    exclusive_speaker_diarization: None = None
    speaker_embeddings: None = None

    def __repr__(self) -> str:
        """Return one line, however many turns there are."""
        return f"<{type(self).__name__} of {self.emotions!r}>"

    def _repr_html_(self) -> str:
        return self.emotions._repr_html_()


def annotate_diarization(
    audio: Any,
    diarization: Any,
    *,
    score: Scorer,
    options: Options | None = None,
    plugins: Plugins | None = None,
    uri: str | None = None,
) -> Any:
    """Return a diarization with an emotion on every speaker turn.

    Args:
        audio: What was diarized: anything `emo2vec_plugins.audio.open_audio` opens, pyannote's
            mappings among it.
        diarization: pyannote's ``DiarizeOutput`` or ``Annotation``, or an RTTM, as a path or as
            its text. Turns without length, which an Annotation cannot hold, are in *emotions*.
        score: An `Engine`, or anything that keeps the contract of `Scorer`.
        options: What to keep, and whether to leave out frames in which others speak.
        plugins: Those installed, unless given.
        uri: Name of the recording; of an RTTM with several, which one to take. If None, the
            diarization's own name, or the audio's.

    Returns:
        An `EmotionDiarizeOutput` for a ``DiarizeOutput``, else an `AnnotatedDiarization`.

    Raises:
        FormatError: If the RTTM is none, or has several recordings and *uri* names none of them.
        SourceError: If the diarization is none of these.
        MissingExtraError: If ``pyannote.core`` is not installed.
    """
    source = DiarizedAudio(diarization=diarization, audio=audio, uri=uri)
    wanted = replace(as_options(options), audio=audio)
    [result] = annotate([source], score=score, plugins=plugins, options=wanted, failed=raise_error)
    return result


@hookimpl
def emo2vec_open(source: Any, options: Options) -> DiarizationSession | None:
    """Open a `DiarizedAudio`, or a diarization or RTTM whose audio is in the options."""
    if not isinstance(source, DiarizedAudio):
        if not (_is_annotation(source) or _is_output(source) or _is_rttm_path(source)):
            return None
        if options.audio is None:
            raise OptionsError(f"Options(audio=...) is to say what {type(source).__name__} is of")
        source = DiarizedAudio(diarization=source, audio=options.audio)
    diarization = source.diarization
    if _is_annotation(diarization):
        return DiarizationSession(_Tracks.of(diarization), source, options)
    if _is_output(diarization):
        tracks = _Tracks.of(diarization.speaker_diarization)
        return DiarizationSession(tracks, source, options)
    if isinstance(diarization, str | os.PathLike):
        recording = _chosen(_recordings(diarization), source)
        return DiarizationSession(_Tracks.of_rttm(recording), source, options)
    raise SourceError(
        "a diarization is pyannote's DiarizeOutput or Annotation, or an RTTM as a path or as its "
        f"text, got {type(diarization).__name__}"
    )


class DiarizationSession:
    """The turns of one diarization, in the order of its tracks."""

    def __init__(self, tracks: _Tracks, source: DiarizedAudio, options: Options) -> None:
        from emo2vec_plugins.audio import open_audio

        self._tracks = tracks
        self._diarization = source.diarization
        self._path = _audio_path(source.audio)
        name = source.uri or tracks.uri or _audio_name(source.audio)
        self._turns = RecordingSession(name, open_audio(source.audio), tracks.turns, options)

    def clips(self) -> Iterator[Clip]:
        """Yield one clip a turn, each with the spans in which other speakers are heard."""
        return self._turns.clips()

    def take(self, clip: Clip, emotion: Emotion) -> None:
        """Keep the result beside its turn."""
        self._turns.take(clip, emotion)

    def finish(self) -> Any:
        """Return what was given, with the emotions."""
        dialogue = replace(self._turns.finish(), audio=self._path)
        both = [f"{speaker_label(each.turn)}+{_label(each.emotion)}" for each in dialogue.turns]
        results = {
            "emotions": dialogue,
            "emotion_diarization": self._tracks.labelled(
                (_label(each.emotion) for each in dialogue.turns), uri=dialogue.recording
            ),
            "speaker_emotion_diarization": self._tracks.labelled(both, uri=dialogue.recording),
        }
        if _is_output(self._diarization):
            # Its class is there only if pyannote.audio has been imported already.
            from emo2vec_plugins.integrations.pyannote.pipeline import EmotionDiarizeOutput

            return EmotionDiarizeOutput.of(self._diarization, **results)
        return AnnotatedDiarization(speaker_diarization=self._tracks.speakers, **results)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tracks:
    """Turns, and where each of them stands in an Annotation."""

    uri: str | None
    turns: tuple[Turn, ...]
    keys: tuple[Key, ...]
    speakers: Annotation

    @classmethod
    def of(cls, annotation: Annotation) -> _Tracks:
        found = list(annotation.itertracks(yield_label=True))
        return cls(
            uri=annotation.uri,
            turns=tuple(
                Turn(
                    start=float(segment.start),
                    end=float(segment.end),
                    speaker=None if speaker is None else str(speaker),
                )
                for segment, _, speaker in found
            ),
            keys=tuple((segment, track) for segment, track, _ in found),
            speakers=annotation,
        )

    @classmethod
    def of_rttm(cls, recording: RttmRecording) -> _Tracks:
        core = _import_core()
        # pyannote's own reader makes every line a track of its own, too: none replaces another.
        keys = tuple(
            (core.Segment(turn.start, turn.end), index)
            for index, turn in enumerate(recording.turns)
        )
        labels = [speaker_label(turn) for turn in recording.turns]
        # What pyannote writes for an annotation without a name.
        uri = None if recording.recording == NOT_APPLICABLE else recording.recording
        speakers = _annotation(keys, labels, uri=uri)
        return cls(uri=uri, turns=recording.turns, keys=keys, speakers=speakers)

    def labelled(self, labels: Iterable[str], *, uri: str) -> Annotation:
        return _annotation(self.keys, labels, uri=uri)


def speaker_label(turn: Turn) -> str:
    """Return the speaker as labels show it, ``?`` for nobody."""
    return NOBODY if turn.speaker is None else turn.speaker


def _annotation(keys: Sequence[Key], labels: Iterable[str], *, uri: str | None) -> Annotation:
    annotation = _import_core().Annotation(uri=uri)
    for (segment, track), label in zip(keys, labels, strict=True):
        annotation[segment, track] = label
    return annotation


def _label(emotion: Emotion) -> str:
    return UNSCORED if emotion.label is None else emotion.label


def _recordings(rttm: str | os.PathLike[str]) -> list[RttmRecording]:
    if isinstance(rttm, str) and _is_text(rttm):
        return parse_rttm(rttm)
    return read_rttm(Path(rttm))


def _is_text(rttm: str) -> bool:
    # An empty text is what pyannote writes for an annotation without turns.
    return (
        not rttm or "\n" in rttm or re.match("\ufeff?SPEAKER[ \t]+[^ \t]+[ \t]", rttm) is not None
    )


def _chosen(recordings: Sequence[RttmRecording], source: DiarizedAudio) -> RttmRecording:
    """Return the recording that is meant: the one named, or the only one."""
    names = [each.recording for each in recordings]
    wanted = _audio_name(source.audio) if source.uri is None else source.uri
    if wanted in names:
        return recordings[names.index(wanted)]
    if len(recordings) == 1 and source.uri is None:
        return recordings[0]
    raise FormatError(
        f"expected turns of {wanted!r} in the RTTM, found "
        f"{', '.join(map(repr, names)) or 'no turns at all'}; uri=... says which to take"
    )


def _audio_name(audio: Any) -> str:
    """Return what pyannote would call the recording."""
    if isinstance(audio, Mapping):
        if audio.get("uri"):
            return str(audio["uri"])
        return "waveform" if "waveform" in audio else _audio_name(audio.get("audio"))
    if isinstance(audio, str | os.PathLike):
        return Path(audio).stem
    return "stream" if hasattr(audio, "read") else "waveform"


def _audio_path(audio: Any) -> str | None:
    """Return where the sound is; a waveform that was decoded from a file still names it."""
    path = audio.get("audio") if isinstance(audio, Mapping) else audio
    return os.fspath(path) if isinstance(path, str | os.PathLike) else None


def _is_rttm_path(source: Any) -> bool:
    return isinstance(source, str | os.PathLike) and Path(source).suffix.lower() == ".rttm"


def _is_annotation(source: Any) -> bool:
    core = sys.modules.get("pyannote.core")  # never imported here: no Annotation, no pyannote
    return core is not None and isinstance(source, core.Annotation)


def _is_output(source: Any) -> bool:
    module = sys.modules.get("pyannote.audio.pipelines.speaker_diarization")
    return module is not None and isinstance(source, module.DiarizeOutput)


def _import_core() -> Any:
    try:
        import pyannote.core
    except ImportError as error:
        raise MissingExtraError(
            "this needs pyannote.core: pip install 'emo2vec-plugins[pyannote]'"
        ) from error
    return pyannote.core
