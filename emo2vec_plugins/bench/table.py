"""Tables of the results."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from emo2vec_plugins.bench.results import Measured, Ratio, Report
from emo2vec_plugins.core import counted

GIGA = 1e9


def speeds(report: Report) -> tuple[Sequence[str], list[list[str]]]:
    """Return columns and rows, one row per subject; empty columns are left out."""
    shown = [(title, [cell(each) for each in report.measured]) for title, cell in _COLUMNS.items()]
    kept = [(title, cells) for title, cells in shown if any(cells)]
    rows = [list(row) for row in zip(*(cells for _, cells in kept), strict=True)]
    return [title for title, _ in kept], rows


def growth(report: Report) -> tuple[Sequence[str], list[list[str]]]:
    """Return columns and rows, one row per subject and recording length."""
    rows = [
        [
            each.subject.name,
            f"{length.hours:.2f}",
            str(length.turns),
            f"{length.seconds:.1f}",
            times(length.hours * 3600 / length.seconds),
            _gigabytes(length.memory),
        ]
        for each in report.measured
        for length in each.lengths
    ]
    columns = ("subject", "hours", "turns", "seconds", "x real time", "extra GB")
    return columns, rows


def _ratio(value: Ratio | None) -> str:
    return "" if value is None else f"{value.median:.2f} ({value.lowest:.2f}-{value.highest:.2f})"


def _gigabytes(value: int | None) -> str:
    return "" if value is None else f"{value / GIGA:.2f}"


def times(value: float | None) -> str:
    """Format a speed: one decimal below 100, no decimals above."""
    if value is None:
        return ""
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def _differs(field: str, form: str) -> Callable[[Measured], str]:
    return lambda each: (each.difference and format(getattr(each.difference, field), form)) or ""


_COLUMNS: dict[str, Callable[[Measured], str]] = {
    "subject": lambda each: each.subject.name,
    "x real time": lambda each: times(each.speed),
    "turns/s": lambda each: times(each.turns_per_second),
    "x reference": lambda each: _ratio(each.ratio),
    "GB": lambda each: _gigabytes(each.memory),
    "limit": lambda each: times(each.limit),
    "of limit": lambda each: "" if each.share is None else f"{each.share:.0%}",
    "from files": lambda each: times(each.end_to_end_speed),
    "off by (p)": _differs("probability", ".1e"),
    "same label": _differs("same_label", ".1%"),
    "cosine": _differs("cosine", ".4f"),
}


def heading(report: Report) -> str:
    """Describe turns, model and machine in one line."""
    turns, machine = report.about["turns"], report.about["machine"]
    where = machine["gpu"] or f"{machine['cpu']}, {counted(machine['cores'], 'core')}"
    return (
        f"{counted(turns['count'], 'turn')}, {turns['seconds']:.0f} s, "
        f"turn lengths from {turns['source']}; "
        f"{report.about['model']}; {where}"
    )
