"""Timelines: a picture of the turns of a recording, by speaker and emotion.

A long recording continues over several lines, like sheet music. On a single line, turns of two
seconds would be too narrow to see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.core import Dialogue, ScoredTurn, counted
from emo2vec_plugins.report.figures import (
    FAINT,
    GREY,
    drawing,
    heading,
    key,
    new_figure,
    text_of,
    time_axis,
)
from emo2vec_plugins.report.layout import Layout, Sizes, between, extent, layout
from emo2vec_plugins.report.style import clock, opacity
from emo2vec_plugins.report.summary import placeholders

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_Span = tuple[float, float]
_WIDTH, _MARGINS = 11.0, 1.1  # inches
_SIZES = Sizes(
    width=_WIDTH,
    turn=0.08,
    lane=0.23,
    row=0.15,
    most_rows=8,
    gap=0.04,
    pad=0.02,
    axis=0.34,
    most_lines=12,
    tallest=60.0,
)


def timeline(dialogue: Dialogue, *, start: float | None = None, end: float | None = None) -> Figure:
    """Return a figure with a lane for each speaker and turns in the colours of their emotions.

    Colours are paler for lower scores; turns without a label are hatched. Overlapping turns of one
    speaker are in separate rows. Long recordings continue over up to 12 lines.

    Args:
        dialogue: One recording.
        start: First second; if None, the start of the recording.
        end: Last second; if None, the end of the recording.

    Raises:
        OptionsError: Unless *start* is before *end*.
        MissingExtraError: If matplotlib is not installed.
    """
    first, last = extent(dialogue, start=start, end=end)
    with drawing():
        return _figure(between(dialogue, first, last), first, last)


def _figure(dialogue: Dialogue, start: float, end: float) -> Figure:
    plan = layout(dialogue, start, end, _SIZES)
    height = len(plan.lines) * (plan.height + _SIZES.axis) + _MARGINS
    figure = new_figure(_WIDTH, min(height, _SIZES.tallest))
    heading(figure, _title(dialogue, start, end, hours=plan.hours))
    panels = figure.subplots(len(plan.lines), squeeze=False)[:, 0]
    for axes, (begins, ends) in zip(panels, plan.lines, strict=True):
        _draw(axes, plan, begins, min(ends, end))
        _tidy(axes, plan)
        time_axis(axes, begins, ends, hours=plan.hours)
    key(figure, plan.colours, **dict.fromkeys(placeholders(dialogue), _HATCHED))
    return figure


def _title(dialogue: Dialogue, start: float, end: float, *, hours: bool) -> str:
    span = f"{clock(start, hours=hours)} to {clock(end, hours=hours)}"
    # The name comes last: numbers after an Arabic name would be set from right to left.
    return f"{counted(len(dialogue.turns), 'turn')} from {span} of {text_of(dialogue.recording)}"


def _draw(axes: Axes, plan: Layout, start: float, end: float) -> None:
    for lane in plan.lanes:
        band = (lane.top, lane.height)
        axes.broken_barh([(start, end - start)], band, facecolors=FAINT, linewidth=0)
        for number, row in enumerate(lane.rows):
            place = (row.top, row.height * (0.94 if number else 0.97))
            _draw_turns(axes, row.within(start, end), place, plan.colours, (start, end))


def _draw_turns(
    axes: Axes, turns: Sequence[ScoredTurn], place: _Span, colours: Mapping[str, str], window: _Span
) -> None:
    from matplotlib.colors import to_rgba

    scored = [(each, each.emotion.label) for each in turns if each.emotion.label is not None]
    if scored:
        axes.broken_barh(
            [_bar(each, window) for each, _ in scored],
            place,
            facecolors=[to_rgba(colours[label], opacity(each.emotion)) for each, label in scored],
            # Opaque, to distinguish pale greys and to show turns of zero length.
            edgecolors=[colours[label] for _, label in scored],
            linewidth=0.6,
        )
    if bars := [_bar(each, window) for each in turns if each.emotion.label is None]:
        axes.broken_barh(bars, place, **_HATCHED)


_HATCHED: Mapping[str, Any] = {
    "facecolor": "white",
    "edgecolor": GREY,
    "hatch": "//////",
    "linewidth": 0.5,
}


def _bar(scored: ScoredTurn, window: _Span) -> _Span:
    start, end = max(scored.turn.start, window[0]), min(scored.turn.end, window[1])
    return start, end - start


def _tidy(axes: Axes, plan: Layout) -> None:
    axes.set_ylim(plan.height - _SIZES.gap / 2, -_SIZES.gap / 2)
    axes.set_yticks(
        [lane.top + lane.height / 2 for lane in plan.lanes],
        [text_of(lane.speaker) for lane in plan.lanes],
        fontsize=8,
    )
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#d0d0d0", linewidth=0.6)
    axes.set_axisbelow(True)
