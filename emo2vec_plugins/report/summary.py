"""What each speaker's turns come to: how long, in which emotion, and how often that changed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter, itemgetter

from emo2vec_plugins.core import Dialogue, ScoredTurn

SPAN = attrgetter("turn.start", "turn.end")
"""Of a scored turn: when it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerSummary:
    """One speaker of a recording, summed up.

    Where turns of the speaker overlap, the time counts once, and is divided evenly among them:
    *emotions* and *unscored_seconds* add up to *seconds*.

    Attributes:
        speaker: None for the turns of nobody known.
        turns: How many there are.
        unscored: How many of them have no label.
        seconds: For how long the speaker talks.
        emotions: Seconds of each label, the longest first, then by name.
        unscored_seconds: Seconds of turns without a label.
        changes: How often a turn has another label than the one before it, turns without a label
            passed over.
        score: Mean of the turns' scores, each turn counting once; None if no turn has any.
    """

    speaker: str | None
    turns: int
    unscored: int
    seconds: float
    emotions: Mapping[str, float]
    unscored_seconds: float
    changes: int
    score: float | None

    @property
    def shares(self) -> dict[str, float]:
        """Share of each label in all that the speaker says, unscored turns included."""
        return {label: _share(part, self.seconds) for label, part in self.emotions.items()}

    @property
    def unscored_share(self) -> float:
        """Share of turns without a label in all that the speaker says."""
        return _share(self.unscored_seconds, self.seconds)


def summarise(dialogue: Dialogue) -> list[SpeakerSummary]:
    """Return one summary for each speaker, in the order in which they begin to talk."""
    return [_summary(speaker, turns) for speaker, turns in by_speaker(dialogue.turns).items()]


def by_speaker(turns: Iterable[ScoredTurn]) -> dict[str | None, list[ScoredTurn]]:
    """Return each speaker's turns in order of time, speakers as they begin to talk."""
    found: dict[str | None, list[ScoredTurn]] = defaultdict(list)
    for scored in sorted(turns, key=SPAN):
        found[scored.turn.speaker].append(scored)
    return dict(found)


def _summary(speaker: str | None, turns: Sequence[ScoredTurn]) -> SpeakerSummary:
    labels = [each.emotion.label for each in turns if each.emotion.label is not None]
    scores = [each.emotion.score for each in turns if each.emotion.score is not None]
    spoken = _seconds(turns)
    said = {label: spoken[label] for label in labels}
    return SpeakerSummary(
        speaker=speaker,
        turns=len(turns),
        unscored=len(turns) - len(labels),
        seconds=sum(spoken.values()),
        emotions=dict(sorted(said.items(), key=lambda item: (-item[1], item[0]))),
        unscored_seconds=spoken.get(None, 0.0),
        changes=sum(before != after for before, after in pairwise(labels)),
        score=sum(scores) / len(scores) if scores else None,
    )


def _seconds(turns: Sequence[ScoredTurn]) -> dict[str | None, float]:
    """Return how long each label is heard, None for no label."""
    found: dict[str | None, float] = {each.emotion.label: 0.0 for each in turns}
    # Overlapping turns of one speaker share the time, or shares would exceed 1.
    for seconds, heard in _moments(turns):
        for label, count in heard.items():
            found[label] += seconds * count / heard.total()
    return found


def _moments(turns: Sequence[ScoredTurn]) -> Iterator[tuple[float, Counter[str | None]]]:
    """Cut time where turns begin and end; yield each piece's length and the labels heard in it."""
    begins = [(each.turn.start, each.emotion.label, 1) for each in turns]
    ends = [(each.turn.end, each.emotion.label, -1) for each in turns]
    heard: Counter[str | None] = Counter()
    last = 0.0
    for time, label, change in sorted(begins + ends, key=itemgetter(0)):
        if time > last and heard:
            yield time - last, heard
        last = time
        heard[label] += change
        if not heard[label]:
            del heard[label]


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0
