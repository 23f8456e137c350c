"""What the checks know about a turn: facts of the manifest, and numbers about its sound."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from emo2vec_plugins.evaluation import few
from emo2vec_plugins.training.data_check.sound import Sound
from emo2vec_plugins.training.examples import Example, audio_of

Weight = Literal["error", "warning", "note"]
"""How much a finding matters; with an error, training is impossible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that was found in training data.

    Attributes:
        kind: What it is, a short name.
        weight: How much it matters.
        what: What was found, with its numbers.
        example: Ids of turns, as text; empty if it is about no single turn.
        advice: What to do.
    """

    kind: str
    weight: Weight
    what: str
    example: str = ""
    advice: str = ""

    def __str__(self) -> str:
        """Return the finding as one line."""
        example = f" (for example {self.example})" if self.example else ""
        return f"{self.what}{example}{self.advice and f'; {self.advice}'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedTurn:
    """A labelled turn.

    Attributes:
        id: Id of the turn.
        label: Its label.
        seconds: Its length.
        speaker: None if the manifest does not tell; likewise *corpus*, *language*, *sex*.
        corpus: Name of the corpus.
        language: Language spoken, without its region: ``en`` for ``en-US``.
        sex: Sex of the speaker.
        rate: Sampling rate of the audio in Hz; None if the cut has none.
        file: Path of the audio; None if it has none, or is in memory.
        place: Identifies the recording, the channel and the span of the turn.
        is_dev: Whether it is a development turn.
        sound: None if the audio was not read.
    """

    id: str
    label: str
    seconds: float
    speaker: str | None = None
    corpus: str | None = None
    language: str | None = None
    sex: str | None = None
    rate: int | None = None
    file: str | None = None
    place: str = ""
    is_dev: bool = False
    sound: Sound | None = None


def checked_turn(example: Example, *, is_dev: bool = False) -> CheckedTurn:
    """Return what the manifest tells about a turn."""
    own, audio = example.supervision, audio_of(example.cut)
    sources = [source for track in audio for source in track[2]]
    # A window of one recording is known by its file; of a mixture, by all tracks.
    where = sources if len(audio) == 1 else audio or [example.id]
    start = round(example.cut.start + own.start, 3)
    place = [start, round(own.duration, 3), own.channel, where]
    return CheckedTurn(
        id=example.id,
        label=example.label,
        seconds=example.duration,
        speaker=example.speaker,
        corpus=example.known("corpus"),
        language=example.known("language"),
        sex=example.known("gender"),
        rate=audio[0][1][1] if audio else None,
        file=next((source for kind, _, source in sources if kind == "file"), None),
        place=json.dumps(place, ensure_ascii=False),
        is_dev=is_dev,
    )


def grouped(turns: Iterable[CheckedTurn], field: str) -> dict[str, list[CheckedTurn]]:
    """Return the turns of each known value of a field, sorted by value."""
    found: dict[str, list[CheckedTurn]] = {}
    for turn in turns:
        value = getattr(turn, field)
        if value is not None:
            found.setdefault(value, []).append(turn)
    return dict(sorted(found.items()))


def described(groups: Mapping[str, Sequence[CheckedTurn]]) -> str:
    """Return the number of turns of each group as text: ``angry 12, sad 3``."""
    return few([f"{name} {len(own):,}" for name, own in groups.items()], 9)


def ids(turns: Sequence[CheckedTurn], most: int = 3) -> str:
    """Return the ids of some turns as text."""
    return few([turn.id for turn in turns[:most]])
