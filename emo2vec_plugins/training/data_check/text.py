"""The result of a check as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from emo2vec_plugins.core import counted, shortened
from emo2vec_plugins.evaluation import aligned, few, percent
from emo2vec_plugins.training.data_check.check import WEIGHTS, DataCheck
from emo2vec_plugins.training.data_check.nuisance import NUISANCES, Told, typical_value
from emo2vec_plugins.training.data_check.turns import CheckedTurn, Finding, described, grouped

LONGEST = 1_000
"""Characters of a line about one finding, and of a cell."""

_NONE = "-"


def as_text(found: DataCheck) -> str:
    """Return tables of the turns, and every finding with what to do about it."""
    training = [turn for turn in found.turns if not turn.is_dev]
    tables = {
        "Training turns": _counts(training),
        "Development turns": _counts([turn for turn in found.turns if turn.is_dev]),
        "Medians of training turns": _medians(training),
        "Recall of the label from one value alone, by chance in brackets, in %": _told(found.told),
    }
    parts = [
        f"{title}\n\n{aligned([[_line(cell) for cell in row] for row in rows])}"
        for title, rows in tables.items()
        if len(rows) > 1
    ]
    for weight in WEIGHTS:
        parts += [_finding(each) for each in found.of(weight)]
    numbers = ", ".join(counted(len(found.of(weight)), weight) for weight in WEIGHTS)
    return "\n\n".join([*parts, numbers])


def _finding(finding: Finding) -> str:
    lines = [f"{finding.weight}: {_line(finding.what)}"]
    lines += [f"  example: {_line(finding.example)}"] if finding.example else []
    lines += [f"  advice: {_line(finding.advice)}"] if finding.advice else []
    return "\n".join(lines)


def _line(text: str) -> str:
    """Return text of any names in one line, without the end of a long one."""
    return shortened(" ".join(text.split()), most=LONGEST)


def _rows(turns: Sequence[CheckedTurn]) -> Iterator[tuple[str, Sequence[CheckedTurn]]]:
    labels = grouped(turns, "label")
    yield from labels.items()
    if len(labels) > 1:
        yield "all", turns


def _counts(turns: Sequence[CheckedTurn]) -> list[list[str]]:
    rows = [["", "turns", "minutes", "speakers", "corpora", "languages", "sexes"]]
    for name, own in _rows(turns):
        minutes = sum(turn.seconds for turn in own) / 60
        by = [described(grouped(own, field)) or _NONE for field in ("corpus", "language", "sex")]
        voices = str(len(grouped(own, "speaker")))
        rows.append([name, f"{len(own):,}", f"{minutes:.1f}", voices, *by])
    return rows


def _medians(turns: Sequence[CheckedTurn]) -> list[list[str]]:
    measured = [turn for turn in turns if turn.sound is not None]
    numbers = [each for each in NUISANCES if each.digits is not None]
    rows = [["", *(each.name for each in numbers)]]
    for name, own in _rows(measured):
        rows.append([name, *(typical_value(own, each)[0] for each in numbers)])
    return rows


def _told(told: Sequence[Told]) -> list[list[str]]:
    """Return a row for each value, with a column for all turns and one for each corpus."""
    scopes = [*dict.fromkeys(each.corpus for each in told)]
    names = [*dict.fromkeys(each.nuisance.name for each in told)]
    cells = {
        (each.nuisance.name, each.corpus): f"{percent(each.recall)} ({percent(each.chance)})"
        for each in told
    }
    rows = [["", *("all" if scope is None else few([scope]) for scope in scopes)]]
    rows += [[name, *(cells.get((name, scope), _NONE) for scope in scopes)] for name in names]
    return rows
