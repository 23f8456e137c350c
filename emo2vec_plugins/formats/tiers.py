"""Turns as tiers, the rows of audio annotation tools; annotations on a tier never overlap.

Every speaker has a tier with the speaker's name and a second one, ``emotion@SPEAKER``, with the
emotions. Overlapping turns of a speaker go to further tiers, ``SPEAKER#2`` and so on. Names keep
their printable characters; others are escaped, and so are names that would look like these.

On a third tier, ``reviewed@SPEAKER``, a person marks turns whose emotions are right with ``yes``.

When read, every other tier belongs to a speaker, and its annotations are turns. An annotator may have
moved the turn but not its emotion, or the reverse. So a turn gets the emotion with the largest overlap,
if that is at least half of the shorter one. Emotions without a turn are dropped with a warning; if the
speaker's tier does not exist, they become the speaker's turns. Marks are matched in the same way.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from operator import itemgetter
from typing import NamedTuple

from emo2vec_plugins.core import (
    PLACEHOLDERS,
    Dialogue,
    Emotion,
    ScoredTurn,
    Turn,
    counted,
    rows_without_overlap,
    shown,
)
from emo2vec_plugins.errors import FormatError, warn
from emo2vec_plugins.formats.fidelity import grid
from emo2vec_plugins.formats.marks import mark_of
from emo2vec_plugins.formats.names import Escaping
from emo2vec_plugins.formats.placeholders import NO_LABELS, placeholder, unlabelled
from emo2vec_plugins.formats.rttm import NO_SPEAKER

EMOTION, REVIEWED = "emotion@", "reviewed@"
"""Prefixes of the names of tiers with emotions, and with marks of reviewed turns."""

_MOST_COMPARED = 50
"""Emotions that a turn is compared with, on average; on tiers of these formats, one or two."""

_FURTHER = re.compile(r"(.+)#(?:[2-9]|[1-9][0-9]+)", re.DOTALL)

# Outer spaces are escaped, because tools strip names.
_TAKEN = re.compile(r"\A | \Z|(?<=\Aemotion)@|(?<=\Areviewed)@|#(?=[0-9]+\Z)")
_NAMES = Escaping(str.isprintable, frozenset({NO_SPEAKER}), taken=_TAKEN)
_LABELS = Escaping(str.isprintable, PLACEHOLDERS, taken=re.compile(r"\A | \Z"))


class Segment(NamedTuple):
    """One turn on a tier to write.

    Attributes:
        start: In ticks.
        end: In ticks, after *start*.
        label: The text for the emotion.
        reviewed: Whether a person marked the turn.
    """

    start: int
    end: int
    label: str
    reviewed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """A speaker's tier to write, with the contents of the tiers of its emotions and marks.

    Attributes:
        name: Unique among the tiers.
        speaker: The text for the speaker, the same on all of the speaker's tiers.
        segments: Sorted by time, without overlap.
    """

    name: str
    speaker: str
    segments: tuple[Segment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One annotation on a tier read from a file, in seconds.

    Attributes:
        label: On a tier with emotions or marks, the text. On another tier, the emotion that the
            file links to the turn, or None.
        reviewed: Whether the file links a mark to the turn.
    """

    start: float
    end: float
    label: str | None = None
    reviewed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTier:
    """A tier read from a file.

    Attributes:
        name: The name in the file.
        spans: The annotations, in any order.
        participant: The speaker according to the file; if empty, the tier's name gives the speaker.
        texts: The texts of the turns. They are dropped with a warning, because a turn has no text.
    """

    name: str
    spans: tuple[Span, ...] = ()
    participant: str = ""
    texts: tuple[str, ...] = ()


