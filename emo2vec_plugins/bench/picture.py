"""A figure of the results, drawn without a window and without pyplot's global state."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from operator import eq
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from emo2vec_plugins.bench.results import Measured, Report
from emo2vec_plugins.bench.subjects import PEER, REFERENCE
from emo2vec_plugins.bench.table import GIGA, heading, times

OURS, FROM_FILES, THEIRS, LIMIT = "#2a6f97", "#89c2d9", "#a9b4be", "#c1440e"
"""Colours that are distinct in grey print and for colour-blind readers."""

FARTHEST = 2.5
"""A limit above this multiple of the highest speed is text only, to keep the bars readable."""

_BAR, _MARGIN, _GROWTH, _WIDTH = 0.5, 1.7, 2.8, 9.0  # inches
_LETTERS = 110  # per line of the title, so that it is not cut off
_WORDS = 1.45  # length of the axis relative to the bars, to leave room for text


def speed_figure(report: Report) -> Figure:
    """Return a figure with a bar for each subject and its limit on this machine as a line.

    If recordings of several lengths were annotated, their time and memory are plotted below.
    """
    grown = [each for each in report.measured if each.lengths]
    bars = _MARGIN + _BAR * len(report.measured)
    height = bars + (_GROWTH if grown else 0)
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    FigureCanvasAgg(figure)
    title = textwrap.fill(heading(report), _LETTERS)
    figure.suptitle(title, fontsize=9, color="#555555")
    if not grown:
        _draw_speeds(figure.add_subplot(), report.measured)
        return figure
    grid = figure.add_gridspec(2, 2, height_ratios=(bars, _GROWTH))
    _draw_speeds(figure.add_subplot(grid[0, :]), report.measured)
    _draw_growth(figure.add_subplot(grid[1, 0]), figure.add_subplot(grid[1, 1]), grown)
    return figure


def _draw_speeds(axes: Any, measured: Sequence[Measured]) -> None:
    farthest = FARTHEST * max(each.speed for each in measured)
    ends = [_end(each, farthest) for each in measured]
    for place, (each, end) in enumerate(zip(measured, ends, strict=True)):
        theirs = each.subject.way in (REFERENCE, PEER)
        axes.barh(place, each.speed, height=0.6, color=THEIRS if theirs else OURS)
        if each.end_to_end_speed is not None:
            axes.barh(place + 0.2, each.end_to_end_speed, height=0.2, color=FROM_FILES)
        if end == each.limit:
            axes.vlines(end, place - 0.38, place + 0.38, colors=LIMIT, linewidth=2.2)
        beside = {"xytext": (6, 0), "textcoords": "offset points", "va": "center"}
        axes.annotate(_words(each), (end, place), fontsize=8.5, **beside)
    axes.set_xlim(0, _WORDS * max(*ends, farthest / FARTHEST))
    axes.set_yticks(range(len(measured)), [each.subject.name for each in measured])
    axes.invert_yaxis()
    axes.set_xlabel("seconds of audio scored per second")
    _tidy(axes, grid="x", hidden=("top", "right", "left"))
    axes.tick_params(axis="y", length=0)
    handles = _legend(measured, limits=any(map(eq, ends, (each.limit for each in measured))))
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, 0.0), "borderaxespad": 4.2}
    axes.legend(handles=handles, ncols=4, frameon=False, fontsize=8, **below)


def _end(each: Measured, farthest: float) -> float:
    """Return the right end of a subject's drawing: its limit if that is near, else its speed."""
    return each.limit if each.limit is not None and each.limit <= farthest else each.speed


def _draw_growth(minutes: Any, memory: Any, measured: Sequence[Measured]) -> None:
    for each in measured:
        hours = [length.hours for length in each.lengths]
        taken = [length.seconds / 60 for length in each.lengths]
        most = [math.nan if x.memory is None else x.memory / GIGA for x in each.lengths]
        minutes.plot(hours, taken, marker="o", label=each.subject.name)
        memory.plot(hours, most, marker="o")
    for axes, title in ((minutes, "minutes, file to file"), (memory, "extra GB")):
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("hours of audio in one recording")
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        _tidy(axes, grid="both", hidden=("top", "right"))
    minutes.legend(frameon=False, fontsize=8)


def _tidy(axes: Any, *, grid: str, hidden: Sequence[str]) -> None:
    axes.spines[list(hidden)].set_visible(False)
    axes.grid(axis=grid, color="#e3e7ea", linewidth=0.8)
    axes.set_axisbelow(True)


def _words(each: Measured) -> str:
    words = [times(each.speed)]
    if each.subject.way == REFERENCE:
        words.append("the reference")
    elif each.ratio is not None:
        words.append(f"{each.ratio.median:.1f} x reference")
    if each.share is not None:
        words.append(f"{each.share:.0%} of the limit")
    return ", ".join(words)


def _legend(measured: Sequence[Measured], *, limits: bool) -> list[Any]:
    bars = {"this package": OURS, "others": THEIRS}
    if any(each.end_to_end for each in measured):
        bars["from files to files"] = FROM_FILES
    handles: list[Any] = [Patch(color=colour, label=label) for label, colour in bars.items()]
    if limits:
        label = "limit: the machine's matrix product"
        handles.append(Line2D([], [], color=LIMIT, linewidth=2.2, label=label))
    return handles
