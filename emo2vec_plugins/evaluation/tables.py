"""Formatting of numbers, and the text tables of groups and of coverage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from emo2vec_plugins.core import UNSCORED, one_line, shortened
from emo2vec_plugins.evaluation.values import Coverage, Estimate, GroupResult

NONE = "-"
"""Table text for an undefined value."""

INTERVAL = "95 %"
"""Heading of interval columns."""

MOST_NAME = 40
"""Most characters of a group's name in a table."""


def aligned(rows: Iterable[Sequence[str]]) -> str:
    """Return rows as lines: the first column left-aligned, all others right-aligned.

    Empty interval columns are left out.

    >>> print(aligned([("", "turns"), ("angry", "12")]))
           turns
    angry     12
    """
    # Drop interval columns without any interval; a single missing interval is a dash.
    first, *others = (
        column
        for column in zip(*rows, strict=True)
        if column[0] != INTERVAL or set(column[1:]) != {NONE}
    )
    columns = [_padded(first, str.ljust), *(_padded(column, str.rjust) for column in others)]
    return "\n".join("  ".join(row).rstrip() for row in zip(*columns, strict=True))


def percent(value: float | None) -> str:
    """Format a share as per cent with one decimal, or a dash for None."""
    return NONE if value is None else f"{100 * value:.1f}"


def count(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def decimal(value: float | None) -> str:
    """Format a number with three decimals, or a dash for None."""
    return NONE if value is None else f"{value:.3f}"


def cells(estimate: Estimate, written: Any = percent) -> tuple[str, str]:
    """Format the value and its interval."""
    if estimate.low is None:
        return written(estimate.value), NONE
    return written(estimate.value), f"{written(estimate.low)} to {written(estimate.high)}"


def groups_table(field: str, groups: Mapping[str, GroupResult]) -> str:
    """Return three tables with a line per group: results, recalls, and shares of predictions."""
    named = [(_name(name), each) for name, each in groups.items()]
    head = (f"by {field}", "turns", "UA %", INTERVAL, "WA %", INTERVAL, "ECE", "withheld %")
    results = [
        (
            name,
            str(each.turns),
            *cells(each.ua),
            *cells(each.wa),
            decimal(each.ece),
            percent(each.withheld / each.turns),
        )
        for name, each in named
    ]
    labels = list(named[0][1].recalls)
    recalls = [
        (name, *(percent(each.recalls[label].value) for label in labels)) for name, each in named
    ]
    answers = dict.fromkeys(label for _, each in named for label in each.predicted)
    columns = sorted(answers, key=lambda label: label == UNSCORED)
    shares = [
        (name, *(percent(_share(each.predicted, label)) for label in columns))
        for name, each in named
    ]
    # The UA is averaged over the labels of the group, so a group with some of them is named.
    partial = [
        f"{name} has only {', '.join(each.present) or 'turns that are left out'}"
        for name, each in named
        if len(each.present) < len(labels)
    ]
    parts = [
        "\n".join([aligned([head, *results]), *partial]),
        aligned([(f"recall % by {field}", *labels), *recalls]),
        aligned([(f"predicted % by {field}", *columns), *shares]),
    ]
    return "\n\n".join(parts)


def coverage_table(found: Coverage) -> str:
    """Return the text about withheld labels and doubt."""
    head = ("coverage", "turns", "UA %", INTERVAL, "WA %", INTERVAL)
    rows = [
        ("with a label", str(found.kept), *cells(found.kept_ua), *cells(found.kept_wa)),
        (
            "if none were withheld",
            str(found.answered),
            *cells(found.all_ua),
            *cells(found.all_wa),
        ),
    ]
    by_label = ", ".join(f"{name} {percent(share)}" for name, share in found.labels.items())
    text = (
        f"{aligned([head, *rows])}\n{percent(found.share)} % of all turns have a label "
        f"({by_label}); {count(found.withheld, 'label')} withheld"
    )
    if found.risk_area is None:
        return text
    return (
        f"{text}\narea under the risk-coverage curve: {decimal(found.risk_area)} on "
        f"{count(found.doubted, 'turn')} with a doubt; {decimal(found.risk)} if the doubt said nothing"
    )


def _share(counts: Mapping[str, int], label: str) -> float | None:
    total = sum(counts.values())
    return counts.get(label, 0) / total if total else None


def _name(group: str) -> str:
    """Return the name of a group, which may be any text, for a line of a table."""
    return shortened(one_line(group), most=MOST_NAME)


def _padded(column: Sequence[str], pad: Any) -> list[str]:
    return [pad(cell, max(map(len, column))) for cell in column]
