"""Base sessions for hosts, and the built-in plugin for `Recording` sources and audio files."""

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
    shown,
)
from emo2vec_plugins.errors import AudioError, FormatError
from emo2vec_plugins.integrations.fields import check_no_frames, is_wanted, with_emotion

if TYPE_CHECKING:
    from emo2vec_plugins.core import Audio
    from emo2vec_plugins.formats import RttmRecording

FRAMES = ("frame_embeddings", "frame_logits")
"""Arrays of an emotion whose size grows with the length of the turn."""

NOWHERE = Turn(start=0.0, end=0.0)
"""Placeholder for an item that is not a turn."""


@hookimpl
def emo2vec_open(source: Any, options: Options) -> RecordingSession | None:
    """Open a `Recording`, or an audio file as one turn."""
    match source:
        case Recording(recording=name, audio=audio, turns=turns):
            return RecordingSession(name, audio, turns, options)
        case str() | os.PathLike():
            return RecordingSession(Path(source).stem, source, None, options)
    return None


class RecordingSession:
    """The turns of one recording, in the given order.

    Embeddings stay in memory; many frames go to temporary files.

    Args:
        recording: Name of the recording.
        audio: Anything `emo2vec_plugins.audio.open_audio` opens.
        turns: None for one turn over the whole recording. A string marks an item that cannot be
            scored; the string is the reason.
        options: The overlap policy, and which arrays to keep.
        wanted: Indices in *turns* of the turns to score; None for all. The other turns count
            only as overlap.
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
        self._audio = open_audio(audio, permissions=options.permissions)
        if turns is None:
            # If the audio cannot be read, the engine fails too and sets the reason.
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
        """Yield a clip with its overlap for each wanted turn; the key is the index of the turn."""
        # Turns that are not wanted count as overlap.
        alone = self._options.overlap == "exclude"
        turns = {place: turn for place, turn in enumerate(self._turns) if isinstance(turn, Turn)}
        for (place, turn), spans in zip(turns.items(), overlaps([*turns.values()]), strict=True):
            if place in self._wanted:
                yield Clip(turn=turn, audio=self._audio, overlaps=spans, alone=alone, key=place)

    def take(self, clip: Clip, emotion: Emotion) -> None:
        """Store the emotion of a clip."""
        emotion = kept(emotion, self._options)
        arrays = {name: getattr(emotion, name) for name in FRAMES}
        frames = {name: array for name, array in arrays.items() if array is not None}
        self._spill.add(frames)
        # Only this mapping refers to the frames, so that moving them to disk frees the memory.
        self._frames[clip.key] = frames
        self._emotions[clip.key] = replace(emotion, frame_embeddings=None, frame_logits=None)

    def emotions(self) -> dict[int, Emotion]:
        """Return the emotions of the wanted turns, by index."""
        return {
            place: replace(emotion, **self._frames.get(place, {}))
            for place, emotion in sorted(self._emotions.items())
        }

    def finish(self) -> Any:
        """Return a `Dialogue` of the wanted turns. Hosts override this and copy their source."""
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
    """Records of one recording, such as the sentences of a transcript, that get emotion fields.

    Args:
        records: Records that have a label and all requested arrays are not scored.
        audio: Anything `emo2vec_plugins.audio.open_audio` opens.
        turns: The turn of each record, or the reason why its times are unknown.
        options: The prefix of the fields, and which arrays to add.

    Raises:
        OptionsError: If the options request frames.
    """

    def __init__(
        self,
        records: Sequence[Mapping[str, Any]],
        audio: Any,
        turns: Sequence[Turn | str],
        options: Options,
    ) -> None:
        check_no_frames(options, "a transcript")
        wanted = {place for place, record in enumerate(records) if is_wanted(record, options)}
        super().__init__("", audio, turns, options, wanted=wanted)
        self._records = records

    def records(self) -> list[dict[str, Any]]:
        """Return copies of the records with emotion fields."""
        emotions = self.emotions()
        return [
            with_emotion(record, emotions.get(place, Emotion()), self._options)
            for place, record in enumerate(self._records)
        ]


def seconds_of(audio: Audio) -> float | None:
    """Return the duration of *audio* in seconds, or None if it cannot be read."""
    try:
        return audio.length / audio.rate
    except AudioError:
        return None


def unscored(source: Recording, error: Exception) -> Dialogue:
    """Return a dialogue without labels, with *error* as the reason at every turn."""
    turns = [NOWHERE] if source.turns is None else source.turns
    emotion = Emotion(reason=str(error))
    return Dialogue(
        recording=source.recording,
        turns=tuple(ScoredTurn(turn=turn, emotion=emotion) for turn in turns),
    )


def chosen_recording(
    recordings: Sequence[RttmRecording], *names: str | None, only: bool = True
) -> RttmRecording:
    """Choose a recording of an RTTM file: the first of *names* that the file contains.

    Args:
        recordings: All recordings of one RTTM file.
        names: Possible names of the recording, the likeliest first.
        only: If the file has only one recording, choose it, even if its name differs.

    Raises:
        FormatError: If no recording can be chosen.
    """
    by_name = {each.recording: each for each in recordings}
    for name in names:
        if name in by_name:
            return by_name[name]
    if only and len(recordings) == 1:
        return recordings[0]
    wanted = "one recording" if names[0] is None else f"turns of {shown(names[0])}"
    found = ", ".join(map(repr, by_name)) or "no turns"
    raise FormatError(
        f"expected {wanted} in the RTTM file, found {found}; choose one with recording=NAME"
    )


def is_a(source: Any, module: str, *names: str) -> bool:
    """Return whether *source* is an instance of one of the classes *names* of *module*.

    The module is not imported: if it is not loaded, no instance of its classes can exist.
    """
    loaded = sys.modules.get(module)
    kinds = [getattr(loaded, name, None) for name in names]
    return isinstance(source, tuple(kind for kind in kinds if isinstance(kind, type)))
