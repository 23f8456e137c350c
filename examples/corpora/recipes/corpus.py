"""What a recipe gives: a corpus, and its utterances as their publisher describes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

NO_AGREEMENT = "no agreement"
"""Emotion of utterances for which a publisher found no majority."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One recorded utterance.

    Attributes:
        id: Id, unique within the corpus.
        path: The audio file. It may not exist, if a table lists it.
        language: ISO 639 code, or ``zxx`` for sounds without words.
        emotion: Emotion, as the publisher names it.
        speaker: Id within the corpus; None if the publisher does not say who speaks.
        sex: None if the publisher does not say.
        votes: Number of raters who chose an emotion, by the publisher's name for it.
        split: ``train``, ``dev`` or ``test...``, if the publisher divides the corpus.
        text: The words, if they are published.
        presumed: Whether nobody labelled the emotion, and it only is very likely.
        unusable: Why the utterance cannot be used; None if it can.
    """

    id: str
    path: Path
    language: str
    emotion: str
    speaker: str | None = None
    sex: Literal["female", "male"] | None = None
    votes: Mapping[str, int] = field(default_factory=dict)
    split: str | None = None
    text: str | None = None
    presumed: bool = False
    unusable: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """A corpus that a recipe can read.

    Attributes:
        name: Its name in commands, and the start of all ids and speakers.
        utterances: Returns the utterances below a folder; raises ``FormatError`` if the folder
            does not have the publisher's layout.
        attribution: Who made it, where it is and under which licence, for model cards.
    """

    name: str
    utterances: Callable[[Path], Iterator[Utterance]]
    attribution: str
