"""Annotation of WhisperX, openai-whisper and faster-whisper transcripts, by segment.

These libraries are not imported: results are recognised by their structure, and a segment of
faster-whisper exists only if that library is loaded. Speakers can come from a diarization. Then,
as in WhisperX, each segment and word gets the speaker who speaks longest in it.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from emo2vec_plugins.core import (
    Clip,
    Options,
    Plugins,
    Scorer,
    Span,
    Turn,
    annotate,
    hookimpl,
    raise_error,
    union,
)
from emo2vec_plugins.errors import InvalidTurnError, OptionsError, SourceError
from emo2vec_plugins.integrations import RecordsSession, is_a
from emo2vec_plugins.integrations.whisper.speakers import SpeakerTurns, read_speaker_turns

Record = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WhisperTranscript:
    """A transcript with its audio: a source for `annotate`, to score many recordings together.

    Attributes:
        transcript: A WhisperX or openai-whisper result, its segments, or any iterable of
            faster-whisper segments.
        audio: Anything `emo2vec_plugins.audio.open_audio` opens.
        diarization: Speaker turns, if the transcript has no speakers: anything
            `emo2vec_plugins.integrations.whisper.read_speaker_turns` reads.
        recording: Name of the recording in an RTTM of several. If None, that of the audio file.
    """

    transcript: Any
    audio: Any
    diarization: Any = None
    recording: str | None = None


def annotate_segments(
    transcript: Any,
    audio: Any,
    *,
    score: Scorer,
    diarization: Any = None,
    recording: str | None = None,
    options: Options | None = None,
    plugins: Plugins | None = None,
) -> Any:
    """Return a copy of a transcript with an emotion on every segment.

    A segment without times, or with times in the wrong order, gets None and a reason. A segment
    with a label keeps it and is not scored, unless ``options.overwrite`` is set.

    Args:
        transcript: A WhisperX or openai-whisper result, its segments, or any iterable of
            faster-whisper segments.
        audio: The transcribed audio: anything `emo2vec_plugins.audio.open_audio` opens. For
            ``samples = whisperx.load_audio(...)``, pass ``(samples, 16000)``.
        score: An `Engine` or another `Scorer`.
        diarization: Speaker turns: anything
            `emo2vec_plugins.integrations.whisper.read_speaker_turns` reads. Each segment and word
            gets the speaker who speaks longest in it, which replaces an existing speaker.
        recording: Name of the recording in an RTTM of several. If None, that of the audio file.
        options: What to attach, and whether to exclude overlapped frames.
        plugins: The installed plugins by default.

    Returns:
        A copy of the result or of the list of segments. faster-whisper segments cannot have more
        fields, so the result is a list of dictionaries with their fields.

    Raises:
        SourceError: If the transcript or the diarization is of another type.
        FormatError: If the RTTM is malformed, or has several recordings and no match.
        OSError: If the RTTM cannot be read.
    """
    source = WhisperTranscript(
        transcript=transcript, audio=audio, diarization=diarization, recording=recording
    )
    [result] = annotate([source], score=score, plugins=plugins, options=options, failed=raise_error)
    return result


@hookimpl
def emo2vec_open(source: Any, options: Options) -> SegmentsSession | None:
    """Open a `WhisperTranscript`, or a transcript whose audio is in the options."""
    if isinstance(source, WhisperTranscript):
        return SegmentsSession(source, options)
    is_list = isinstance(source, list | tuple) and bool(source) and all(map(_is_segment, source))
    if not (is_list or _is_result(source)):
        return None
    if options.audio is None:
        raise OptionsError("a transcript has no audio; pass Options(audio=...)")
    return SegmentsSession(WhisperTranscript(transcript=source, audio=options.audio), options)


class SegmentsSession(RecordsSession):
    """The segments of one transcript, in order. Segments without times are not scored."""

    def __init__(self, source: WhisperTranscript, options: Options) -> None:
        self._result, self._segments = _copied(source.transcript)
        self._speakers = SpeakerTurns(())
        # Speakers first: overlap depends on them.
        if source.diarization is not None:
            is_path = isinstance(source.audio, str | os.PathLike)
            name = source.recording or (Path(source.audio).stem if is_path else None)
            self._speakers = read_speaker_turns(source.diarization, recording=name)
            self._assign_speakers()
        turns = [_turn(each) for each in self._segments]
        super().__init__(self._segments, source.audio, turns, options)

    def clips(self) -> Iterator[Clip]:
        """Yield a clip with its overlap for each segment with times that must be scored."""
        for clip in super().clips():
            yield replace(clip, overlaps=self._others(clip))

    def finish(self) -> Any:
        """Return a copy of the transcript with emotions."""
        segments = self.records()
        return segments if self._result is None else {**self._result, "segments": segments}

    def _assign_speakers(self) -> None:
        """Give segments and words the speaker who speaks longest in them."""
        words = [word for segment in self._segments for word in _words(segment)]
        # In a result that was read from a file, these are not the same objects.
        words += (self._result or {}).get("word_segments") or ()
        for record in (*self._segments, *words):
            turn = _turn(record)
            who = self._speakers.dominant(turn.start, turn.end) if isinstance(turn, Turn) else None
            if who is not None:
                record["speaker"] = who

    def _others(self, clip: Clip) -> tuple[Span, ...] | None:
        """Return where other speakers talk, by segments, words and the diarization."""
        turn, found = clip.turn, clip.overlaps
        if turn.speaker is None or found is None:
            return None
        # In WhisperX a segment has one speaker, but its words may have several.
        words = map(_turn, _words(self._segments[clip.key]))
        by_word = SpeakerTurns(each for each in words if isinstance(each, Turn))
        for speakers in (by_word, self._speakers):
            found = (*found, *speakers.others(turn.speaker, turn.start, turn.end))
        return tuple(union(found))


def _copied(transcript: Any) -> tuple[Record | None, list[Record]]:
    """Return a copy of the result, or None for other transcripts, and the segments in that copy.

    The result is copied as a whole: in WhisperX the words of segments and ``word_segments`` are
    the same objects, which the copy preserves.
    """
    if _is_result(transcript):
        result = copy.deepcopy(dict(transcript))
        return result, result["segments"]
    if isinstance(transcript, str | bytes | Mapping) or not isinstance(transcript, Iterable):
        raise _not_a_transcript(transcript)
    return None, [_record(each) for each in transcript]


def _record(segment: Any) -> Record:
    if _is_segment(segment):
        return asdict(segment)
    if isinstance(segment, Mapping) and "text" in segment:
        return copy.deepcopy(dict(segment))
    raise _not_a_transcript(segment)


def _not_a_transcript(given: Any) -> SourceError:
    return SourceError(
        "expected a WhisperX or openai-whisper result, or the segments of faster-whisper's "
        f"transcribe(), got {type(given).__name__}"
    )


def _is_result(given: Any) -> bool:
    if not isinstance(given, Mapping) or not isinstance(given.get("segments"), list):
        return False
    texts = all(isinstance(each, Mapping) and "text" in each for each in given["segments"])
    # If there are no segments, another key must match: dicts of other toolkits also have
    # "segments".
    return texts and bool(given["segments"] or "language" in given or "word_segments" in given)


def _is_segment(given: Any) -> bool:
    return is_a(given, "faster_whisper.transcribe", "Segment")


def _words(segment: Record) -> list[Record]:
    return segment.get("words") or []


def _turn(record: Record) -> Turn | str:
    """Return the turn of a segment or word, or the reason why its times are unknown."""
    speaker = record.get("speaker")
    times: Any = (record.get("start"), record.get("end"))
    try:
        return Turn(start=times[0], end=times[1], speaker=None if speaker is None else str(speaker))
    except InvalidTurnError as error:
        return f"no usable times: {error}"
