"""Recordings with turns, and plain audio files, annotated to a `Dialogue`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
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
from emo2vec_plugins.errors import AudioError

if TYPE_CHECKING:
    from emo2vec_plugins.core import Audio


@hookimpl
def emo2vec_open(source: Any, options: Options) -> RecordingSession | None:
    """Open a `Recording`, or the path of an audio file as one turn."""
    match source:
        case Recording():
            return _open(source, options)
        case str() | os.PathLike():
            return _open(Recording(recording=Path(source).stem, audio=source), options)
    return None


def _open(source: Recording, options: Options) -> RecordingSession:
    from emo2vec_plugins.audio import open_audio

    audio = open_audio(source.audio)
    turns = [_whole(audio)] if source.turns is None else source.turns
    return RecordingSession(source.recording, audio, turns, options)


class RecordingSession:
    """The turns of one recording, in the order given; arrays asked for stay in memory."""

    def __init__(self, name: str, audio: Audio, turns: Sequence[Turn], options: Options) -> None:
        self._name = name
        self._audio = audio
        self._turns = turns
        self._options = options
        self._scored: list[ScoredTurn] = []
        self._fresh = 0  # the first turn whose arrays are in memory
        self._bytes = 0  # of frames in memory

    def clips(self) -> Iterator[Clip]:
        """Yield one clip a turn, each with the spans in which other speakers are heard."""
        alone = self._options.overlap == "exclude"
        for turn, spans in zip(self._turns, overlaps(self._turns), strict=True):
            yield Clip(turn=turn, audio=self._audio, overlaps=spans, alone=alone)

    def take(self, clip: Clip, emotion: Emotion) -> None:
        """Keep the result beside its turn."""
        self._scored.append(ScoredTurn(turn=clip.turn, emotion=kept(emotion, self._options)))
        from emo2vec_plugins.files import MOST_BYTES  # only here: listing plugins loads no numpy

        self._bytes += sum(array.nbytes for array in self._in_memory(self._scored[-1]).values())
        if self._bytes > MOST_BYTES:
            self._spill()

    def finish(self) -> Dialogue:
        """Return the turns with their emotions."""
        path = getattr(self._audio, "path", None)
        return Dialogue(
            recording=self._name,
            turns=tuple(self._scored),
            audio=None if path is None else str(path),
            duration=seconds_of(self._audio),
        )

    def _spill(self) -> None:
        """Move the frames in memory to disk: those of many turns add up to those of a long one."""
        from emo2vec_plugins.files import moved_to_disk

        held = [self._in_memory(scored) for scored in self._scored[self._fresh :]]
        arrays = iter(moved_to_disk(array for fields in held for array in fields.values()))
        for index, fields in enumerate(held, self._fresh):
            moved: dict[str, Any] = {name: next(arrays) for name in fields}
            scored = self._scored[index]
            self._scored[index] = replace(scored, emotion=replace(scored.emotion, **moved))
        self._fresh, self._bytes = len(self._scored), 0

    def _in_memory(self, scored: ScoredTurn) -> dict[str, Any]:
        from emo2vec_plugins.files import is_on_disk

        emotion = scored.emotion
        frames = {
            "frame_embeddings": emotion.frame_embeddings,
            "frame_logits": emotion.frame_logits,
        }
        return {
            name: array
            for name, array in frames.items()
            if array is not None and not is_on_disk(array)
        }


def seconds_of(audio: Audio) -> float | None:
    """Return how long a sound is; None if it cannot be read."""
    try:
        return audio.length / audio.rate
    except AudioError:
        return None


def unscored(source: Recording, error: Exception) -> Dialogue:
    """Return every turn of *source* without a label, *error* being the reason."""
    turns = [Turn(start=0.0, end=0.0)] if source.turns is None else source.turns
    emotion = Emotion(reason=str(error))
    return Dialogue(
        recording=source.recording,
        turns=tuple(ScoredTurn(turn=turn, emotion=emotion) for turn in turns),
    )


def _whole(audio: Audio) -> Turn:
    return Turn(start=0.0, end=seconds_of(audio) or 0.0)  # what fails here fails in the engine, too
