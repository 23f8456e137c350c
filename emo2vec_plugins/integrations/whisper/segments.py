"""Transcripts of WhisperX, openai-whisper and faster-whisper, with an emotion on every segment.

None of them is imported: a result of WhisperX is recognised by its structure, and a segment of
faster-whisper exists only if that library is loaded. A transcript that names no speakers is joined
with a diarization: each span gets the speaker who speaks longest in it, as WhisperX does it.
"""

from __future__ import annotations

import copy
import os
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import accumulate
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
from emo2vec_plugins.formats import read_rttm
from emo2vec_plugins.integrations import RecordsSession, chosen_recording, is_a

Record = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WhisperTranscript:
    """A transcript with the audio it is of: a source, for many recordings in one stream.

    Attributes:
        transcript: What WhisperX or openai-whisper returns, or the segments in it; or the
            segments of faster-whisper, in a list or as they come.
        audio: Anything `emo2vec_plugins.audio.open_audio` opens.
        diarization: Who speaks when, where the transcript does not say: anything
            `emo2vec_plugins.integrations.whisper.read_speaker_turns` reads.
        recording: Its name in a diarization of several; the audio file's if None.
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
    """Return a transcript with an emotion on every segment.

    Segments without times, or whose times are not in order, have no label and a reason. Those that
    have a label keep it and are not scored, unless the options say otherwise.

    Args:
        transcript: What WhisperX or openai-whisper returns, or the segments in it; or the
            segments of faster-whisper, in a list or as they come.
        audio: What was transcribed: anything `emo2vec_plugins.audio.open_audio` opens. What
            ``whisperx.load_audio`` gives is ``(samples, 16000)``.
        score: An `Engine`, or anything that keeps the contract of `Scorer`.
        diarization: Who speaks when, where the transcript does not say: anything
            `emo2vec_plugins.integrations.whisper.read_speaker_turns` reads. Segments and
            words get the speaker who speaks longest in them, in place of one they have.
        recording: Its name in an RTTM of several; the audio file's if None.
        options: What to attach, and whether to leave out what other speakers say in a segment.
        plugins: Those installed, unless given.

    Returns:
        A copy of a result, or of a list of segments; for faster-whisper's segments, which have
        no room for more, a list of their fields as dicts, in the same shape.

    Raises:
        SourceError: If the transcript or the diarization is none of these.
        FormatError: If an RTTM is none, or has several recordings and none is the audio's.
        OSError: If an RTTM cannot be read.
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
        raise OptionsError("a transcript does not name its audio: pass Options(audio=...)")
    return SegmentsSession(WhisperTranscript(transcript=source, audio=options.audio), options)


class SegmentsSession(RecordsSession):
    """The segments of one transcript, in their order; those without times are not scored."""

    def __init__(self, source: WhisperTranscript, options: Options) -> None:
        self._result, self._segments = _copied(source.transcript)
        self._speakers = SpeakerTurns(())
        # Speakers first: who overlaps whom depends on them.
        if source.diarization is not None:
            is_path = isinstance(source.audio, str | os.PathLike)
            name = source.recording or (Path(source.audio).stem if is_path else None)
            self._speakers = read_speaker_turns(source.diarization, recording=name)
            self._assign_speakers()
        turns = [_turn(each) for each in self._segments]
        super().__init__(self._segments, source.audio, turns, options)

    def clips(self) -> Iterator[Clip]:
        """Yield one clip a segment with times and no label, and where others speak in it."""
        for clip in super().clips():
            yield replace(clip, overlaps=self._others(clip))

    def finish(self) -> Any:
        """Return the transcript with the emotions."""
        segments = self.records()
        return segments if self._result is None else {**self._result, "segments": segments}

    def _assign_speakers(self) -> None:
        """Give segments and words the speaker who speaks longest in them."""
        words = [word for segment in self._segments for word in _words(segment)]
        # In a result that was read from a file, these are not the words of the segments.
        words += (self._result or {}).get("word_segments") or ()
        for record in (*self._segments, *words):
            turn = _turn(record)
            who = self._speakers.dominant(turn.start, turn.end) if isinstance(turn, Turn) else None
            if who is not None:
                record["speaker"] = who

    def _others(self, clip: Clip) -> tuple[Span, ...] | None:
        """Return where others speak, by other segments, by the words, and by the diarization."""
        turn, found = clip.turn, clip.overlaps
        if turn.speaker is None or found is None:
            return None
        # WhisperX gives a segment one speaker, though its words may have several.
        words = map(_turn, _words(self._segments[clip.key]))
        by_word = SpeakerTurns(each for each in words if isinstance(each, Turn))
        for speakers in (by_word, self._speakers):
            found = (*found, *speakers.others(turn.speaker, turn.start, turn.end))
        return tuple(union(found))


