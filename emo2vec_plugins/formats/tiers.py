"""Turns on tiers, as annotation tools for sound have them: named rows on which nothing overlaps.

Every speaker has a tier that is named after the speaker, and beside it ``emotion@SPEAKER`` with
the emotions. Turns of a speaker that overlap go to further tiers, ``SPEAKER#2`` and so on. Names
keep what is printable; the rest, and what would be taken for such a name, is escaped.

Read, every tier but ``emotion@`` is a speaker's, whoever wrote it, and what stands on it is turns.
An annotator may have moved one of two tiers and not the other: a turn has the emotion that overlaps
it most, if that is half of either at least. Emotions that belong to no turn are left out with a warning;
where there is no such speaker's tier, they are the speaker's turns.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from operator import itemgetter
from typing import NamedTuple

from emo2vec_plugins.core import UNSCORED, Dialogue, Emotion, ScoredTurn, Turn, rows_without_overlap
from emo2vec_plugins.errors import FormatError, warn
from emo2vec_plugins.formats.fidelity import grid
from emo2vec_plugins.formats.names import Escaping
from emo2vec_plugins.formats.rttm import NOBODY

EMOTION = "emotion@"
"""What the names of tiers with emotions begin with."""

_FURTHER = re.compile(r"(.+)#(?:[2-9]|[1-9][0-9]+)", re.DOTALL)

# Outer spaces are escaped, because tools strip what they read.
_TAKEN = re.compile(r"\A | \Z|(?<=\Aemotion)@|#(?=[0-9]+\Z)")
_NAMES = Escaping(str.isprintable, frozenset({NOBODY}), taken=_TAKEN)
_LABELS = Escaping(str.isprintable, frozenset({UNSCORED}), taken=re.compile(r"\A | \Z"))


class Segment(NamedTuple):
    """One turn on a tier that is to be written.

    Attributes:
        start: In ticks.
        end: In ticks, after *start*.
        label: What stands for the emotion.
    """

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """A speaker's tier that is to be written; the emotions are on the tier ``emotion@`` *name*.

    Attributes:
        name: No two are the same.
        speaker: What stands for the speaker, on all of the speaker's tiers.
        segments: By time; none overlaps another.
    """

    name: str
    speaker: str
    segments: tuple[Segment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What stands somewhere on a tier that was read, in seconds.

    Attributes:
        label: On a tier with emotions, the emotion. On another, the emotion that the file itself
            ties to the turn; None if it ties none.
    """

    start: float
    end: float
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTier:
    """A tier that was read.

    Attributes:
        name: As it stands in the file.
        spans: What stands on it, in any order.
        participant: Whom the file names as the speaker; the tier's name says it if empty.
        texts: What its turns say. It is left out, with a warning: a turn has no words here.
    """

    name: str
    spans: tuple[Span, ...] = ()
    participant: str = ""
    texts: tuple[str, ...] = ()


def tiers_of(dialogue: Dialogue, *, rate: int, least: int) -> list[Tier]:
    """Return the tiers of a dialogue, speakers by first mention; one of nobody if it has no turns.

    Args:
        dialogue: The turns with their emotions.
        rate: Ticks a second.
        least: Of the shortest turn, in ticks.

    Raises:
        FormatError: If a turn starts before 0.
    """
    segments: dict[str, list[Segment]] = {}
    for scored in dialogue.turns:
        name = NOBODY if scored.turn.speaker is None else _NAMES.escape(scored.turn.speaker)
        segments.setdefault(name, []).append(_segment(scored, rate=rate, least=least))
    return [
        Tier(name=f"{name}#{place}" if place > 1 else name, speaker=name, segments=row)
        for name, found in segments.items()
        for place, row in enumerate(rows_without_overlap(sorted(found), span=itemgetter(0, 1)), 1)
    ] or [Tier(name=NOBODY, speaker=NOBODY)]


