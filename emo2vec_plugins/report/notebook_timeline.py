"""Timelines as inline SVG, for any light or dark page.

The SVG has no scripts, style sheets or identifiers, which could conflict with other cells of a
notebook. Everything except emotions has the colour of the surrounding text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from emo2vec_plugins.core import Dialogue, ScoredTurn
from emo2vec_plugins.report.layout import Layout, Row, Sizes, layout, sharing_pixels
from emo2vec_plugins.report.style import clock, opacity, shown, ticks, why_unlabelled

WIDTH, NAMES, _RIGHT = 960, 150, 24
"""Widths in pixels: of the whole timeline, of the names, and of half a time at the right edge."""

MOST_TITLES = 300
"""Maximum number of turns with tooltips; more would make the page large."""

_TITLE = 200  # most characters of each part of a tooltip

_SIZES = Sizes(
    width=WIDTH - NAMES - _RIGHT,
    turn=4.0,
    lane=16.0,
    row=7.0,
    most_rows=6,
    gap=3.0,
    pad=1.0,
    axis=24.0,
    most_lines=4,
    most_lanes=20,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SvgTimeline:
    """A timeline with counts of what it does not show.

    Attributes:
        svg: The SVG element.
        narrow: Number of turns narrower than a pixel; each pixel shows its longest emotion.
        without_lane: Number of speakers without a lane.
    """

    svg: str
    narrow: int
    without_lane: int


class _Mark(NamedTuple):
    label: str | None
    strength: float
    path: str
    title: str = ""


def svg_timeline(dialogue: Dialogue, start: float, end: float) -> SvgTimeline:
    """Return a timeline of the turns from *start* to *end*."""
    plan = layout(dialogue, start, end, _SIZES)
    # A turn with a tooltip needs a separate element; otherwise turns of one style share a path.
    titled = len(plan.turns) <= MOST_TITLES
    tall = plan.height + _SIZES.axis
    parts: list[str] = []
    for number, (begins, ends) in enumerate(plan.lines):
        line = _Line(begins, ends, number * tall)
        parts += [*line.frame(plan), *_paths(line.marks(plan, titled=titled), plan.colours)]
    height = _short(tall * len(plan.lines))
    pixel = (plan.lines[0][1] - plan.lines[0][0]) / _SIZES.width  # in seconds
    return SvgTimeline(
        svg=f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'style="width:100%;max-width:{WIDTH}px;height:auto;display:block;margin-top:4px" '
        f'font-family="sans-serif" font-size="11" fill="currentColor">{"".join(parts)}</svg>',
        narrow=0 if titled else sum(each.turn.duration < pixel for each in plan.turns),
        without_lane=plan.without_lane,
    )


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of time; *top* is its position in the picture."""

    start: float
    end: float
    top: float

    def x(self, time: float) -> float:
        inside = min(max(time, self.start), self.end)
        return NAMES + (inside - self.start) / (self.end - self.start) * _SIZES.width

    def frame(self, plan: Layout) -> Iterator[str]:
        """Yield the names, the backgrounds of lanes, and the times below them."""
        right = _short(self.x(min(self.end, plan.end)))
        for lane in plan.lanes:
            y = self.top + lane.top
            yield (
                f'<text x="{NAMES - 8}" y="{_short(y + lane.height / 2 + 4)}" text-anchor="end">'
                f"<title>{escape(shown(lane.speaker))}</title>"
                f"{escape(shown(lane.speaker, most=20))}</text>"
                f'<path fill-opacity="0.07" d="'
                f'M{NAMES} {_short(y)}H{right}v{_short(lane.height)}H{NAMES}z"/>'
            )
        y = self.top + plan.height
        for time, name in ticks(self.start, self.end, hours=plan.hours):
            x = _short(self.x(time))
            yield (
                f'<path stroke="currentColor" stroke-opacity="0.5" d="M{x} {_short(y)}v4"/>'
                f'<text x="{x}" y="{_short(y + 15)}" text-anchor="middle" font-size="10">'
                f"{name}</text>"
            )

    def marks(self, plan: Layout, *, titled: bool) -> Iterator[_Mark]:
        """Yield the marks of the turns."""
        for row in (row for lane in plan.lanes for row in lane.rows):
            turns = row.within(self.start, self.end)
            if titled:
                for each in turns:
                    x, end = map(self.x, (each.turn.start, each.turn.end))
                    yield self._mark(each, row, x, max(end - x, 1.0), title=_title(each))
            else:
                for each, x, width in sharing_pixels(turns, self.x):
                    yield self._mark(each, row, x, width)

    def _mark(
        self, scored: ScoredTurn, row: Row, x: float, width: float, *, title: str = ""
    ) -> _Mark:
        left, top, wide, high = map(_short, (x, self.top + row.top, width, row.height - 0.5))
        return _Mark(
            label=scored.emotion.label,
            # Rounded, so that there are few different styles.
            strength=round(opacity(scored.emotion), 1),
            path=f"M{left} {top}h{wide}v{high}h-{wide}z",
            title=title,
        )


def _paths(marks: Iterable[_Mark], colours: Mapping[str, str]) -> Iterator[str]:
    """Yield elements; marks with the same style and no tooltip share one."""
    groups: dict[tuple[str | None, float, str], list[str]] = defaultdict(list)
    for each in marks:
        groups[each.label, each.strength, each.title].append(each.path)
    for (label, strength, title), paths in groups.items():
        inner = f"<title>{escape(title)}</title>" if title else ""
        yield f'<path {style_of(label, strength, colours)} d="{"".join(paths)}">{inner}</path>'


def style_of(label: str | None, strength: float, colours: Mapping[str, str]) -> str:
    """Return the SVG attributes of an emotion: an empty dashed outline if it has no label."""
    if label is None:
        return 'fill-opacity="0" stroke="currentColor" stroke-width="0.8" stroke-dasharray="2 1.5"'
    colour = colours[label]
    return f'fill="{colour}" fill-opacity="{strength:g}" stroke="{colour}" stroke-width="0.6"'


def _title(scored: ScoredTurn) -> str:
    turn, emotion = scored.turn, scored.emotion
    label = why_unlabelled(emotion) if emotion.label is None else emotion.label
    score = "" if emotion.score is None else f" {emotion.score:.2f}"
    times = f"{clock(turn.start, digits=1)} to {clock(turn.end, digits=1)}"
    return f"{shown(turn.speaker, most=_TITLE)}, {times}, {shown(label, most=_TITLE)}{score}"


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
