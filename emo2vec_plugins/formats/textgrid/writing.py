"""Praat's TextGrid, in its long and its short text format; either is read as either.

Every speaker has an interval tier, whose intervals say the speaker's name, because one without text
is silence to Praat; and beside it ``emotion@SPEAKER`` with the same intervals, which say the
emotion. `emo2vec_plugins.formats.tiers` has the rules of their names.

Read, every interval tier but ``emotion@`` is a speaker's, whether it has words or phones, because
nothing in a TextGrid tells which it is; an interval with text is a turn, whatever it says. Point
tiers are left out with a warning.

No score is written: when an annotator has corrected a label, the score would be another label's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from emo2vec_plugins.core import Dialogue, Format
from emo2vec_plugins.formats.fidelity import only, ticks
from emo2vec_plugins.formats.numbers import decimal
from emo2vec_plugins.formats.textgrid.reading import loads
from emo2vec_plugins.formats.tiers import EMOTION, Tier, tiers_of

MICROSECONDS = 1_000_000
LEAST_TICKS = 1_000

_HEADER = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n'


@dataclass(frozen=True, slots=True)
class _Interval:
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class _Filled:
    """An interval tier from 0 to the end, without gaps."""

    name: str
    intervals: list[_Interval]


def dumps(dialogues: Sequence[Dialogue], *, short: bool = False) -> str:
    """Return the TextGrid of one recording, as long as the recording and all of its turns.

    Raises:
        FormatError: If there are several recordings, or a turn starts before 0.
    """
    dialogue = only(dialogues, "a TextGrid")
    tiers = tiers_of(dialogue, rate=MICROSECONDS, least=LEAST_TICKS)
    ends = [tier.segments[-1].end for tier in tiers if tier.segments]
    length = ticks(dialogue.duration or 0.0, MICROSECONDS)
    # Tiers must end where the TextGrid does, also where turns go beyond the sound.
    end = max([length, *ends]) or MICROSECONDS  # nothing opens a TextGrid of no length
    filled = [each for tier in tiers for each in _both(tier, end)]
    return _HEADER + "".join(_short(filled, end) if short else _long(filled, end))


TEXTGRID = Format(
    name="textgrid",
    suffixes=(".TextGrid",),
    description="Praat: a tier a speaker, and one with the emotions; scores are lost",
    dumps=dumps,
    loads=loads,
    holds=frozenset({"empty", "speaker", "label"}),
    ticks=MICROSECONDS,
    least=LEAST_TICKS,
)
SHORT_TEXTGRID = Format(
    name="short.textgrid",
    suffixes=(".short.TextGrid",),
    description="Praat's short text format of the same",
    dumps=partial(dumps, short=True),
    loads=loads,
    holds=TEXTGRID.holds,
    ticks=MICROSECONDS,
    least=LEAST_TICKS,
)


def _both(tier: Tier, end: int) -> list[_Filled]:
    """Return a speaker's tier, and the one with its emotions."""
    turns = [_Interval(each.start, each.end, tier.speaker) for each in tier.segments]
    emotions = [_Interval(each.start, each.end, each.label) for each in tier.segments]
    return [
        _Filled(tier.name, _without_gaps(turns, end)),
        _Filled(EMOTION + tier.name, _without_gaps(emotions, end)),
    ]


def _without_gaps(intervals: Iterable[_Interval], end: int) -> list[_Interval]:
    found, reached = [], 0
    for each in intervals:
        if reached < each.start:
            found.append(_Interval(reached, each.start, ""))
        found.append(each)
        reached = each.end
    return [*found, _Interval(reached, end, "")] if reached < end else found


def _long(tiers: Sequence[_Filled], end: int) -> Iterator[str]:
    # Praat ends lines with a space, and there are readers that count on it.
    yield f"xmin = 0 \nxmax = {_seconds(end)} \ntiers? <exists> \nsize = {len(tiers)} \nitem []: \n"
    for number, tier in enumerate(tiers, 1):
        yield (
            f'    item [{number}]:\n        class = "IntervalTier" \n'
            f"        name = {_quoted(tier.name)} \n"
            f"        xmin = 0 \n        xmax = {_seconds(end)} \n"
            f"        intervals: size = {len(tier.intervals)} \n"
        )
        for place, each in enumerate(tier.intervals, 1):
            yield (
                f"        intervals [{place}]:\n"
                f"            xmin = {_seconds(each.start)} \n"
                f"            xmax = {_seconds(each.end)} \n"
                f"            text = {_quoted(each.text)} \n"
            )


def _short(tiers: Sequence[_Filled], end: int) -> Iterator[str]:
    yield f"0\n{_seconds(end)}\n<exists>\n{len(tiers)}\n"
    for tier in tiers:
        yield f'"IntervalTier"\n{_quoted(tier.name)}\n0\n{_seconds(end)}\n{len(tier.intervals)}\n'
        for each in tier.intervals:
            yield f"{_seconds(each.start)}\n{_seconds(each.end)}\n{_quoted(each.text)}\n"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _seconds(microseconds: int) -> str:
    return decimal(microseconds, rate=MICROSECONDS, least=0)
