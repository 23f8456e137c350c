"""Who speaks when, from whatever says so, and who speaks in a given span.

A transcript that names no speakers is joined here with a diarization: each span gets the speaker
who speaks longest in it, as WhisperX does it.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from emo2vec_plugins.core import Span, Turn
from emo2vec_plugins.errors import InvalidTurnError, SourceError
from emo2vec_plugins.formats import read_rttm
from emo2vec_plugins.integrations import chosen_recording, is_a


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
        return SpeakerTurns(map(_turn, diarization))
    raise _not_turns(diarization)


def _turn(given: Any) -> Turn:
    if isinstance(given, Turn):
        return given
    if not isinstance(given, Mapping):
        raise _not_turns(given)
    try:
        start, end, speaker = (given[key] for key in ("start", "end", "speaker"))
        return Turn(start=float(start), end=float(end), speaker=str(speaker))
    except InvalidTurnError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise SourceError(
            f"a speaker turn has 'start' and 'end' in seconds and a 'speaker', got {given!r:.200}"
        ) from error


def _not_turns(given: Any) -> SourceError:
    return SourceError(
        "speaker turns are the path of an RTTM, pyannote's Annotation or DiarizeOutput, a list of "
        f"Turn, or mappings or a table with start, end and speaker; got {type(given).__name__}"
    )
