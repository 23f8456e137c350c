"""What became of the turns of a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from emo2vec_plugins.core import Options
from emo2vec_plugins.integrations import is_labelled
from emo2vec_plugins.integrations.lhotse.fields import Place, places

NAMED = 10
"""Most failures that are named; the manifest has them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What became of a manifest's turns; those of an earlier, killed run are counted too.

    Attributes:
        cuts: All of them.
        turns: Supervisions, and cuts without any; the sum of the four below.
        scored: With a label now that they had not, or that was replaced.
        unscored: Without a label and without a reason: the model has no head.
        failed: Without a label and with the reason: no audio, too short.
        skipped: With a label that was there already.
        failures: The first ten that failed, by their ids, each with the reason.
        was_finished: The output was there before, complete, and this run did nothing. Says
            nothing about turns, and makes no summary another.
    """

    cuts: int = 0
    turns: int = 0
    scored: int = 0
    unscored: int = 0
    failed: int = 0
    skipped: int = 0
    failures: tuple[str, ...] = ()
    was_finished: bool = field(default=False, compare=False)

    def plus(self, before: Any, after: Any, options: Options) -> Summary:
        """Return the sum with one cut, as it was and as it is."""
        known, failures = places(after), list(self.failures)
        fates = dict.fromkeys(("scored", "unscored", "failed", "skipped"), 0)
        for place, own in places(before).items():
            if is_labelled(own.custom, options):
                fates["skipped"] += 1
                continue
            custom = getattr(known.get(place), "custom", None) or {}
            reason = custom.get(f"{options.field}_reason")
            unlabelled = "failed" if reason else "unscored"
            fate = unlabelled if custom.get(options.field) is None else "scored"
            fates[fate] += 1
            if fate == "failed":
                failures.append(f"{_named(before, place, own)}: {reason}")
        sums = {name: getattr(self, name) + count for name, count in fates.items()}
        return Summary(
            cuts=self.cuts + 1,
            turns=self.turns + sum(fates.values()),
            failures=tuple(failures[:NAMED]),
            **sums,
        )

    def as_json(self) -> dict[str, Any]:
        """Return what `from_json` takes: all that is said of turns."""
        values = asdict(self) | {"failures": list(self.failures)}
        return {name: value for name, value in values.items() if name != "was_finished"}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Summary:
        """Read back what `as_json` gave."""
        return cls(**{**values, "failures": tuple(values["failures"])})


def _named(cut: Any, place: Place, own: Any) -> str:
    return f"cut {cut.id}" if place[1] is None else f"cut {cut.id}, supervision {own.id}"
