"""Where things lie in a timeline, whatever draws it: lanes, rows, lines of time, colours.

A speaker has a lane, turns of one speaker that overlap lie in rows of it, and a long recording goes
over several lines, like music. Renderers bring their sizes, in their own unit, and draw.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from emo2vec_plugins.core import Dialogue, ScoredTurn, rows_without_overlap
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.report.style import HOUR, palette, shown, step
from emo2vec_plugins.report.summary import SPAN, by_speaker

LONGEST = 1e8
"""Seconds that can be drawn, three years: of more, times are no times of a recording."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How large a renderer draws things, in its unit: inches, pixels.

    Attributes:
        width: Of the time in a line.
        turn: Width of a middling turn, if there are lines enough.
        lane: Height of a lane with one row.
        row: Height of each further row.
        most_rows: Of which a lane grows; more of them share its height.
        gap: Between lanes.
        pad: Between a lane's edge and its rows.
        axis: Height of the times below a line.
        most_lines: Lines of time there may be.
        most_lanes: Speakers who have a lane: those who talk first.
        tallest: Height of all lines together.
    """

    width: float
    turn: float
    lane: float
    row: float
    most_rows: int
    gap: float
    pad: float
    axis: float
    most_lines: int
    most_lanes: int | None = None
    tallest: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Turns of which no two overlap, by time; *top* is counted from the top of the line."""

    turns: tuple[ScoredTurn, ...]
    top: float
    height: float

    def within(self, start: float, end: float) -> list[ScoredTurn]:
        """Return the turns in a line of time."""
        return [each for each in self.turns if each.turn.start < end and each.turn.end >= start]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One speaker's turns, and their place; *speaker* is None for those of nobody known."""

    speaker: str | None
    rows: tuple[Row, ...]
    top: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where everything is.

    Attributes:
        lanes: In the order in which the speakers begin to talk.
        lines: First and last second of each, all of one length.
        end: Where drawing ends, which may be before the last line does.
        height: Of the lanes of a line together, without its times.
        hours: Times are written with hours.
        colours: Of each label.
        without_lane: Speakers who have none.
    """

    lanes: tuple[Lane, ...]
    lines: tuple[tuple[float, float], ...]
    end: float
    height: float
    hours: bool
    colours: dict[str, str]
    without_lane: int

    @property
    def turns(self) -> list[ScoredTurn]:
        """The turns that have a place."""
        return [each for lane in self.lanes for row in lane.rows for each in row.turns]


def layout(dialogue: Dialogue, start: float, end: float, sizes: Sizes) -> Layout:
    """Return where the turns of a dialogue lie from *start* to *end*."""
    packed = packed_rows(dialogue.turns)
    drawn = list(packed.items())[: sizes.most_lanes]
    lanes = tuple(_stacked(drawn, sizes))
    height = sum(each.height + sizes.gap for each in lanes) or sizes.lane + sizes.gap
    turns = [each for _, rows in drawn for row in rows for each in row]
    # Half of the height at most goes into more lines: one of many lanes is tall by itself.
    affordable = sizes.tallest / 2 / (height + sizes.axis)
    most = max(1, int(min(sizes.most_lines, affordable)))
    return Layout(
        lanes=lanes,
        lines=tuple(broken(turns, start, end, most=most, turns_wide=sizes.width / sizes.turn)),
        end=end,
        height=height,
        hours=max(abs(start), abs(end)) >= HOUR,
        colours=palette(each.emotion.label for each in dialogue.turns),
        without_lane=len(packed) - len(drawn),
    )


def packed_rows(turns: Iterable[ScoredTurn]) -> dict[str | None, list[tuple[ScoredTurn, ...]]]:
    """Return each speaker's rows of turns, speakers in the order in which they begin to talk."""
    return {who: rows_without_overlap(said, span=SPAN) for who, said in by_speaker(turns).items()}


def _stacked(
    packed: Iterable[tuple[str | None, Sequence[tuple[ScoredTurn, ...]]]], sizes: Sizes
) -> Iterator[Lane]:
    top = 0.0
    for speaker, rows in packed:
        height = sizes.lane + sizes.row * (min(len(rows), sizes.most_rows) - 1)
        high = (height - 2 * sizes.pad) / len(rows)
        tops = [top + sizes.pad + number * high for number in range(len(rows))]
        placed = (Row(turns=x, top=y, height=high) for x, y in zip(rows, tops, strict=True))
        yield Lane(speaker=speaker, rows=tuple(placed), top=top, height=height)
        top += height + sizes.gap