def turns_of(tiers: Sequence[ReadTier]) -> tuple[ScoredTurn, ...]:
    """Return the turns on some tiers, each with its emotion, by time.

    Warns of emotions that are no turn's, and of texts.

    Raises:
        FormatError: If two tiers with emotions have one name.
    """
    speakers = [tier for tier in tiers if not tier.name.startswith(EMOTION)]
    emotions = _by_name(tier for tier in tiers if tier.name.startswith(EMOTION))
    names = {tier.name for tier in speakers}
    # Emotions on a tier without turns: the annotator deleted or renamed the speaker's tier.
    alone = [replace(tier, name=name) for name, tier in emotions.items() if name not in names]
    known = names | emotions.keys()
    matches = {name: _Matching(tier.spans) for name, tier in emotions.items() if name in names}
    turns = [
        turn
        for tier in [*speakers, *alone]
        for turn in _turns(tier, known=known, match=matches.get(tier.name) or _Matching())
    ]
    for name, match in matches.items():
        _warn_of_emotions(EMOTION + name, match.left())
    if texts := [text for tier in tiers for text in tier.texts]:
        warn(f"texts of turns are left out, {len(texts)} of them; the first is {texts[0][:50]!r}")
    return tuple(sorted(turns, key=lambda scored: (scored.turn.start, scored.turn.end)))


def speaker_of(name: str, *, known: Iterable[str] = ()) -> str | None:
    """Return whom a tier's name stands for; *known* are the names of all tiers of speakers.

    >>> speaker_of("A#2", known={"A", "A#2"}), speaker_of("A#2", known={"A#2"}), speaker_of("?")
    ('A', 'A#2', None)
    """
    further = _FURTHER.fullmatch(name)
    if further and further[1] in known:
        name = further[1]
    return None if name in ("", NOBODY) else _NAMES.unescape(name)


def emotion_of(text: str | None) -> Emotion:
    """Return the emotion that an annotation stands for; one without a label if it is empty."""
    label = (text or "").strip()
    return Emotion() if label in ("", UNSCORED) else Emotion(label=_LABELS.unescape(label))


def label_of(emotion: Emotion) -> str:
    """Return what stands for an emotion; never empty."""
    return UNSCORED if emotion.label is None else _LABELS.escape(emotion.label)


class _Matching:
    """Which of some emotions a turn has; none is looked at that does not overlap the turn."""

    def __init__(self, emotions: Iterable[Span] = ()) -> None:
        self._used: set[Span] = set()
        self._emotions = sorted(emotions, key=lambda span: (span.start, span.end))
        # The greatest end so far rises steadily, so bisection finds the first that may overlap, even
        # where a long emotion covers short ones.
        self._ends = list(accumulate((span.end for span in self._emotions), max))

    def take(self, turn: Span) -> Span | None:
        """Return the emotion that overlaps a turn most, the first of several; None if little."""
        best, longest = None, 0.0
        for index in range(bisect_right(self._ends, turn.start), len(self._emotions)):
            each = self._emotions[index]
            if each.start >= turn.end:
                break
            shared = min(each.end, turn.end) - max(each.start, turn.start)
            shorter = min(each.end - each.start, turn.end - turn.start)
            # An annotator who moves a border leaves most of either; less is chance.
            if shared > longest and 2 * shared >= shorter:
                best, longest = each, shared
        if best is not None:
            self._used.add(best)
        return best

    def left(self) -> list[Span]:
        """Return the emotions that no turn has, by time."""
        left = [span for span in self._emotions if span not in self._used]
        return [span for span in left if emotion_of(span.label).label is not None]


def _segment(scored: ScoredTurn, *, rate: int, least: int) -> Segment:
    start, end = grid(scored.turn, rate=rate, least=least)
    if start < 0:
        turn = scored.turn
        found = f"a turn from {turn.start} to {turn.end} of {turn.speaker!r}"
        raise FormatError(f"tiers begin at 0, got {found}; cut it to the recording")
    return Segment(start=start, end=end, label=label_of(scored.emotion))


def _by_name(tiers: Iterable[ReadTier]) -> dict[str, ReadTier]:
    """Return tiers with emotions by the name of the tier that they belong to."""
    found: dict[str, ReadTier] = {}
    for tier in tiers:
        name = tier.name.removeprefix(EMOTION)
        if name in found:
            raise FormatError(f"two tiers are called {tier.name!r}; expected one, rename the other")
        found[name] = tier
    return found


def _turns(tier: ReadTier, *, known: Iterable[str], match: _Matching) -> Iterator[ScoredTurn]:
    speaker = speaker_of(tier.participant or tier.name, known=() if tier.participant else known)
    for span in tier.spans:
        best = match.take(span)
        yield ScoredTurn(
            turn=Turn(start=span.start, end=span.end, speaker=speaker),
            emotion=emotion_of(span.label if best is None else best.label),
        )


def _warn_of_emotions(name: str, left: Sequence[Span]) -> None:
    if left:
        found = f"{len(left)} emotions are of no turn, or share one with another, and are left out"
        warn(f"tier {name!r}: {found}; the first is {left[0].label!r} at {left[0].start} s")
