"""The layout of timelines for all renderers: lanes, rows, lines of time, colours.

Each speaker has a lane. Overlapping turns of a speaker are in separate rows of the lane. A long
recording continues over several lines, like sheet music. Renderers supply their sizes, in any unit,
and draw.
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
"""Longest drawable time in seconds, three years; longer times are errors in the annotations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The sizes of a renderer, in its unit, such as inches or pixels.

    Attributes:
        width: Width of a line of time.
        turn: Preferred width of a turn of median duration; it may be less if lines run out.
        lane: Height of a lane with one row.
        row: Height added by each further row.
        most_rows: Rows up to which a lane grows; more rows share the height.
        gap: Distance between lanes.
        pad: Distance between a lane's edge and its rows.
        axis: Height of the times below a line.
        most_lines: Maximum number of lines.
        most_lanes: Maximum number of lanes, given to the speakers who talk first.
        tallest: Maximum height of all lines together.
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
    """Turns without overlap, sorted by time; *top* is relative to the top of the line."""

    turns: tuple[ScoredTurn, ...]
    top: float
    height: float

    def within(self, start: float, end: float) -> list[ScoredTurn]:
        """Return the turns from *start* to *end*."""
        return [each for each in self.turns if each.turn.start < end and each.turn.end >= start]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One speaker's turns with their position; *speaker* is None for turns without a speaker."""

    speaker: str | None
    rows: tuple[Row, ...]
    top: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The layout of a timeline.

    Attributes:
        lanes: In the order of the speakers' first turns.
        lines: First and last second of each line; all have the same duration.
        end: Last second to draw, which may be before the end of the last line.
        height: Height of all lanes of a line, without its times.
        hours: Whether times are written with hours.
        colours: The colour of each label.
        without_lane: Number of speakers without a lane.
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
        """The turns of all lanes."""
        return [each for lane in self.lanes for row in lane.rows for each in row.turns]


def layout(dialogue: Dialogue, start: float, end: float, sizes: Sizes) -> Layout:
    """Return the layout of a dialogue from *start* to *end*."""
    packed = packed_rows(dialogue.turns)
    drawn = list(packed.items())[: sizes.most_lanes]
    lanes = tuple(_stacked(drawn, sizes))
    height = sum(each.height + sizes.gap for each in lanes) or sizes.lane + sizes.gap
    turns = [each for _, rows in drawn for row in rows for each in row]
    # Further lines may use at most half of the height: a line with many lanes is tall already.
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
    """Return each speaker's rows of turns, with speakers in the order of their first turns."""
    return {
        speaker: rows_without_overlap(own, span=SPAN) for speaker, own in by_speaker(turns).items()
    }


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
    """Yield turns with their position and width in pixels; turns narrower than a pixel share it.

    A shared pixel shows the longest turn of the emotion that lasts longest in it. So there are
    never more marks than pixels, for any number of turns.
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
    """Return the first and the last second to draw, by default of the whole recording.

    The whole recording begins at 0, or earlier if a turn does, and ends with the audio or the last
    turn.

    Raises:
        OptionsError: Unless *start* is before *end*, or if the time is too long to draw.
    """
    turns = [each.turn for each in dialogue.turns]
    first = min([0.0, *(turn.start for turn in turns)]) if start is None else start
    last = max([dialogue.duration or 0.0, *(turn.end for turn in turns)]) if end is None else end
    if start is None and end is None and first == last:
        last = first + 1.0  # an axis needs a length, even without turns
    if not -math.inf < first < last < math.inf:
        raise OptionsError(f"expected start < end, got {first:g} to {last:g} seconds")
    if last - first > LONGEST:
        found = f"turns from {first:g} to {last:g} s are too far apart to draw"
        raise OptionsError(f"{dialogue.recording}: {found}; draw a part, or correct their times")
    return first, last


def broken(
    turns: Iterable[ScoredTurn], start: float, end: float, *, most: int, turns_wide: float
) -> list[tuple[float, float]]:
    """Break time into lines of equal duration, which is a round number if there are several.

    Args:
        turns: The turns to draw.
        start: First second.
        end: Last second; the last line may extend beyond it.
        most: Maximum number of lines.
        turns_wide: Number of turns of median duration that a line can show.
    """
    lengths = [each.turn.duration for each in turns if each.turn.duration > 0]
    wanted = median(lengths) * turns_wide if lengths else end - start
    # Rounded, so that every line begins at a round time.
    length = step(max(wanted, (end - start) / most), most=1)
    if length >= end - start or most == 1:
        return [(start, end)]
    count = math.ceil((end - start) / length)
    return [(start + i * length, start + (i + 1) * length) for i in range(count)]


def between(dialogue: Dialogue, start: float, end: float) -> Dialogue:
    """Return a dialogue with the turns that overlap the time from *start* to *end*, untrimmed."""
    spans = [(each, *SPAN(each)) for each in dialogue.turns]
    # The second condition keeps turns of zero length, also at a border.
    kept = (x for x, a, b in spans if (a < end and b > start) or start <= a <= b <= end)
    return replace(dialogue, turns=tuple(kept))


def select_speakers(dialogue: Dialogue, speakers: Collection[str]) -> Dialogue:
    """Return a dialogue with the turns of the given speakers.

    Raises:
        OptionsError: If one of them has no turn.
    """
    known = {each.turn.speaker for each in dialogue.turns}
    missing = [name for name in speakers if name not in known]
    if missing:
        names = ", ".join(sorted(shown(name) for name in known)[:10]) or "no turns"
        raise OptionsError(f"{dialogue.recording}: no speaker {missing[0]!r}, found {names}")
    turns = tuple(each for each in dialogue.turns if each.turn.speaker in speakers)
    return replace(dialogue, turns=turns)
