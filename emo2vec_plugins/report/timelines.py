"""A recording as a timeline: who speaks when, and in which emotion.

A long recording goes over several lines, like music: turns of two seconds would be no wider than
a hair on one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.core import UNSCORED, Dialogue, ScoredTurn
from emo2vec_plugins.report.clock import HOUR, clock
from emo2vec_plugins.report.drawing import (
    FAINT,
    GREY,
    drawing,
    heading,
    key,
    new_figure,
    text_of,
    time_axis,
)
from emo2vec_plugins.report.lanes import Lane, between, broken, extent, lanes
from emo2vec_plugins.report.style import opacity, palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH, _MARGINS = 11.0, 1.1  # inches
_LANE, _ROW, _AXIS = 0.27, 0.15, 0.34  # inches of height: a lane, each further row, a line's times
_TALLEST = 60.0
_MOST_ROWS = 8  # of which a lane grows; more of them share its height
_LINES = 12
_TURN = 0.08  # inches that a middling turn is to be wide, if there are lines enough


def timeline(dialogue: Dialogue, *, start: float | None = None, end: float | None = None) -> Figure:
    """Return a figure with a lane for each speaker, and turns in the colours of their emotions.

    Colours are paler for lower scores; turns without a label are hatched. Turns of one speaker
    that overlap lie in rows of their own. Long recordings go over up to 12 lines.

    Args:
        dialogue: One recording.
        start: Seconds; where the recording begins if None.
        end: Seconds; where it ends if None.

    Raises:
        OptionsError: Unless *start* is before *end*.
        MissingExtraError: If matplotlib is not installed.
    """
    first, last = extent(dialogue, start=start, end=end)
    shown = between(dialogue, first, last)
    with drawing():
        return _figure(shown, first, last)


def _figure(dialogue: Dialogue, start: float, end: float) -> Figure:
    stacked = _stacked(lanes(dialogue.turns))
    colours = palette(each.emotion.label for each in dialogue.turns)
    lines = broken(dialogue.turns, start, end, most=_affordable(stacked), turns_wide=_WIDTH / _TURN)
    height = len(lines) * (_height(stacked) + _AXIS) + _MARGINS
    figure = new_figure(_WIDTH, min(height, _TALLEST))
    heading(figure, _title(dialogue, start, end))
    panels = figure.subplots(len(lines), squeeze=False)[:, 0]
    for axes, (begins, ends) in zip(panels, lines, strict=True):
        _draw(axes, stacked, colours, begins, min(ends, end))
        _tidy(axes, stacked)
        time_axis(axes, begins, ends, hours=_has_hours(start, end))
    key(figure, colours, extra=_unscored_key(dialogue.turns))
    return figure


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stacked:
    """A lane with its place, in inches from the top."""

    lane: Lane
    top: float
    height: float


def _stacked(found: Sequence[Lane]) -> list[_Stacked]:
    placed: list[_Stacked] = []
    top = 0.0
    for lane in found:
        height = _LANE + _ROW * (min(len(lane.rows), _MOST_ROWS) - 1)
        placed.append(_Stacked(lane=lane, top=top, height=height))
        top += height
    return placed


def _height(stacked: Sequence[_Stacked]) -> float:
    return sum(each.height for each in stacked) or _LANE


def _affordable(stacked: Sequence[_Stacked]) -> int:
    return max(1, min(_LINES, int(_TALLEST / 2 / (_height(stacked) + _AXIS))))


def _title(dialogue: Dialogue, start: float, end: float) -> str:
    hours = _has_hours(start, end)
    turns = f"{len(dialogue.turns)} turn" + "s" * (len(dialogue.turns) != 1)
    span = f"{clock(start, hours=hours)} to {clock(end, hours=hours)}"
    # Its name comes last: numbers after an Arabic one would be set from right to left.
    return f"{turns} from {span} of {text_of(dialogue.recording)}"


def _has_hours(start: float, end: float) -> bool:
    return max(abs(start), abs(end)) >= HOUR


def _draw(
    axes: Axes,
    stacked: Sequence[_Stacked],
    colours: Mapping[str, str],
    start: float,
    end: float,
) -> None:
    for each in stacked:
        inner = (each.top + 0.02, each.height - 0.04)
        axes.broken_barh([(start, end - start)], inner, facecolors=FAINT, linewidth=0)
        for row, (place, height) in zip(each.lane.rows, _places(each), strict=True):
            heard = [one for one in row if one.turn.start < end and one.turn.end >= start]
            _draw_scored(axes, heard, (place, height), colours, (start, end))
            _draw_unscored(axes, heard, (place, height), (start, end))


def _places(stacked: _Stacked) -> Iterator[tuple[float, float]]:
    """Yield where each row of a lane begins, and how high it is."""
    height = (stacked.height - 0.08) / len(stacked.lane.rows)
    for number in range(len(stacked.lane.rows)):
        yield stacked.top + 0.04 + number * height, height * (0.94 if number else 0.97)


def _draw_scored(
    axes: Axes,
    turns: Sequence[ScoredTurn],
    place: tuple[float, float],
    colours: Mapping[str, str],
    window: tuple[float, float],
) -> None:
    from matplotlib.colors import to_rgba

    scored = [(each, each.emotion.label) for each in turns if each.emotion.label is not None]
    if scored:
        axes.broken_barh(
            [_bar(each, window) for each, _ in scored],
            place,
            facecolors=[to_rgba(colours[label], opacity(each.emotion)) for each, label in scored],
            # At full strength: a pale grey is told from another one, a turn of no width is seen.
            edgecolors=[colours[label] for _, label in scored],
            linewidth=0.6,
        )


def _draw_unscored(
    axes: Axes,
    turns: Sequence[ScoredTurn],
    place: tuple[float, float],
    window: tuple[float, float],
) -> None:
    bars = [_bar(each, window) for each in turns if each.emotion.label is None]
    if bars:
        axes.broken_barh(bars, place, **_HATCHED)


_HATCHED: Mapping[str, Any] = {
    "facecolor": "white",
    "edgecolor": GREY,
    "hatch": "//////",
    "linewidth": 0.5,
}


def _bar(scored: ScoredTurn, window: tuple[float, float]) -> tuple[float, float]:
    start, end = max(scored.turn.start, window[0]), min(scored.turn.end, window[1])
    return start, end - start


def _tidy(axes: Axes, stacked: Sequence[_Stacked]) -> None:
    axes.set_ylim(_height(stacked), 0)
    axes.set_yticks(
        [each.top + each.height / 2 for each in stacked],
        [text_of(each.lane.speaker) for each in stacked],
        fontsize=8,
    )
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#d0d0d0", linewidth=0.6)
    axes.set_axisbelow(True)


def _unscored_key(turns: Sequence[ScoredTurn]) -> list[Any]:
    from matplotlib.patches import Patch

    if all(each.emotion.label is not None for each in turns):
        return []
    return [Patch(label=UNSCORED, **_HATCHED)]
