"""A timeline as inline SVG: text that stands by itself in any page, light or dark.

There are no scripts, no styles of the page and no identifiers, which other cells of a notebook
might have too; what is not an emotion has the colour of the text around it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from emo2vec_plugins.core import UNSCORED, Dialogue, ScoredTurn
from emo2vec_plugins.report.clock import HOUR, clock, ticks
from emo2vec_plugins.report.lanes import Lane, broken, lanes
from emo2vec_plugins.report.style import opacity, shortened, shown

WIDTH, NAMES, _RIGHT = 960, 150, 24
"""Pixels of a timeline, of the names on its left, and of what half a time needs on its right."""

MOST_TITLES = 300
"""Turns that say what they are when they are pointed at; of more, the page would grow heavy."""

MOST_LANES = 20
"""Speakers who have a lane: those who talk first."""

_LINES = 4
_TURN = 4.0  # pixels that a middling turn is to be wide, if there are lines enough
_LANE, _ROW, _AXIS, _MOST_ROWS = 16.0, 7.0, 24.0, 6
_GAP = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """A timeline and what there is to say of it.

    Attributes:
        svg: The element.
        narrow: Turns narrower than a pixel: in each pixel there is the emotion heard longest.
        without_lane: Speakers who are not in it.
    """

    svg: str
    narrow: int
    without_lane: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    x: float
    width: float
    y: float
    height: float
    label: str | None
    strength: float
    title: str = ""

    @property
    def path(self) -> str:
        x, y, width, height = map(_short, (self.x, self.y, self.width, self.height))
        return f"M{x} {y}h{width}v{height}h-{width}z"


def timeline(dialogue: Dialogue, colours: Mapping[str, str], start: float, end: float) -> Timeline:
    """Return a timeline of the turns from *start* to *end*.

    Args:
        dialogue: One recording.
        colours: Of every label in it.
        start: First second.
        end: Last second.
    """
    found = lanes(dialogue.turns)
    drawn = found[:MOST_LANES]
    turns = [each for lane in drawn for row in lane.rows for each in row]
    lines = broken(turns, start, end, most=_LINES, turns_wide=(WIDTH - NAMES - _RIGHT) / _TURN)
    titled = len(turns) <= MOST_TITLES
    tall = sum(map(_height, drawn)) + _AXIS
    hours = max(abs(start), abs(end)) >= HOUR
    parts: list[str] = []
    for number, (begins, ends) in enumerate(lines):
        line = _Line(begins, ends, number * tall)
        marks = list(line.marks(drawn, titled=titled))
        parts += [*line.frame(drawn, min(ends, end), hours=hours), *_paths(marks, colours)]
    height = _short(tall * len(lines))
    pixel = (lines[0][1] - lines[0][0]) / (WIDTH - NAMES - _RIGHT)  # in seconds
    return Timeline(
        svg=f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'style="width:100%;max-width:{WIDTH}px;height:auto;display:block;margin-top:4px" '
        f'font-family="sans-serif" font-size="11" fill="currentColor">{"".join(parts)}</svg>',
        narrow=0 if titled else sum(each.turn.duration < pixel for each in turns),
        without_lane=len(found) - len(drawn),
    )


@dataclass(frozen=True, slots=True)
class _Line:
    start: float
    end: float
    top: float

    def x(self, time: float) -> float:
        inside = min(max(time, self.start), self.end)
        return NAMES + (inside - self.start) / (self.end - self.start) * (WIDTH - NAMES - _RIGHT)

    def frame(self, drawn: Sequence[Lane], end: float, *, hours: bool) -> Iterator[str]:
        """Yield the names, what is behind turns, and the times below them."""
        y = self.top
        for lane in drawn:
            height = _height(lane) - _GAP
            name = shown(lane.speaker)
            yield (
                f'<text x="{NAMES - 8}" y="{_short(y + height / 2 + 4)}" text-anchor="end">'
                f"<title>{escape(name)}</title>{escape(shortened(name, most=20))}</text>"
                f'<path fill-opacity="0.07" d="'
                f'M{NAMES} {_short(y)}H{_short(self.x(end))}v{_short(height)}H{NAMES}z"/>'
            )
            y += height + _GAP
        for time, name in ticks(self.start, self.end, hours=hours):
            x = _short(self.x(time))
            yield (
                f'<path stroke="currentColor" stroke-opacity="0.5" d="M{x} {_short(y)}v4"/>'
                f'<text x="{x}" y="{_short(y + 15)}" text-anchor="middle" font-size="10">'
                f"{name}</text>"
            )

    def marks(self, drawn: Sequence[Lane], *, titled: bool) -> Iterator[_Mark]:
        """Yield what stands for the turns."""
        top = self.top
        for lane in drawn:
            height = (_height(lane) - _GAP - 2) / len(lane.rows)
            for number, row in enumerate(lane.rows):
                heard = [one for one in row if _is_in(one, self)]
                yield from self._row(heard, top + 1 + number * height, height, titled=titled)
            top += _height(lane)

    def _row(
        self, turns: Sequence[ScoredTurn], y: float, height: float, *, titled: bool
    ) -> Iterator[_Mark]:
        cells: dict[int, list[ScoredTurn]] = defaultdict(list)
        for each in turns:
            x, end = self.x(each.turn.start), self.x(each.turn.end)
            if end - x < 1 and not titled:
                cells[int(x)].append(each)
                continue
            yield _mark(each, x, max(end - x, 1.0), y, height, _title(each) if titled else "")
        for x, together in cells.items():
            yield _mark(_loudest(together), float(x), 1.0, y, height, "")


def _mark(scored: ScoredTurn, x: float, width: float, y: float, height: float, title: str) -> _Mark:
    return _Mark(
        x=x,
        width=width,
        y=y,
        height=height - 0.5,
        label=scored.emotion.label,
        strength=round(opacity(scored.emotion), 1),
        title=title,
    )


def _loudest(turns: Sequence[ScoredTurn]) -> ScoredTurn:
    """Return the longest turn of the emotion that is heard longest."""
    seconds: dict[str | None, float] = defaultdict(float)
    for each in turns:
        seconds[each.emotion.label] += each.turn.duration
    return max(turns, key=lambda one: (seconds[one.emotion.label], one.turn.duration))


def _paths(marks: Iterable[_Mark], colours: Mapping[str, str]) -> Iterator[str]:
    """Yield elements; marks that look the same and say nothing are one."""
    groups: dict[tuple[str | None, float, str], list[str]] = defaultdict(list)
    for each in marks:
        groups[each.label, each.strength, each.title].append(each.path)
    for (label, strength, title), paths in groups.items():
        inner = f"<title>{escape(title)}</title>" if title else ""
        yield f'<path {look(label, strength, colours)} d="{"".join(paths)}">{inner}</path>'


def look(label: str | None, strength: float, colours: Mapping[str, str]) -> str:
    """Return the attributes that show an emotion: dashes around nothing if there is none."""
    if label is None:
        return 'fill-opacity="0" stroke="currentColor" stroke-width="0.8" stroke-dasharray="2 1.5"'
    colour = colours[label]
    return f'fill="{colour}" fill-opacity="{strength:g}" stroke="{colour}" stroke-width="0.6"'


def _title(scored: ScoredTurn) -> str:
    turn, emotion = scored.turn, scored.emotion
    said = UNSCORED if emotion.label is None else shown(emotion.label)
    score = "" if emotion.score is None else f" {emotion.score:.2f}"
    why = "" if emotion.reason is None else f": {emotion.reason}"
    times = f"{clock(turn.start, digits=1)} to {clock(turn.end, digits=1)}"
    return f"{shown(turn.speaker)}, {times}, {said}{score}{why}"


def _height(lane: Lane) -> float:
    return _LANE + _ROW * (min(len(lane.rows), _MOST_ROWS) - 1) + _GAP


def _is_in(scored: ScoredTurn, line: _Line) -> bool:
    return scored.turn.start < line.end and scored.turn.end >= line.start


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
