"""Counts of the turns in an annotated manifest, added up from those of each item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from emo2vec_plugins.core import Options, is_withheld, shortened
from emo2vec_plugins.integrations import MAX_FAILURES, NAMED_ITEMS, is_done
from emo2vec_plugins.integrations.lhotse.session import places, turn_name

_KINDS = ("scored", "unscored", "withheld", "failed", "skipped")
"""The counts of turns; each turn is in one of them."""

_MOST_REASON = 500
"""Characters of a reason in the record of an unfinished run, which has up to 10,000 of them."""

Outcome = dict[str, Any]
"""Counts of one cut, as JSON values without zeros."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Counts of annotated turns in a manifest, including those of an earlier, killed run.

    Attributes:
        cuts: Number of cuts.
        turns: Number of supervisions, and of cuts without any. It is the sum of the next five.
        scored: Turns with a new or replaced label.
        unscored: Turns without a label or reason, because the model has no classification head.
        withheld: Turns whose label was withheld, because its doubt is too high.
        failed: Turns without a label but with another reason: no audio, too short.
        skipped: Turns with an existing label, or one that an earlier run withheld.
        failures: Names and reasons of the first ten failed turns.
        bad: Number of lines that are not cuts, or cannot be read.
        bad_items: Files, lines and reasons of the first hundred of these.
        was_finished: Whether the output was complete before this run, which did nothing. Ignored
            in comparison.
    """

    cuts: int = 0
    turns: int = 0
    scored: int = 0
    unscored: int = 0
    withheld: int = 0
    failed: int = 0
    skipped: int = 0
    failures: tuple[str, ...] = ()
    bad: int = 0
    bad_items: tuple[str, ...] = ()
    was_finished: bool = field(default=False, compare=False)

    def as_json(self) -> dict[str, Any]:
        """Return the counts as JSON values for `from_json`."""
        values = asdict(self)
        del values["was_finished"]
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Summary:
        """Create a summary from the result of `as_json`."""
        found: Any = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**found)


class Counter:
    """Adds up the outcomes of items, in order."""

    def __init__(self) -> None:
        self._counts = dict.fromkeys(("cuts", *_KINDS, "bad"), 0)
        self._failures: list[str] = []
        self._bad_items: list[str] = []

    def add(self, outcome: Mapping[str, Any]) -> None:
        """Add one cut, by its `outcome`."""
        self._counts["cuts"] += 1
        for name, count in outcome.items():
            if name != "failures":
                self._counts[name] += count
        room = MAX_FAILURES - len(self._failures)
        self._failures += outcome.get("failures", [])[:room]

    def add_bad(self, reason: str) -> None:
        """Add an item that is not a cut."""
        self._counts["bad"] += 1
        if len(self._bad_items) < NAMED_ITEMS:
            self._bad_items.append(reason)

    def summary(self) -> Summary:
        """Return the sums."""
        turns = sum(self._counts[name] for name in _KINDS)
        names = {"failures": self._failures, "bad_items": self._bad_items}
        return Summary.from_json({"turns": turns, **self._counts, **names})


def outcome_of(before: Any, after: Any, options: Options) -> Outcome:
    """Count the turns of one cut, given before and after annotation, and name its failures."""
    # A plugin may return a cut with other turns.
    known, failures = places(after), list[str]()
    counts = dict.fromkeys(_KINDS, 0)
    for place, own in places(before).items():
        custom = getattr(known.get(place), "custom", None) or {}
        reason = custom.get(f"{options.field}_reason")
        if is_done(own.custom, options):
            counts["skipped"] += 1
        elif custom.get(options.field) is not None:
            counts["scored"] += 1
        elif is_withheld(reason):
            counts["withheld"] += 1
        elif reason:
            counts["failed"] += 1
            failures.append(
                f"{turn_name(before, place, own)}: {shortened(reason, most=_MOST_REASON)}"
            )
        else:
            counts["unscored"] += 1
    outcome: Outcome = {name: count for name, count in counts.items() if count}
    return outcome | ({"failures": failures[:MAX_FAILURES]} if failures else {})
