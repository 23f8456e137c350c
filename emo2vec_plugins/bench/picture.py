"""The speeds of a run as bars, made without a window and without pyplot's global state."""

from __future__ import annotations

from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from emo2vec_plugins.bench.results import Measured, Report
from emo2vec_plugins.bench.subjects import PEER, REFERENCE
from emo2vec_plugins.bench.table import heading

OURS, FROM_FILES, THEIRS, LIMIT = "#2a6f97", "#89c2d9", "#a9b4be", "#c1440e"
"""Told apart by the colour-blind, and in grey print."""

FARTHEST = 2.5
"""A limit beyond so many times the fastest is told in words: bars would be too short to read."""

_BAR, _MARGIN, _WIDTH = 0.5, 1.7, 9.0  # inches
_WORDS = 1.45  # the axis is so much longer than what is drawn: words stand beside bars


def speed_figure(report: Report) -> Figure:
    """Return a figure: a bar for each subject, and the machine's limit for it as a line."""
    measured = report.measured
    figure = Figure(figsize=(_WIDTH, _MARGIN + _BAR * len(measured)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    farthest = FARTHEST * max(each.speed for each in measured)
    for place, each in enumerate(measured):
        _draw(axes, place, each, farthest)
    ends = [each.speed for each in measured] + [each.limit or 0.0 for each in measured]
    axes.set_xlim(0, _WORDS * max(end for end in ends if end <= farthest))
    axes.set_yticks(range(len(measured)), [each.subject.name for each in measured])
    axes.invert_yaxis()
    axes.set_xlabel("seconds of audio scored in a second")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#e3e7ea", linewidth=0.8)
    axes.set_axisbelow(True)
    figure.suptitle(heading(report), fontsize=9, color="#555555")
    figure.legend(
        handles=_legend(measured, farthest),
        loc="outside lower center",
        ncols=4,
        frameon=False,
        fontsize=8,
    )
    return figure


def _draw(axes: Any, place: int, each: Measured, farthest: float) -> None:
    theirs = each.subject.way in (REFERENCE, PEER)
    axes.barh(place, each.speed, height=0.6, color=THEIRS if theirs else OURS)
    if each.end_to_end_speed is not None:
        axes.barh(place + 0.2, each.end_to_end_speed, height=0.2, color=FROM_FILES)
    if _is_near(each, farthest):
        axes.vlines(each.limit, place - 0.38, place + 0.38, colors=LIMIT, linewidth=2.2)
    axes.annotate(
        _words(each),
        (each.limit if _is_near(each, farthest) else each.speed, place),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        fontsize=8.5,
    )


def _is_near(each: Measured, farthest: float) -> bool:
    return each.limit is not None and each.limit <= farthest


def _words(each: Measured) -> str:
    words = [f"{each.speed:,.1f}" if each.speed < 100 else f"{each.speed:,.0f}"]
    if each.ratio is not None:
        words.append(f"{each.ratio.median:.1f} x reference")
    if each.share is not None:
        words.append(f"{each.share:.0%} of the limit")
    return ", ".join(words)


def _legend(measured: tuple[Measured, ...], farthest: float) -> list[Any]:
    handles: list[Any] = [
        Patch(color=OURS, label="this package"),
        Patch(color=THEIRS, label="others"),
    ]
    if any(each.end_to_end for each in measured):
        handles.append(Patch(color=FROM_FILES, label="from files to files"))
    if any(_is_near(each, farthest) for each in measured):
        label = "limit: the machine's matrix product"
        handles.append(Line2D([], [], color=LIMIT, linewidth=2.2, label=label))
    return handles
