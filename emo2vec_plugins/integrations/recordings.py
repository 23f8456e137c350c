"""What hosts build on: the session over one recording, and how they know a library's objects.

Opens `Recording` sources and audio files.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.core import (
    Clip,
    Dialogue,
    Emotion,
    Options,
    Recording,
    ScoredTurn,
    Turn,
    hookimpl,
    kept,
    overlaps,
)
from emo2vec_plugins.errors import AudioError, FormatError
from emo2vec_plugins.integrations.fields import is_wanted, refuse_frames, with_emotion

if TYPE_CHECKING:
    from emo2vec_plugins.core import Audio
    from emo2vec_plugins.formats import RttmRecording

FRAMES = ("frame_embeddings", "frame_logits")
"""The arrays of an emotion that grow with the length of its turn."""

NOWHERE = Turn(start=0.0, end=0.0)
"""Stands for what is not a turn."""


@hookimpl
def emo2vec_open(source: Any, options: Options) -> RecordingSession | None:
    """Open a `Recording`, or the path of an audio file as one turn."""
    match source:
        case Recording(recording=name, audio=audio, turns=turns):
            return RecordingSession(name, audio, turns, options)
        case str() | os.PathLike():
            return RecordingSession(Path(source).stem, source, None, options)
    return None


class RecordingSession:
    """The turns of one recording, in the order given; arrays asked for stay in memory.

    Args:
        recording: Its name.
        audio: Anything `emo2vec_plugins.audio.open_audio` opens.
        turns: None for one turn over all of it. A string stands for an item that is not a turn:
            it is not scored, and the string is the reason.
        options: The overlap policy, and which arrays to keep.
        wanted: Places in *turns* of what must be scored; all of them if None. The others count
            as overlap alone.
    """

    def __init__(
        self,
        recording: str,
        audio: Any,
        turns: Sequence[Turn | str] | None,
        options: Options,
        *,
        wanted: Collection[int] | None = None,
    ) -> None:
        # Imported here, because listing plugins must not load numpy.
        from emo2vec_plugins.audio import open_audio
        from emo2vec_plugins.files import Spill

        self._recording = recording
        self._audio = open_audio(audio)
        if turns is None:
            # Audio that cannot be read fails again in the engine, which gives the turn its reason.
            turns = [Turn(start=0.0, end=seconds_of(self._audio) or 0.0)]
        self._turns = turns
        self._options = options
        self._wanted = range(len(self._turns)) if wanted is None else wanted
        self._emotions = {
            place: Emotion(reason=found)
            for place, found in enumerate(self._turns)
            if isinstance(found, str) and place in self._wanted
        }
        self._frames: dict[int, dict[str, Any]] = {}
        self._spill = Spill()

    def clips(self) -> Iterator[Clip]:
        """Yield one clip a turn, its place as the key, with the spans in which others speak."""
        # Unwanted turns are in here, too: their speakers overlap the wanted ones.
        alone = self._options.overlap == "exclude"
        turns = {place: turn for place, turn in enumerate(self._turns) if isinstance(turn, Turn)}
        for (place, turn), spans in zip(turns.items(), overlaps([*turns.values()]), strict=True):
            if place in self._wanted:
                yield Clip(turn=turn, audio=self._audio, overlaps=spans, alone=alone, key=place)

    def take(self, clip: Clip, emotion: Emotion) -> None:
        """Keep the result beside its turn."""
        emotion = kept(emotion, self._options)
        arrays = {name: getattr(emotion, name) for name in FRAMES}
        frames = {name: array for name, array in arrays.items() if array is not None}
        self._spill.add(frames)
        # The mapping alone refers to the frames, so that memory is free once they are on disk.
        self._frames[clip.key] = frames
        self._emotions[clip.key] = replace(emotion, frame_embeddings=None, frame_logits=None)

    def emotions(self) -> dict[int, Emotion]:
        """Return the emotions of what was wanted, by place."""
        return {
            place: replace(emotion, **self._frames.get(place, {}))
            for place, emotion in sorted(self._emotions.items())
        }

    def finish(self) -> Any:
        """Return a `Dialogue` of what was wanted; hosts return a copy of their own source."""
        path = getattr(self._audio, "path", None)
        turns = [NOWHERE if isinstance(each, str) else each for each in self._turns]
        scored = (
            ScoredTurn(turn=turns[place], emotion=emotion)
            for place, emotion in self.emotions().items()
        )
        return Dialogue(
            recording=self._recording,
            turns=tuple(scored),
            audio=None if path is None else str(path),
            duration=seconds_of(self._audio),
        )


class RecordsSession(RecordingSession):
    """The records of one recording, such as sentences of a transcript, each of which gets fields.

    Args:
        records: Those with a label, and all arrays asked for, are not scored.
        audio: Anything `emo2vec_plugins.audio.open_audio` opens.
        turns: When each record is spoken, or why that is not known.
        options: The fields' prefix, and what else they say.

    Raises:
        OptionsError: If frames are asked for.
    """

    def __init__(
        self,
        records: Sequence[Mapping[str, Any]],
        audio: Any,
        turns: Sequence[Turn | str],
        options: Options,
    ) -> None:
        refuse_frames(options, "a transcript")
        wanted = {place for place, record in enumerate(records) if is_wanted(record, options)}
        super().__init__("", audio, turns, options, wanted=wanted)
        self._records = records

    def records(self) -> list[dict[str, Any]]:
        """Return copies of the records, with their fields."""
        emotions = self.emotions()
        return [
            with_emotion(record, emotions.get(place, Emotion()), self._options)
            for place, record in enumerate(self._records)
        ]


def seconds_of(audio: Audio) -> float | None:
    """Return how long a sound is; None if it cannot be read."""
    try:
        return audio.length / audio.rate
    except AudioError:
        return None


def unscored(source: Recording, error: Exception) -> Dialogue:
    """Return every turn of *source* without a label, *error* being the reason."""
    turns = [NOWHERE] if source.turns is None else source.turns
    emotion = Emotion(reason=str(error))
    return Dialogue(
        recording=source.recording,
        turns=tuple(ScoredTurn(turn=turn, emotion=emotion) for turn in turns),
    )


def chosen_recording(
    recordings: Sequence[RttmRecording], *names: str | None, only: bool = True
) -> RttmRecording:
    """Return the recording of an RTTM that is meant: the first of *names* that is there.

    Args:
        recordings: Of one RTTM.
        names: What the recording may be called, the likeliest first.
        only: Take the only recording, whatever it is called.

    Raises:
        FormatError: If there is none of these names, and not one alone.
    """
    by_name = {each.recording: each for each in recordings}
    for name in names:
        if name in by_name:
            return by_name[name]
    if only and len(recordings) == 1:
        return recordings[0]
    wanted = "one recording" if names[0] is None else f"turns of {names[0]!r}"
    found = ", ".join(map(repr, by_name)) or "no turns at all"
    raise FormatError(f"expected {wanted} in the RTTM, found {found}; recording=... chooses one")


def is_a(source: Any, module: str, *names: str) -> bool:
    """Return whether *source* is an instance of one of a module's classes.

    The module is never imported: as long as it is not loaded, no object is of its classes.
    """
    loaded = sys.modules.get(module)
    kinds = [getattr(loaded, name, None) for name in names]
    return isinstance(source, tuple(kind for kind in kinds if isinstance(kind, type)))