def sharing_pixels(
    turns: Iterable[ScoredTurn], x: Callable[[float], float]
) -> Iterator[tuple[ScoredTurn, float, float]]:
    """Yield turns with their place and width in pixels; those narrower than one share it.

    In a pixel that several share there is the longest turn of the emotion that lasts longest in it.
    So there are never more marks than pixels, however many turns there are.
    """
    cells: dict[int, list[ScoredTurn]] = defaultdict(list)
    for each in turns:
        start, end = x(each.turn.start), x(each.turn.end)
        if end - start < 1:
            cells[int(start)].append(each)
        else:
            yield each, start, end - start
    for cell, together in cells.items():
        yield _longest(together), float(cell), 1.0


def _longest(turns: Sequence[ScoredTurn]) -> ScoredTurn:
    seconds: dict[str | None, float] = defaultdict(float)
    for each in turns:
        seconds[each.emotion.label] += each.turn.duration
    return max(turns, key=lambda one: (seconds[one.emotion.label], one.turn.duration))


def extent(
    dialogue: Dialogue, *, start: float | None = None, end: float | None = None
) -> tuple[float, float]:
    """Return the first and the last second that are drawn: by default all of a recording.

    All of it begins at 0, or with a turn before that, and ends with the sound or the last turn.

    Raises:
        OptionsError: Unless *start* is before *end*, or if there is more than can be drawn.
    """
    turns = [each.turn for each in dialogue.turns]
    first = min([0.0, *(turn.start for turn in turns)]) if start is None else start
    last = max([dialogue.duration or 0.0, *(turn.end for turn in turns)]) if end is None else end
    if start is None and end is None and first == last:
        last = first + 1.0  # nothing to draw, but an axis needs a length
    if not -math.inf < first < last < math.inf:
        raise OptionsError(f"a picture needs start < end, got {first:g} to {last:g} seconds")
    if last - first > LONGEST:
        found = f"turns from {first:g} to {last:g} s are too far apart to be drawn in one"
        raise OptionsError(f"{dialogue.recording}: {found}: draw a part, or mend their times")
    return first, last


def broken(
    turns: Iterable[ScoredTurn], start: float, end: float, *, most: int, turns_wide: float
) -> list[tuple[float, float]]:
    """Break time into lines of one length, round if there are several.

    Args:
        turns: Those that are drawn.
        start: First second.
        end: Last second; the last line may go on beyond it.
        most: Lines there may be.
        turns_wide: How many middling turns fit into a line and can still be seen.
    """
    lengths = [each.turn.duration for each in turns if each.turn.duration > 0]
    wanted = median(lengths) * turns_wide if lengths else end - start
    # Rounded, so that every line begins at a time that people can read.
    length = step(max(wanted, (end - start) / most), most=1)
    if length >= end - start or most == 1:
        return [(start, end)]
    count = math.ceil((end - start) / length)
    return [(start + i * length, start + (i + 1) * length) for i in range(count)]


def between(dialogue: Dialogue, start: float, end: float) -> Dialogue:
    """Return a dialogue with the turns that are heard from *start* to *end*, whole."""
    spans = [(each, *SPAN(each)) for each in dialogue.turns]
    # The second condition is for turns of no length, at a border too.
    kept = (x for x, a, b in spans if (a < end and b > start) or start <= a <= b <= end)
    return replace(dialogue, turns=tuple(kept))


def spoken_by(dialogue: Dialogue, speakers: Collection[str]) -> Dialogue:
    """Return a dialogue with the turns of some speakers.

    Raises:
        OptionsError: If one of them says nothing.
    """
    there = {each.turn.speaker for each in dialogue.turns}
    missing = [name for name in speakers if name not in there]
    if missing:
        names = ", ".join(sorted(shown(name) for name in there)[:10]) or "no turns"
        found = f"there is no speaker {missing[0]!r}, there are {names}"
        raise OptionsError(f"{dialogue.recording}: {found}")
    turns = tuple(each for each in dialogue.turns if each.turn.speaker in speakers)
    return replace(dialogue, turns=turns)
