"""The result of pseudo-labelling for every turn, as JSON and as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from emo2vec_plugins.core import WITHHELD, is_withheld, kind_of_reason
from emo2vec_plugins.training.pseudo_label.selection import Selection
from emo2vec_plugins.training.pseudo_label.trust import CRITERIA, QUOTA

KINDS = 20
"""Largest number of reasons counted separately; a broken disk may give one for each file."""

OTHER_REASONS = "other reasons"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Counts of turns by result; *turns* is *labelled* + *unscored* + *accepted* + *rejected*.

    Attributes:
        cuts: Number of cuts in the input, and in the output.
        turns: Number of supervisions, plus the cuts without any.
        labelled: Turns that had a label already and were not judged.
        labelled_by_models: Turns in *labelled* that name the model of their label.
        unscored: Turns that could not be scored, or whose labels were withheld.
        accepted: Turns that got a pseudo-label.
        rejected: Turns that were scored and not trusted.
        unscored_reasons: Turns in *unscored* by the kind of reason.
        failures: Ids of the first ten failed turns, each with its reason.
        predicted: Judged turns by predicted class.
        accepted_by_class: Accepted turns by class.
        caps: Largest number of labels per class; empty without a quota.
        first: Rejected turns by the first criterion that failed; their sum is *rejected*.
        alone: Turns that each criterion would reject if it were the only one.
        one_window: Judged turns too short for two windows; the windows criterion accepts them.
        trust: The criteria.
        prefix: Field with the labels, and prefix of the other fields.
        models: Everything the scores depend on, for each model, as JSON values.
        compared_on: The classes on which two models were compared, if known.
        bad: Lines of the input that are not cuts.
        bad_items: The first hundred of them, each with the file, the line and what is wrong.
        was_finished: Whether the output was complete before, so that this run did nothing.
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
    bad: int = 0
    bad_items: Sequence[str] = field(default_factory=list)
    was_finished: bool = field(default=False, compare=False)

    @property
    def failed(self) -> int:
        """The turns in *unscored* whose labels were not withheld, as in other summaries."""
        return self.unscored - self.unscored_reasons.get(WITHHELD, 0)

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON values, which `from_json` reads."""
        values = asdict(self)
        del values["was_finished"]  # describes this run, not the output
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Report:
        """Return the report with the values that `as_json` returned."""
        return cls(**values)

    def table(self) -> str:
        """Return the report as three text tables: turns, classes and criteria."""
        criteria = _criteria(self.trust, has_second=bool(self.models.get("second")))
        if self.one_window:
            criteria["windows"] += f"; {self.one_window} turns are too short for two"
        reasons = (f"{kind} ({count})" for kind, count in self.unscored_reasons.items())
        turns = [
            ("already labelled", self.labelled, ""),
            ("not scored", self.unscored, ", ".join(reasons)),
            ("rejected", self.rejected, ""),
            ("accepted", self.accepted, ""),
            ("all", self.turns, ""),
        ]
        taken = {name: self.accepted_by_class.get(name, 0) for name in self.predicted}
        classes = [(name, n, taken[name], n - taken[name]) for name, n in self.predicted.items()]
        rejections = [
            (name, self.first[name], self.alone[name], required)
            for name, required in criteria.items()
        ]
        parts = (
            _aligned(("turns", "", ""), turns),
            _aligned(("predicted", "turns", "accepted", "rejected"), classes),
            _aligned(("rejected by", "first", "alone", "required"), rejections),
        )
        return "\n\n".join(parts)


class Outcomes:
    """Counts cuts, and the turns that were not judged."""

    def __init__(self) -> None:
        self.cuts = self.labelled = self.labelled_by_models = self.unscored = 0
        self.reasons: Counter[str] = Counter()
        self.failures: list[str] = []

    def keep(self, custom: Mapping[str, Any], prefix: str) -> None:
        """Count a turn that keeps its existing label."""
        self.labelled += 1
        self.labelled_by_models += custom.get(f"{prefix}_model") is not None

    def fail(self, name: str, reason: str) -> None:
        """Count a turn that could not be scored."""
        self.unscored += 1
        kind = kind_of_reason(reason)
        known = kind in self.reasons or len(self.reasons) < KINDS
        self.reasons[kind if known else OTHER_REASONS] += 1
        if len(self.failures) < 10 and not is_withheld(reason):
            self.failures.append(f"{name}: {reason}")

    def report(self, selection: Selection, **of_run: Any) -> Report:
        """Return the report; *of_run* are the attributes of `Report` that describe the run."""
        judged, accepted = len(selection.chosen), int(selection.chosen.sum())
        copied = ("predicted", "accepted_by_class", "caps", "first", "alone", "one_window")
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
            **{name: getattr(selection, name) for name in copied},
            **of_run,
        )


def _criteria(trust: Mapping[str, Any], *, has_second: bool) -> dict[str, str]:
    """Return a description of what each criterion required; a dash if it was not used."""
    most = trust["max_duration"]
    quotas = [f"at most {trust['max_per_class']} a class"] if trust["max_per_class"] else []
    if trust["max_ratio"]:
        quotas.append(f"at most {trust['max_ratio']:g} x the {trust['ratio_of']} class")
    windows = f"at least {trust['min_agreement']:g} of windows of {trust['window'] or 0:g} s"
    tempered = "" if trust["temperature"] == 1 else f" at temperature {trust['temperature']:g}"
    required = {
        "flags": f"not {', '.join(trust['refused_flags'])}" if trust["refused_flags"] else "",
        "duration": f"at least {trust['min_duration']:g} s"
        + (f", at most {most:g} s" if most is not None else ""),
        "class": ", ".join(trust["accepted_labels"] or ()),
        "confidence": f"at least {trust['min_confidence']:g}{tempered}",
        "margin": f"at least {trust['min_margin']:g}" if trust["min_margin"] else "",
        "windows": windows if trust["window"] is not None else "",
        "second model": "the same label" if has_second else "",
        QUOTA: ", ".join(quotas),
    }
    return {name: required[name] or "-" for name in CRITERIA}


def _aligned(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a text table, with words aligned to the left and numbers to the right."""
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