def tiers_of(dialogue: Dialogue, *, rate: int, least: int) -> list[Tier]:
    """Return the tiers of a dialogue, with speakers in order of first mention.

    A dialogue without turns has one tier, without a speaker.

    Args:
        dialogue: The turns with their emotions.
        rate: Ticks per second.
        least: Duration of the shortest turn, in ticks.

    Raises:
        FormatError: If a turn starts before 0.
    """
    segments: dict[str, list[Segment]] = {}
    for scored in dialogue.turns:
        name = NO_SPEAKER if scored.turn.speaker is None else _NAMES.escape(scored.turn.speaker)
        segments.setdefault(name, []).append(_segment(scored, rate=rate, least=least))
    return [
        Tier(name=f"{name}#{place}" if place > 1 else name, speaker=name, segments=row)
        for name, found in segments.items()
        for place, row in enumerate(rows_without_overlap(sorted(found), span=itemgetter(0, 1)), 1)
    ] or [Tier(name=NO_SPEAKER, speaker=NO_SPEAKER)]


def turns_of(tiers: Sequence[ReadTier]) -> tuple[ScoredTurn, ...]:
    """Return the turns on tiers, each with its emotion, sorted by time.

    Warns about emotions and marks without a turn, and about texts.

    Raises:
        FormatError: If two tiers with emotions, or with marks, have the same name.
    """
    speakers = [tier for tier in tiers if not tier.name.startswith((EMOTION, REVIEWED))]
    emotions, reviews = _by_name(tiers, EMOTION), _by_name(tiers, REVIEWED)
    names = {tier.name for tier in speakers}
    # Emotions without a tier of turns: the annotator deleted or renamed the speaker's tier.
    alone = [replace(tier, name=name) for name, tier in emotions.items() if name not in names]
    known = names | emotions.keys()
    matches = {name: _Matching(tier.spans) for name, tier in emotions.items() if name in names}
    marks = {name: _Matching(_marked(tier)) for name, tier in reviews.items()}
    nothing = _Matching()
    turns = [
        turn
        for tier in [*speakers, *alone]
        for turn in _turns(
            tier,
            known=known,
            emotions=matches.get(tier.name, nothing),
            marks=marks.get(tier.name, nothing),
        )
    ]
    for prefix, found in ((EMOTION, matches), (REVIEWED, marks)):
        for name, match in found.items():
            _warn_of_unused(prefix + name, match.unused())
    if texts := [text for tier in tiers for text in tier.texts]:
        warn(f"dropped the text of {counted(len(texts), 'turn')}, first {shown(texts[0])}")
    return tuple(sorted(turns, key=lambda scored: (scored.turn.start, scored.turn.end)))


def speaker_of(name: str, *, known: Iterable[str] = ()) -> str | None:
    """Return the speaker a tier name denotes, given the names of all speakers' tiers as *known*.

    >>> speaker_of("A#2", known={"A", "A#2"}), speaker_of("A#2", known={"A#2"}), speaker_of("?")
    ('A', 'A#2', None)
    """
    further = _FURTHER.fullmatch(name)
    if further and further[1] in known:
        name = further[1]
    return None if name in ("", NO_SPEAKER) else _NAMES.unescape(name)


def warn_of_marks(tier: str, texts: Iterable[str | None]) -> None:
    """Warn if texts on a tier of marks are neither yes nor no."""
    if unclear := [text for text in texts if mark_of(text) is None]:
        found = f"{len(unclear)}, first {shown(unclear[0])}"
        warn(
            f"tier {shown(tier)}: expected 'yes' as mark of a reviewed turn; ignored others: {found}"
        )


def emotion_of(text: str | None) -> Emotion:
    """Return the emotion an annotation denotes; it has no label if the annotation is empty."""
    name = (text or "").strip()
    return unlabelled(name) if name in NO_LABELS else Emotion(label=_LABELS.unescape(name))


def label_of(emotion: Emotion) -> str:
    """Return the text for an emotion; never empty."""
    return placeholder(emotion) if emotion.label is None else _LABELS.escape(emotion.label)


