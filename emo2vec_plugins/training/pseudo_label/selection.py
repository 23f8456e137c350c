"""Selection of the turns that get a label, when classes have quotas.

All turns are read before any is chosen. Eleven bytes are kept for each turn: its class, its
confidence, and whether it passes the other criteria. A million turns take eleven megabytes.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

import numpy as np
import numpy.typing as npt

from emo2vec_plugins.training.pseudo_label.trust import CRITERIA, QUOTA, Evidence, Trust, objections

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Selection:
    """The result for all turns that were judged.

    Attributes:
        chosen: Whether each turn gets its label, in the order of the turns, shape (turns,).
        caps: Largest number of labels per class; empty without a quota.
        predicted: Turns by predicted class, sorted by name.
        accepted_by_class: Turns that get a label, by class.
        first: Rejected turns by the first criterion that failed; they sum to all rejected turns.
        alone: Turns that each criterion would reject if it were the only one.
        one_window: Turns too short for two windows; 0 if windows are not used.
    """

    chosen: Mask
    caps: Mapping[str, int]
    predicted: Mapping[str, int]
    accepted_by_class: Mapping[str, int]
    first: Mapping[str, int]
    alone: Mapping[str, int]
    one_window: int


class Judge:
    """Collects the evidence of all turns, in order, then chooses.

    Args:
        trust: The criteria.
    """

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        self._names: dict[str, int] = {}
        # Arrays of plain numbers; a list of objects would take about a hundred bytes a turn.
        self._classes = array("H")
        self._confidences = array("d")
        self._passed = bytearray()
        self._first: Counter[str] = Counter()
        self._alone: Counter[str] = Counter()
        self._one_window = 0

    def add(self, evidence: Evidence) -> None:
        """Add the evidence on one turn."""
        found = objections(evidence, self._trust)
        self._classes.append(self._names.setdefault(evidence.label, len(self._names)))
        self._confidences.append(evidence.confidence)
        self._passed.append(not found)
        self._alone.update(found.keys())
        self._first.update([*found][:1])
        self._one_window += self._trust.window is not None and evidence.agreement is None

    def choose(self) -> Selection:
        """Apply the quotas and return the result for all turns added so far."""
        classes = np.array(self._classes, dtype=np.uint16)
        confidences = np.array(self._confidences, dtype=np.float64)
        passed = np.frombuffer(bytes(self._passed), dtype=bool)

        def within(caps: Mapping[str, int], eligible: Mask) -> Mask:
            kept = np.ones_like(eligible)
            for name, cap in caps.items():
                own = eligible & (classes == self._names[name])
                kept &= ~own | most_confident(confidences, own, cap)
            return kept

        caps = class_caps(self._counts(classes[passed]), self._trust)
        chosen = passed & within(caps, passed)
        # The effect of the quotas alone: caps over all turns, whether or not they pass the rest.
        refused = ~within(class_caps(self._counts(classes), self._trust), np.ones_like(passed))
        first = Counter(self._first) + Counter({QUOTA: int((passed & ~chosen).sum())})
        alone = Counter(self._alone) + Counter({QUOTA: int(refused.sum())})
        return Selection(
            chosen=chosen,
            caps=caps,
            predicted=self._counts(classes),
            accepted_by_class=self._counts(classes[chosen]),
            first={name: first[name] for name in CRITERIA},
            alone={name: alone[name] for name in CRITERIA},
            one_window=self._one_window,
        )

    def _counts(self, classes: npt.NDArray[np.uint16]) -> dict[str, int]:
        counts = np.bincount(classes, minlength=len(self._names))
        return {name: int(counts[self._names[name]]) for name in sorted(self._names)}


def class_caps(counts: Mapping[str, int], trust: Trust) -> dict[str, int]:
    """Return the largest number of labels each class may have; empty if there is no quota.

    Args:
        counts: Turns of each class that pass all other criteria.
        trust: The criteria. If it has both quotas, the stricter one applies.

    >>> class_caps({"happy": 10, "neutral": 500, "sad": 40}, Trust(max_ratio=2))
    {'happy': 80, 'neutral': 80, 'sad': 80}
    """
    # A class without turns would make the smallest count 0 and reject every label.
    present = [count for count in counts.values() if count]
    limits: list[int] = [] if trust.max_per_class is None else [trust.max_per_class]
    if trust.max_ratio is not None and present:
        reference = median(present) if trust.ratio_of == "median" else min(present)
        limits.append(math.floor(trust.max_ratio * reference))
    return dict.fromkeys(counts, min(limits)) if limits else {}


def most_confident(confidences: npt.NDArray[np.float64], eligible: Mask, count: int) -> Mask:
    """Return a mask of the *count* most confident *eligible* turns; the earlier one wins a tie.

    Args:
        confidences: Shape (turns,).
        eligible: Shape (turns,).
        count: Largest number of turns in the result.

    Returns:
        Shape (turns,).
    """
    places = np.flatnonzero(eligible)
    # Stable, so that a second run over the same turns breaks ties in the same way.
    best = places[np.argsort(-confidences[places], kind="stable")[:count]]
    chosen = np.zeros_like(eligible)
    chosen[best] = True
    return chosen


def verdict(evidence: Evidence, trust: Trust, *, is_chosen: bool, caps: Mapping[str, int]) -> str:
    """Return the reason given by the first criterion that fails; empty if the turn is accepted."""
    if is_chosen:
        return ""
    # Computed again, because the reasons of a million turns would take more memory than the rest.
    found = objections(evidence, trust)
    if found:
        return next(iter(found.values()))
    return f"quota: {caps[evidence.label]} {evidence.label} turns are at least as confident"
