"""Praat's TextGrid, in the long and the short text format. One reader accepts both.

Every speaker has an interval tier, whose intervals have the speaker's name as text, because Praat
treats an interval without text as silence. A second tier, ``emotion@SPEAKER``, has the same intervals
with the emotions as text. A third, ``reviewed@SPEAKER``, has ``yes`` where a person marked a turn. `emo2vec_plugins.formats.tiers` describes the names of tiers.

The reader works like Praat's: it takes the values and ignores everything between them. Values are
free-standing numbers, texts in quotation marks and flags in angle brackets; all other words
(``xmin =``, ``intervals [1]:``) are for people. So the long and the short format need no distinction,
and a label may have any text, even line ends and ``item [1]:``.

Every other interval tier belongs to a speaker, even a tier of words or phones, because
a TextGrid does not identify these. An interval with any text is a turn. Point tiers are dropped with
a warning.

Scores are not written: after a correction, the score would belong to a different label.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from emo2vec_plugins.core import Dialogue, Format, shown
from emo2vec_plugins.errors import FormatError, warn
from emo2vec_plugins.formats.fidelity import MICROSECONDS, only, ticks
from emo2vec_plugins.formats.marks import YES
from emo2vec_plugins.formats.spelling import decimal, finite_number
from emo2vec_plugins.formats.tiers import (
    EMOTION,
    REVIEWED,
    ReadTier,
    Span,
    Tier,
    tiers_of,
    turns_of,
)

LEAST_TICKS = 1_000


class _Interval(NamedTuple):
    start: int
    end: int
    text: str


class _Filled(NamedTuple):
    """An interval tier from 0 to the end, without gaps."""

    name: str
    intervals: list[_Interval]


def dumps(dialogues: Sequence[Dialogue], *, short: bool = False) -> str:
    """Return the TextGrid of one recording; it covers the recording and all turns.

    Raises:
        FormatError: If there is not exactly one recording, or a turn starts before 0.
    """
    dialogue = only(dialogues, "a TextGrid")
    tiers = tiers_of(dialogue, rate=MICROSECONDS, least=LEAST_TICKS)
    ends = [tier.segments[-1].end for tier in tiers if tier.segments]
    length = ticks(dialogue.duration or 0.0, MICROSECONDS)
    # Tiers must end where the TextGrid ends, even if turns extend beyond the audio.
    end = max([length, *ends]) or MICROSECONDS  # no tool opens a TextGrid of zero length
    filled = [each for tier in tiers for each in _filled(tier, end)]
    body = _short(filled, end) if short else _long(filled, end)
    return 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n' + "".join(body)


def _filled(tier: Tier, end: int) -> Iterator[_Filled]:
    """Yield a speaker's tier, the tier of its emotions, and that of its marks if it has any."""
    turns = [_Interval(each.start, each.end, tier.speaker) for each in tier.segments]
    emotions = [_Interval(each.start, each.end, each.label) for each in tier.segments]
    marks = [_Interval(each.start, each.end, YES) for each in tier.segments if each.reviewed]
    yield _Filled(tier.name, _without_gaps(turns, end))
    yield _Filled(EMOTION + tier.name, _without_gaps(emotions, end))
    if marks:
        yield _Filled(REVIEWED + tier.name, _without_gaps(marks, end))


def _without_gaps(intervals: Iterable[_Interval], end: int) -> list[_Interval]:
    found, reached = [], 0
    for each in intervals:
        if reached < each.start:
            found.append(_Interval(reached, each.start, ""))
        found.append(each)
        reached = each.end
    return [*found, _Interval(reached, end, "")] if reached < end else found


def _long(tiers: Sequence[_Filled], end: int) -> Iterator[str]:
    # Praat ends lines with a space, and some readers rely on it.
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


_VALUES = re.compile(
    r"""
    "(?P<text>[^"]*(?:""[^"]*)*)"
    | ![^\n]*
    | (?P<flag><[^>\s]*>)
    | (?P<number>[-+]?\.?[0-9][^\s"=]*)
    | (?P<open>")
    | [^\s"=]+
    """,
    re.VERBOSE,
)
_FURTHER = re.compile("#[0-9]+$")
_KINDS = {"text": "a text in quotation marks", "number": "a number", "flag": "<exists>"}


def loads(text: str) -> list[Dialogue]:
    """Return the one recording of a TextGrid.

    It has no name, because TextGrids store none. Its duration is the end of the TextGrid. Warns
    about point tiers and about emotions without a turn.

    Raises:
        FormatError: If the text is not a complete TextGrid; names the line.
    """
    values = _Values(text.replace("\r\n", "\n").replace("\r", "\n"))
    kinds = ("ooTextFile", "ooTextFile short")
    values.expect(kinds, 'a TextGrid as text, beginning with File type = "ooTextFile"')
    values.expect(("TextGrid",), 'Object class = "TextGrid"')
    values.seconds("the beginning of the TextGrid")
    duration = values.seconds("the end of the TextGrid")
    has_tiers = values.exists("whether there are tiers")
    count = values.count("the number of tiers") if has_tiers else 0
    tiers = [_tier(values) for _ in range(count)]
    values.finish()
    points = [tier.name for tier, is_points in tiers if is_points and tier.spans]
    if points:
        warn(f"dropped point tiers, which have no turns: {shown(points)[1:-1]}")
    turns = turns_of([tier for tier, is_points in tiers if not is_points])
    return [Dialogue(recording="", turns=turns, duration=duration)]