class _Matching:
    """Matches turns to the emotions or marks on one tier; looks only at those that overlap."""

    def __init__(self, emotions: Iterable[Span] = ()) -> None:
        self._used: set[Span] = set()
        self._emotions = sorted(emotions, key=lambda span: (span.start, span.end))
        # Running maxima are sorted, so bisection finds the first emotion that may overlap, even if
        # a long emotion covers shorter ones.
        self._ends = list(accumulate((span.end for span in self._emotions), max))
        self._left = _MOST_COMPARED * len(self._emotions)

    def take(self, turn: Span) -> Span | None:
        """Return the first emotion with the largest overlap; None if no overlap is large enough.

        Raises:
            FormatError: If so many turns and emotions overlap that matching would take too long.
        """
        best, longest = None, 0.0
        self._left += _MOST_COMPARED
        for index in range(bisect_right(self._ends, turn.start), len(self._emotions)):
            each = self._emotions[index]
            if each.start >= turn.end:
                break
            self._left -= 1
            if self._left < 0:
                found = f"more than {_MOST_COMPARED} over each other at {turn.start} s"
                raise FormatError(f"expected turns and emotions side by side on tiers, {found}")
            shared = min(each.end, turn.end) - max(each.start, turn.start)
            shorter = min(each.end - each.start, turn.end - turn.start)
            # Moving a border leaves most of the shorter one; a smaller overlap is chance.
            if shared > longest and 2 * shared >= shorter:
                best, longest = each, shared
        if best is not None:
            self._used.add(best)
        return best

    def unused(self) -> list[Span]:
        """Return the emotions with a label, or marks, that no turn has taken, sorted by time."""
        unused = [span for span in self._emotions if span not in self._used]
        return [span for span in unused if emotion_of(span.label).label is not None]


def _segment(scored: ScoredTurn, *, rate: int, least: int) -> Segment:
    start, end = grid(scored.turn, rate=rate, least=least)
    if start < 0:
        turn = scored.turn
        found = f"a turn of {shown(turn.speaker)} from {turn.start} to {turn.end}"
        raise FormatError(f"tiers begin at 0, got {found}; trim it to the recording")
    emotion = scored.emotion
    return Segment(start=start, end=end, label=label_of(emotion), reviewed=emotion.reviewed)


def _by_name(tiers: Iterable[ReadTier], prefix: str) -> dict[str, ReadTier]:
    """Return the tiers of one kind by the name of the speaker's tier."""
    found: dict[str, ReadTier] = {}
    for tier in tiers:
        if not tier.name.startswith(prefix):
            continue
        name = tier.name.removeprefix(prefix)
        if name in found:
            raise FormatError(f"expected one tier {shown(tier.name)}, found two; rename one")
        found[name] = tier
    return found


def _marked(tier: ReadTier) -> list[Span]:
    warn_of_marks(tier.name, (span.label for span in tier.spans))
    return [span for span in tier.spans if mark_of(span.label)]


def _turns(
    tier: ReadTier, *, known: Iterable[str], emotions: _Matching, marks: _Matching
) -> Iterator[ScoredTurn]:
    speaker = speaker_of(tier.participant or tier.name, known=() if tier.participant else known)
    for span in tier.spans:
        best = emotions.take(span)
        emotion = emotion_of(span.label if best is None else best.label)
        is_marked = marks.take(span) is not None or span.reviewed
        yield ScoredTurn(
            turn=Turn(start=span.start, end=span.end, speaker=speaker),
            emotion=replace(emotion, reviewed=is_marked),
        )


def _warn_of_unused(name: str, unused: Sequence[Span]) -> None:
    if unused:
        first = f"first {shown(unused[0].label)} at {unused[0].start} s"
        reason = "they match no turn, or another matches it better"
        dropped = counted(len(unused), "emotion" if name.startswith(EMOTION) else "mark")
        warn(f"tier {shown(name)}: dropped {dropped} ({first}): {reason}")
