"""Criteria for trusting a model's label: pure functions of the evidence on one turn.

Each criterion can be tightened on its own, and a tighter criterion never accepts an additional
turn. Only the quota of a class depends on all turns; see
`emo2vec_plugins.training.pseudo_label.selection`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from emo2vec_plugins.audio import MODEL_RATE
from emo2vec_plugins.core import FLAGS, FloatArray, canonical, shown
from emo2vec_plugins.engine import HOP
from emo2vec_plugins.errors import OptionsError

QUOTA = "quota"
"""The last criterion, which depends on all turns."""

CRITERIA = (
    *("flags", "duration", "class", "confidence", "margin", "windows", "second model"),
    QUOTA,
)
"""Names of the criteria, in order: the first one that fails is the reason for a rejection."""

_OPTIONAL = ("window", "max_duration", "max_per_class", "max_ratio")
"""Criteria that can be switched off with None."""

_FRAMES_PER_SECOND = MODEL_RATE / HOP


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The criteria for trusting the label of a turn; a value equal to its limit passes.

    Attributes:
        min_confidence: Lowest probability of the label, after *temperature*.
        min_margin: Smallest difference between the label's probability and the next highest.
        temperature: Divisor of the logits, applied before all criteria on probabilities. Use 1 for
            a calibrated model (Guo et al., "On Calibration of Modern Neural Networks", 2017).
        window: Length in seconds. Turns at least twice as long are also predicted in windows at
            least this long. None switches windows off.
        min_agreement: Smallest share of windows with the label of the turn.
        min_duration: Shortest length of a turn within its cut, in seconds.
        max_duration: Longest length of a turn within its cut, in seconds; None for no limit.
        refused_flags: Flags that reject a turn, from `emo2vec_plugins.core.FLAGS`.
        accepted_labels: Labels that are accepted; None for all.
        max_per_class: Largest number of labels per class; the most confident are kept.
        max_ratio: The same limit, as a multiple of the turn count of a reference class. Only turns
            that pass all other criteria count, and only classes with such turns.
        ratio_of: The reference class: ``median`` or ``smallest``.

    Raises:
        OptionsError: If a value is invalid; the message names it.
    """

    min_confidence: float = 0.7
    min_margin: float = 0.0
    temperature: float = 1.0
    window: float | None = None
    min_agreement: float = 0.75
    min_duration: float = 1.0
    max_duration: float | None = None
    refused_flags: tuple[str, ...] = ("overlapped", "silent", "clipped")
    accepted_labels: tuple[str, ...] | None = None
    max_per_class: int | None = None
    max_ratio: float | None = None
    ratio_of: Literal["median", "smallest"] = "median"

    def __post_init__(self) -> None:
        above_zero = math.ulp(0.0)  # the smallest positive number, as a temperature divides
        for name, expected, low, high in (
            ("min_confidence", "from 0 to 1", 0, 1),
            ("min_margin", "from 0 to 1", 0, 1),
            ("temperature", "a number above 0", above_zero, math.inf),
            ("window", "at least 0.02 s, one frame", 0.02, math.inf),
            ("min_agreement", "from 0 to 1", 0, 1),
            ("min_duration", "a number of seconds", 0, math.inf),
            ("max_per_class", "1 or more", 1, math.inf),
            ("max_ratio", "1 or more", 1, math.inf),
        ):
            self._check(name, expected, low, high)
        wanted = f"at least min_duration, {self.min_duration:g} s"
        self._check("max_duration", wanted, self.min_duration, math.inf)
        if self.ratio_of not in ("median", "smallest"):
            raise OptionsError(
                f"ratio_of must be 'median' or 'smallest', got {shown(self.ratio_of)}"
            )
        self._check_names()

    def as_json(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    def _check(self, name: str, expected: str, low: float, high: float) -> None:
        value = getattr(self, name)
        if value is None and name in _OPTIONAL:
            return
        kind = int if name == "max_per_class" else (int, float)
        is_number = isinstance(value, kind) and not isinstance(value, bool)
        # Written so that NaN fails: every comparison with it is false.
        if not is_number or not low <= value <= high or value == math.inf:
            raise OptionsError(f"{name} must be {expected}, got {shown(value)}")

    def _check_names(self) -> None:
        for name in ("refused_flags", "accepted_labels"):
            value = getattr(self, name)
            if isinstance(value, str):  # iterating over it would give letters
                raise OptionsError(
                    f"{name} must be a sequence of names, got the string {shown(value)}"
                )
            if value is not None:
                object.__setattr__(self, name, tuple(canonical(each) for each in value))
        unknown = [flag for flag in self.refused_flags if flag not in FLAGS]
        if unknown:
            raise OptionsError(f"unknown flag {', '.join(unknown)}; flags: {', '.join(FLAGS)}")
        if self.accepted_labels is not None and not self.accepted_labels:
            raise OptionsError("accepted_labels is empty, so no turn would get a label")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The evidence on one turn that a model gave a label.

    Attributes:
        label: The predicted class.
        scores: Probability of every class, after the temperature.
        duration: Length of the turn within its cut, in seconds.
        flags: Flags of the turn's audio.
        votes: Number of windows predicted as each class; empty for a turn of one window.
        others: Labels of other models, chosen from the classes they share with this one. None for
            a model without a label; empty without other models.
    """

    label: str
    scores: Mapping[str, float]
    duration: float
    flags: tuple[str, ...] = ()
    votes: Mapping[str, int] = field(default_factory=dict)
    others: tuple[str | None, ...] = ()

    @property
    def confidence(self) -> float:
        """Probability of the label."""
        return self.scores[self.label]

    @property
    def margin(self) -> float:
        """Difference to the next highest probability; the confidence if there is only one class."""
        rest = [score for name, score in self.scores.items() if name != self.label]
        return self.confidence - max(rest, default=0.0)

    @property
    def agreement(self) -> float | None:
        """Share of windows with the turn's label; None for a turn of one window."""
        total = sum(self.votes.values())
        return self.votes.get(self.label, 0) / total if total else None


def objections(evidence: Evidence, trust: Trust) -> dict[str, str]:
    """Return the criteria that reject a turn, in order, each with the reason as text.

    Quotas are not included. A turn of one window always passes the windows criterion.

    >>> quiet = Evidence(label="sad", scores={"sad": 0.41, "happy": 0.39, "angry": 0.2}, duration=2)
    >>> objections(quiet, Trust(min_margin=0.1))
    {'confidence': 'confidence 0.41 < 0.70', 'margin': 'margin 0.02 < 0.10'}
    """
    return dict(_objections(evidence, trust))


def _objections(evidence: Evidence, trust: Trust) -> Iterator[tuple[str, str]]:
    if refused := [flag for flag in evidence.flags if flag in trust.refused_flags]:
        yield "flags", f"flags: {', '.join(refused)}"
    seconds = evidence.duration
    if seconds < trust.min_duration:
        yield "duration", f"duration {_compared(seconds, '<', trust.min_duration)} s"
    elif trust.max_duration is not None and seconds > trust.max_duration:
        yield "duration", f"duration {_compared(seconds, '>', trust.max_duration)} s"
    if trust.accepted_labels is not None and evidence.label not in trust.accepted_labels:
        yield "class", f"class {evidence.label} is not an accepted label"
    for name, value, least in (
        ("confidence", evidence.confidence, trust.min_confidence),
        ("margin", evidence.margin, trust.min_margin),
        ("windows", evidence.agreement, trust.min_agreement),
    ):
        if value is not None and value < least:
            yield name, f"{name} {_compared(value, '<', least)}"
    if different := [other for other in evidence.others if other != evidence.label]:
        theirs = ", ".join(other or "no shared class" for other in different)
        yield "second model", f"second model predicted {theirs}, not {evidence.label}"


def tempered(scores: Mapping[str, float], temperature: float) -> dict[str, float]:
    """Return the probabilities of the logits divided by *temperature*.

    Logits equal the logarithms of the probabilities plus a constant, which cancels out, so the
    probabilities are sufficient. The order of the classes is kept.

    >>> tempered({"sad": 0.8, "happy": 0.2}, 2.0)
    {'sad': 0.6666666666666666, 'happy': 0.3333333333333333}
    """
    if temperature == 1:
        return dict(scores)
    # Divide by the largest first: then no power overflows, and small ones become 0.
    top = max(scores.values())
    powers = {name: (score / top) ** (1 / temperature) for name, score in scores.items()}
    total = sum(powers.values())
    return {name: power / total for name, power in powers.items()}


def window_votes(
    frame_logits: FloatArray, names: Sequence[str], *, window: float
) -> dict[str, int]:
    """Return how many windows of a turn are predicted as each class, most frequent first.

    The head of the network is linear, so the mean frame logits of a window equal the head's output
    for the window's mean embedding. The model need not run again. Window lengths differ by at most
    one frame; each is at least *window* and less than twice as long. Through attention, each frame
    depends on the whole turn, so windows agree more often than separate clips of that length.

    Args:
        frame_logits: Shape (frames, classes), 50 frames a second.
        names: Names of the classes.
        window: Length in seconds.

    Returns:
        Empty for a turn with room for only one window.
    """
    frames = len(frame_logits)
    count = frames // math.ceil(window * _FRAMES_PER_SECOND)
    if count < 2:
        return {}
    # Equal lengths, so that a short remainder does not get a full vote.
    starts = np.arange(count) * frames // count
    sums = np.add.reduceat(frame_logits.astype(np.float64), starts, axis=0)
    return dict(Counter(names[best] for best in sums.argmax(axis=1)).most_common())


def _compared(value: float, relation: str, limit: float) -> str:
    """Format a comparison with at least two decimals, and enough to show the difference."""
    # "0.70 < 0.70" explains nothing. 17 digits distinguish any two floats.
    digits = 2
    while f"{value:.{digits}f}" == f"{limit:.{digits}f}" and digits < 17:
        digits += 1
    return f"{value:.{digits}f} {relation} {limit:.{digits}f}"