def _copied(transcript: Any) -> tuple[Record | None, list[Record]]:
    """Return a copy of a result, None if it is none, and its segments, which are in that copy.

    All of it is copied at once: in WhisperX the words of the segments and ``word_segments`` are
    the same objects, and stay so.
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
        "a transcript is what WhisperX or openai-whisper returns, or the first of what "
        f"faster-whisper's transcribe() returns; got {type(given).__name__}"
    )


def _is_result(given: Any) -> bool:
    if not isinstance(given, Mapping) or not isinstance(given.get("segments"), list):
        return False
    texts = all(isinstance(each, Mapping) and "text" in each for each in given["segments"])
    # Without segments it must have something else of a transcript: other toolkits' dicts have
    # "segments", too.
    return texts and bool(given["segments"] or "language" in given or "word_segments" in given)


def _is_segment(given: Any) -> bool:
    return is_a(given, "faster_whisper.transcribe", "Segment")


def _words(segment: Record) -> list[Record]:
    return segment.get("words") or []


def _turn(record: Record) -> Turn | str:
    """Return when a segment or a word is spoken and by whom, or why that is not known."""
    speaker = record.get("speaker")
    times: Any = (record.get("start"), record.get("end"))
    try:
        return Turn(start=times[0], end=times[1], speaker=None if speaker is None else str(speaker))
    except InvalidTurnError as error:
        return f"no times to go by: {error}"


class SpeakerTurns:
    """The speaker turns of one recording, which know who speaks in any span of it.

    Args:
        turns: In any order; those without a speaker are left out.
    """

    def __init__(self, turns: Iterable[Turn]) -> None:
        self._turns = sorted(
            (turn for turn in turns if turn.speaker is not None), key=lambda turn: turn.start
        )
        self._starts = [turn.start for turn in self._turns]
        self._reach = list(accumulate((turn.end for turn in self._turns), max))

    def dominant(self, start: float, end: float) -> str | None:
        """Return who speaks longest in a span, the first of several; None if no one does."""
        seconds: dict[str, float] = defaultdict(float)
        for speaker, (left, right) in self._within(start, end):
            seconds[speaker] += right - left
        return max(seconds, key=seconds.__getitem__, default=None)

    def others(self, speaker: str, start: float, end: float) -> list[Span]:
        """Return the parts of a span in which others than *speaker* speak; they may overlap."""
        return [span for other, span in self._within(start, end) if other != speaker]

    def _within(self, start: float, end: float) -> Iterator[tuple[str, Span]]:
        """Yield the speakers in a span and which part of it they speak, in order of their turns."""
        # A long turn may reach into the span from before many short ones: go back as long as
        # any turn so far reaches beyond the start.
        stop = first = bisect_left(self._starts, end)
        while first and self._reach[first - 1] > start:
            first -= 1
        for turn in self._turns[first:stop]:
            left, right = max(turn.start, start), min(turn.end, end)
            if left < right and turn.speaker is not None:
                yield turn.speaker, (left, right)


def read_speaker_turns(diarization: Any, *, recording: str | None = None) -> SpeakerTurns:
    """Return the speaker turns that a diarization has.

    Args:
        diarization: The path of an RTTM; pyannote's ``Annotation`` or ``DiarizeOutput``; a list
            of `Turn`, or of mappings with ``start``, ``end`` and ``speaker``; or a table with
            these columns, which WhisperX's ``DiarizationPipeline`` gives.
        recording: Of an RTTM with several recordings, which one to take.

    Raises:
        FormatError: If the file is not RTTM, or has several recordings and none is *recording*.
        SourceError: If the diarization is none of these.
        OSError: If the RTTM cannot be read.
    """
    if isinstance(diarization, str | os.PathLike):
        recordings = read_rttm(Path(diarization))
        return SpeakerTurns(chosen_recording(recordings, recording).turns if recordings else ())
    annotation = getattr(diarization, "speaker_diarization", diarization)
    if is_a(annotation, "pyannote.core", "Annotation"):
        return SpeakerTurns(
            Turn(start=float(segment.start), end=float(segment.end), speaker=str(speaker))
            for segment, _, speaker in annotation.itertracks(yield_label=True)
        )
    if hasattr(diarization, "to_dict") and hasattr(diarization, "columns"):
        diarization = diarization.to_dict("records")
    if isinstance(diarization, Sequence):
        return SpeakerTurns(map(_given_turn, diarization))
    raise _not_turns(diarization)


def _given_turn(given: Any) -> Turn:
    if isinstance(given, Turn):
        return given
    if not isinstance(given, Mapping):
        raise _not_turns(given)
    try:
        return Turn(
            start=float(given["start"]), end=float(given["end"]), speaker=str(given["speaker"])
        )
    except InvalidTurnError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise SourceError(
            f"a speaker turn has start, end and speaker, got {given!r:.200}"
        ) from error


def _not_turns(given: Any) -> SourceError:
    return SourceError(
        "speaker turns are the path of an RTTM, pyannote's Annotation or DiarizeOutput, or a list or "
        f"table with start, end and speaker; got {type(given).__name__}"
    )