class _Values:
    """The values in the text of a TextGrid, read one after another."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._found = self._values()
        self._start = 0  # of the last value

    def text(self, what: str) -> str:
        """Return the next value, a text."""
        return self._next("text", what).replace('""', '"')

    def seconds(self, what: str) -> float:
        """Return the next value, a time."""
        value = self._next("number", what)
        number = finite_number(value)
        if number is None:
            raise self.error(f"a number as {what}", shown(value))
        return number

    def count(self, what: str) -> int:
        """Return the next value, a count."""
        number = self.seconds(what)
        if number < 0 or number != int(number):
            raise self.error(f"a whole number as {what}", str(number))
        return int(number)

    def exists(self, what: str) -> bool:
        """Return whether the next value, a flag, is ``<exists>``."""
        flag = self._next("flag", what)
        if flag not in ("<exists>", "<absent>"):
            raise self.error(f"<exists> or <absent> as {what}", flag)
        return flag == "<exists>"

    def expect(self, texts: tuple[str, ...], what: str) -> str:
        """Return the next value, which must be one of *texts*."""
        found = self.text(what)
        if found not in texts:
            raise self.error(what, shown(found))
        return found

    def finish(self) -> None:
        """Check that no value is left: a tier beyond the stated number would be lost."""
        more = next(self._found, None)
        if more is not None:
            raise self.error("the end of the file after its last tier", more[1])

    def error(self, expected: str, found: str) -> FormatError:
        """Return the error to raise if the last value is not as *expected*."""
        line = self._text.count("\n", 0, self._start) + 1
        return FormatError(f"line {line}: expected {expected}, found {found[:200]}")

    def _next(self, kind: str, what: str) -> str:
        found = next(self._found, None)
        if found is None:
            self._start = len(self._text.rstrip())
            raise self.error(f"{what}, {_KINDS[kind]}", "the end; is the file truncated?")
        if found[0] != kind:
            raise self.error(f"{what}, {_KINDS[kind]}", found[1])
        return found[1]

    def _values(self) -> Iterator[tuple[str, str]]:
        for match in _VALUES.finditer(self._text):
            if match.lastgroup is None:
                continue
            self._start = match.start()
            if match.lastgroup == "open":
                expected = "a closing quotation mark for the text that begins here"
                raise self.error(expected, "none; is the file truncated?")
            yield match.lastgroup, match[match.lastgroup]


def _tier(values: _Values) -> tuple[ReadTier, bool]:
    """Return a tier, and whether it is a point tier."""
    kinds = ("IntervalTier", "TextTier")
    kind = values.expect(kinds, "the class of a tier, IntervalTier or TextTier")
    name = values.text("the name of a tier")
    tier = f"tier {shown(name)}"
    values.seconds(f"the beginning of {tier}")
    values.seconds(f"the end of {tier}")
    count = values.count(f"the size of {tier}")
    if kind == "TextTier":
        return ReadTier(name=name, spans=tuple(_point(values) for _ in range(count))), True
    # Silence is an interval without text.
    spans = [each for each in (_interval(values) for _ in range(count)) if each.label]
    if name.startswith((EMOTION, REVIEWED)):
        return ReadTier(name=name, spans=tuple(spans)), False
    names = {name, _FURTHER.sub("", name)}
    texts = [each.label for each in spans if each.label and each.label not in names]
    turns = tuple(Span(start=each.start, end=each.end) for each in spans)
    return ReadTier(name=name, spans=turns, texts=tuple(texts)), False


def _point(values: _Values) -> Span:
    time = values.seconds("the time of a point")
    return Span(start=time, end=time, label=values.text("the mark of a point"))


def _interval(values: _Values) -> Span:
    start = values.seconds("the beginning of an interval")
    end = values.seconds("the end of an interval")
    if end < start:
        raise values.error(f"an end of the interval after its start {start}", str(end))
    return Span(start=start, end=end, label=values.text("the text of an interval").strip())


TEXTGRID = Format(
    name="textgrid",
    suffixes=(".TextGrid",),
    description="Praat: two tiers per speaker, turns and emotions; scores are lost",
    dumps=dumps,
    loads=loads,
    holds=frozenset({"empty", "speaker", "label", "reviewed"}),
    ticks=MICROSECONDS,
    least=LEAST_TICKS,
)
SHORT_TEXTGRID = replace(
    TEXTGRID,
    name="short.textgrid",
    suffixes=(".short.TextGrid",),
    description="the same in Praat's short text format",
    dumps=partial(dumps, short=True),
)
