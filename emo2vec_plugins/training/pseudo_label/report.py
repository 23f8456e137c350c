"""What became of every turn in pseudo-labelling, as JSON and as text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from emo2vec_plugins.training.pseudo_label.selection import Selection
from emo2vec_plugins.training.pseudo_label.trust import CRITERIA, QUOTA

KINDS = 20
"""Most kinds of reason that are counted separately: a broken disk may have one for each file."""

OTHER_REASONS = "other reasons"

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|\([^)]*\)")
_WHOSE = re.compile(r"^(recording|cut|supervision) …$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of every turn: ``turns`` is the sum of the four that follow it.

    Attributes:
        cuts: That came in, and went out.
        turns: Supervisions, and cuts without any.
        labelled: With a label that was there already, and was not judged.
        labelled_by_models: Those of them that name the model they come from.
        unscored: That could not be scored.
        accepted: With a pseudo-label now.
        rejected: Scored, and not trusted.
        unscored_reasons: Those not scored, by the kind of reason.
        failures: The first ten of them, by their ids, each with its reason.
        predicted: Judged turns by the class that the model predicted.
        accepted_by_class: Those that got the label.
        caps: Most labels of each class, where there is a quota.
        first: Rejected turns by the first criterion that objected; their sum is *rejected*.
        alone: Turns that each criterion would reject if it were the only one.
        one_window: Judged turns too short for two windows, which no window could reject.
        trust: The criteria.
        prefix: The field that the labels are in, and prefix of those beside it.
        models: What the scores depend on, of each model, as JSON values.
        compared_on: The classes on which two models were compared, if they are known.
        was_finished: The output was there before, complete, and this run did nothing.
    """

    cuts: int
    turns: int
    labelled: int
    labelled_by_models: int
    unscored: int
    accepted: int
    rejected: int
    unscored_reasons: Mapping[str, int]
    failures: Sequence[str]
    predicted: Mapping[str, int]
    accepted_by_class: Mapping[str, int]
    caps: Mapping[str, int]
    first: Mapping[str, int]
    alone: Mapping[str, int]
    one_window: int
    trust: Mapping[str, Any]
    prefix: str
    models: Mapping[str, Any]
    compared_on: Sequence[str] | None = None
    was_finished: bool = field(default=False, compare=False)

    def as_json(self) -> dict[str, Any]:
        """Return what `from_json` takes."""
        values = asdict(self)
        del values["was_finished"]  # of this run, not of the output
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Report:
        """Read back what `as_json` gave."""
        return cls(**values)

    def table(self) -> str:
        """Return the report as text: what became of the turns, of each class, and why."""
        criteria = _criteria(self.trust, has_second=bool(self.models.get("second")))
        if self.one_window:
            criteria["windows"] += f"; {self.one_window} turns are too short for two"
        reasons = (f"{kind} ({count})" for kind, count in self.unscored_reasons.items())
        turns = [
            ("labelled already", self.labelled, ""),
            ("not scored", self.unscored, ", ".join(reasons)),
            ("rejected", self.rejected, ""),
            ("accepted", self.accepted, ""),
            ("all", self.turns, ""),
        ]
        taken = {name: self.accepted_by_class.get(name, 0) for name in self.predicted}
        classes = [(name, n, taken[name], n - taken[name]) for name, n in self.predicted.items()]
        whys = [
            (name, self.first[name], self.alone[name], asked) for name, asked in criteria.items()
        ]
        parts = (
            _aligned(("turns", "", ""), turns),
            _aligned(("predicted", "turns", "accepted", "rejected"), classes),
            _aligned(("rejected by", "first", "alone", "asked for"), whys),
        )
        return "\n\n".join(parts)


class Fates:
    """Counts cuts, and the turns that were not judged."""

    def __init__(self) -> None:
        self.cuts = self.labelled = self.labelled_by_models = self.unscored = 0
        self.reasons: Counter[str] = Counter()
        self.failures: list[str] = []

    def keep(self, custom: Mapping[str, Any], prefix: str) -> None:
        """Count a turn whose label was there."""
        self.labelled += 1
        self.labelled_by_models += custom.get(f"{prefix}_model") is not None

    def fail(self, name: str, reason: str) -> None:
        """Count a turn that could not be scored."""
        self.unscored += 1
        kind = kind_of(reason)
        known = kind in self.reasons or len(self.reasons) < KINDS
        self.reasons[kind if known else OTHER_REASONS] += 1
        if len(self.failures) < 10:
            self.failures.append(f"{name}: {reason}")

    def report(self, selection: Selection, **of_run: Any) -> Report:
        """Return the sums; *of_run* is what `Report` says of the run itself."""
        judged, accepted = len(selection.chosen), int(selection.chosen.sum())
        same = ("predicted", "accepted_by_class", "caps", "first", "alone", "one_window")
        return Report(
            cuts=self.cuts,
            turns=self.labelled + self.unscored + judged,
            labelled=self.labelled,
            labelled_by_models=self.labelled_by_models,
            unscored=self.unscored,
            accepted=accepted,
            rejected=judged - accepted,
            unscored_reasons=dict(self.reasons.most_common()),
            failures=self.failures,
            **{name: getattr(selection, name) for name in same},
            **of_run,
        )


def kind_of(reason: str) -> str:
    """Return a reason without what belongs to one turn alone: names, files, numbers.

    >>> kind_of("too short: 160 samples at 16 kHz, one frame needs 400 (25 ms)")
    'too short'
    >>> kind_of("/a/b.wav: no such audio file (recording 'b')")
    'no such audio file'
    """
    # Quoted and bracketed parts first: they may hold the colons that separate clauses.
    bare = re.sub(r"\s+", " ", _QUOTED.sub("…", reason)).strip()
    clauses = [clause.strip() for clause in bare.split(": ")]
    # Paths and "recording 'x'" stand before what went wrong, and differ from turn to turn.
    general = [c for c in clauses if "/" not in c and "\\" not in c and not _WHOSE.match(c)]
    return re.sub(r"\d+", "N", (general or clauses)[0]).removesuffix("…").strip()


def _criteria(trust: Mapping[str, Any], *, has_second: bool) -> dict[str, str]:
    """Return in words what each criterion asked for; a dash where it was not asked."""
    most = trust["max_duration"]
    quotas = [f"at most {trust['max_per_class']} a class"] if trust["max_per_class"] else []
    if trust["max_ratio"]:
        quotas.append(f"at most {trust['max_ratio']:g} x the {trust['ratio_of']} class")
    windows = f"at least {trust['min_agreement']:g} of windows of {trust['window'] or 0:g} s"
    cooled = "" if trust["temperature"] == 1 else f" at temperature {trust['temperature']:g}"
    asked = {
        "flags": f"not {', '.join(trust['refused_flags'])}" if trust["refused_flags"] else "",
        "duration": f"at least {trust['min_duration']:g} s"
        + (f", at most {most:g} s" if most is not None else ""),
        "class": ", ".join(trust["accepted_labels"] or ()),
        "confidence": f"at least {trust['min_confidence']:g}{cooled}",
        "margin": f"at least {trust['min_margin']:g}" if trust["min_margin"] else "",
        "windows": windows if trust["window"] is not None else "",
        "second model": "the same label" if has_second else "",
        QUOTA: ", ".join(quotas),
    }
    return {name: asked[name] or "-" for name in CRITERIA}


def _aligned(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return columns of text, words aligned to the left and numbers to the right."""
    lines = [tuple(map(str, line)) for line in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    is_number = [all(line[i].isdigit() for line in lines[1:]) for i in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, widths, is_number, strict=True)
        ).rstrip()
        for line in lines
    )
