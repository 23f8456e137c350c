"""Summaries of speakers: talk time, time per emotion, and changes of emotion."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter, itemgetter

from emo2vec_plugins.core import Dialogue, ScoredTurn
from emo2vec_plugins.formats import placeholder

SPAN = attrgetter("turn.start", "turn.end")
"""Returns the start and the end of a scored turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerSummary:
    """A summary of one speaker of a recording.

    If turns of the speaker overlap, the time counts once and is split evenly among them:
    *emotions* and *unscored_seconds* add up to *seconds*.

    Attributes:
        speaker: None for turns without a speaker.
        turns: Number of turns.
        unscored: Number of turns without a label.
        seconds: Talk time.
        emotions: Seconds of each label, the longest first, then by name.
        unscored_seconds: Seconds of turns without a label.
        changes: Number of turns whose label differs from that of the turn before, ignoring turns
            without a label.
        score: Mean of the turns' scores, unweighted; None if no turn has a score.
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
        """Share of each label in the talk time, which includes unscored turns."""
        return {label: _share(part, self.seconds) for label, part in self.emotions.items()}

    @property
    def unscored_share(self) -> float:
        """Share of turns without a label in the talk time."""
        return _share(self.unscored_seconds, self.seconds)


def summarise(dialogue: Dialogue) -> list[SpeakerSummary]:
    """Return one summary for each speaker, in the order of their first turns."""
    return [_summary(speaker, turns) for speaker, turns in by_speaker(dialogue.turns).items()]


def placeholders(dialogue: Dialogue) -> Counter[str]:
    """Count the turns without a label, by the text that stands in its place."""
    emotions = (each.emotion for each in dialogue.turns)
    return Counter(placeholder(each) for each in emotions if each.label is None)


def by_speaker(turns: Iterable[ScoredTurn]) -> dict[str | None, list[ScoredTurn]]:
    """Return each speaker's turns sorted by time, with speakers in the order of their first turns."""
    found: dict[str | None, list[ScoredTurn]] = defaultdict(list)
    for scored in sorted(turns, key=SPAN):
        found[scored.turn.speaker].append(scored)
    return dict(found)


def _summary(speaker: str | None, turns: Sequence[ScoredTurn]) -> SpeakerSummary:
    labels = [each.emotion.label for each in turns if each.emotion.label is not None]
    scores = [each.emotion.score for each in turns if each.emotion.score is not None]
    seconds = _seconds(turns)
    emotions = {label: seconds[label] for label in labels}
    return SpeakerSummary(
        speaker=speaker,
        turns=len(turns),
        unscored=len(turns) - len(labels),
        seconds=sum(seconds.values()),
        emotions=dict(sorted(emotions.items(), key=lambda item: (-item[1], item[0]))),
        unscored_seconds=seconds.get(None, 0.0),
        changes=sum(before != after for before, after in pairwise(labels)),
        score=sum(scores) / len(scores) if scores else None,
    )


def _seconds(turns: Sequence[ScoredTurn]) -> dict[str | None, float]:
    """Return the seconds of each label; None is the key of turns without a label."""
    found: dict[str | None, float] = {each.emotion.label: 0.0 for each in turns}
    # Overlapping turns of one speaker split the time; otherwise shares would exceed 1.
    for seconds, active in _moments(turns):
        for label, count in active.items():
            found[label] += seconds * count / active.total()
    return found


def _moments(turns: Sequence[ScoredTurn]) -> Iterator[tuple[float, Counter[str | None]]]:
    """Split time where turns begin and end; yield each piece's duration and active labels."""
    begins = [(each.turn.start, each.emotion.label, 1) for each in turns]
    ends = [(each.turn.end, each.emotion.label, -1) for each in turns]
    active: Counter[str | None] = Counter()
    last = 0.0
    for time, label, change in sorted(begins + ends, key=itemgetter(0)):
        if time > last and active:
            yield time - last, active
        last = time
        active[label] += change
        if not active[label]:
            del active[label]


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0
