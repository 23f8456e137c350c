"""Speaker turns of a diarization, by which segments and words get their speakers."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from emo2vec_plugins.core import Span, Turn, shown
from emo2vec_plugins.errors import InvalidTurnError, SourceError
from emo2vec_plugins.formats import read_rttm
from emo2vec_plugins.integrations import chosen_recording, is_a


class SpeakerTurns:
    """The speaker turns of one recording, with lookups by span.

    Args:
        turns: Turns in any order. Turns without a speaker are ignored.
    """

    def __init__(self, turns: Iterable[Turn]) -> None:
        self._turns = sorted(
            (turn for turn in turns if turn.speaker is not None), key=lambda turn: turn.start
        )
        self._starts = [turn.start for turn in self._turns]
        self._reach = list(accumulate((turn.end for turn in self._turns), max))

    def dominant(self, start: float, end: float) -> str | None:
        """Return the speaker who speaks longest in a span, or None if there is no speech.

        In a tie, the speaker who starts first.
        """
        seconds: dict[str, float] = defaultdict(float)
        for speaker, (left, right) in self._within(start, end):
            seconds[speaker] += right - left
        return max(seconds, key=seconds.__getitem__, default=None)

    def others(self, speaker: str, start: float, end: float) -> list[Span]:
        """Return the parts of a span in which other speakers talk. They may overlap."""
        return [span for other, span in self._within(start, end) if other != speaker]

    def _within(self, start: float, end: float) -> Iterator[tuple[str, Span]]:
        """Yield (speaker, part of the span) for each turn in a span, in order of start."""
        # A long turn before many short ones may end in the span, so go back while any earlier
        # turn ends after the start of the span.
        stop = first = bisect_left(self._starts, end)
        while first and self._reach[first - 1] > start:
            first -= 1
        for turn in self._turns[first:stop]:
            left, right = max(turn.start, start), min(turn.end, end)
            if left < right and turn.speaker is not None:
                yield turn.speaker, (left, right)


def read_speaker_turns(diarization: Any, *, recording: str | None = None) -> SpeakerTurns:
    """Return the speaker turns of a diarization.

    Args:
        diarization: The path of an RTTM; a pyannote ``Annotation`` or ``DiarizeOutput``; a list
            of `Turn`, or of mappings with ``start``, ``end`` and ``speaker``; or a table with
            these columns, such as WhisperX's ``DiarizationPipeline`` returns.
        recording: Name of the recording in an RTTM of several.

    Raises:
        FormatError: If the file is not RTTM, or has several recordings but not *recording*.
        SourceError: If the diarization is of another type.
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
            f"expected a speaker turn with start, end and speaker, got {shown(given)}"
        ) from error


def _not_turns(given: Any) -> SourceError:
    return SourceError(
        "expected speaker turns as the path of an RTTM, a pyannote Annotation or DiarizeOutput, or "
        f"a list or table with start, end and speaker, got {type(given).__name__}"
    )
