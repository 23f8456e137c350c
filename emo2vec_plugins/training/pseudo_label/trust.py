"""When a model's label can be trusted: pure criteria on the evidence for one turn.

Every criterion can be tightened on its own, and tightening one never lets another turn through.
The quota of a class is the one criterion that needs all turns: see
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
from emo2vec_plugins.core import FLAGS, FloatArray, canonical
from emo2vec_plugins.engine import HOP
from emo2vec_plugins.errors import OptionsError

QUOTA = "quota"
"""The criterion that comes last, and looks at all turns."""

CRITERIA = (
    *("flags", "duration", "class", "confidence", "margin", "windows", "second model"),
    QUOTA,
)
"""In the order in which they are asked: the first that objects is the reason for a rejection."""

_OPTIONAL = ("window", "max_duration", "max_per_class", "max_ratio")
"""Criteria that may be None: not asked."""

_FRAMES_PER_SECOND = MODEL_RATE / HOP


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What a turn needs for its label to be trusted; a value at its limit is good enough.

    Attributes:
        min_confidence: Least probability of the label, after *temperature*.
        min_margin: Least distance from the label's probability to that of the runner-up.
        temperature: What logits are divided by before anything is asked of probabilities; 1 for
            a model that is calibrated already (Guo et al., "On Calibration of Modern Neural
            Networks", 2017).
        window: Seconds; a turn of twice that or more is judged again in windows that last at
            least as long. None asks nothing of windows.
        min_agreement: Least share of the windows that have the label of the turn.
        min_duration: Seconds of the turn that lie within its cut.
        max_duration: The same; None for no limit.
        refused_flags: What disqualifies a turn, some of `emo2vec_plugins.core.FLAGS`.
        accepted_labels: The only ones that are given; None for all.
        max_per_class: Most labels of a class; the most confident are kept.
        max_ratio: The same, as a multiple of how many turns a class has that pass all else: of
            the class in the middle or the smallest, as *ratio_of* says. Classes without such a
            turn do not count.
        ratio_of: ``median`` or ``smallest``.

    Raises:
        OptionsError: If a value is impossible; the message names it.
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
        above_none = math.ulp(0.0)  # the least number above 0: a temperature divides
        for name, expected, low, high in (
            ("min_confidence", "from 0 to 1", 0, 1),
            ("min_margin", "from 0 to 1", 0, 1),
            ("temperature", "a number above 0", above_none, math.inf),
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
            raise OptionsError(f"ratio_of is 'median' or 'smallest', got {self.ratio_of!r}")
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
        # Written so that NaN, which compares as false with everything, fails.
        if not is_number or not low <= value <= high or value == math.inf:
            raise OptionsError(f"{name} must be {expected}, got {value!r}")

    def _check_names(self) -> None:
        for name in ("refused_flags", "accepted_labels"):
            value = getattr(self, name)
            if isinstance(value, str):  # would be taken for a list of letters
                raise OptionsError(f"{name} is several names, got the string {value!r}")
            if value is not None:
                object.__setattr__(self, name, tuple(canonical(each) for each in value))
        unknown = [flag for flag in self.refused_flags if flag not in FLAGS]
        if unknown:
            raise OptionsError(f"there is no flag {', '.join(unknown)}; flags: {', '.join(FLAGS)}")
        if self.accepted_labels is not None and not self.accepted_labels:
            raise OptionsError("accepted_labels names none: nothing would ever be labelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of one turn that a model gave a label.

    Attributes:
        label: The class that was predicted.
        scores: Probability of every class, after the temperature.
        duration: Seconds of the turn within its cut.
        flags: Of its audio.
        votes: How many windows were predicted as which class; empty for a turn of one window.
        others: Labels of other models, of the classes that they share with this one; None where
            one has no label, empty where there are no other models.
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
        """How far the runner-up is behind; the confidence where there is but one class."""
        rest = [score for name, score in self.scores.items() if name != self.label]
        return self.confidence - max(rest, default=0.0)

    @property
    def agreement(self) -> float | None:
        """Share of the windows that have the turn's label; None for a turn of one window."""
        total = sum(self.votes.values())
        return self.votes.get(self.label, 0) / total if total else None


def objections(evidence: Evidence, trust: Trust) -> dict[str, str]:
    """Return which criteria reject a turn, in their order, each with the reason in words.

    No quota is asked. A turn of one window has none that could disagree, and passes there.

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
        yield "class", f"class {evidence.label} is not among those wanted"
    for name, value, least in (
        ("confidence", evidence.confidence, trust.min_confidence),
        ("margin", evidence.margin, trust.min_margin),
        ("windows", evidence.agreement, trust.min_agreement),
    ):
        if value is not None and value < least:
            yield name, f"{name} {_compared(value, '<', least)}"
    if strange := [other for other in evidence.others if other != evidence.label]:
        theirs = ", ".join(other or "nothing that can be compared" for other in strange)
        yield "second model", f"second model predicted {theirs}, not {evidence.label}"


def tempered(scores: Mapping[str, float], temperature: float) -> dict[str, float]:
    """Return the probabilities that logits divided by *temperature* would have given.

    Logits are the logarithms of probabilities but for a constant, which cancels out, so nothing
    but the probabilities is needed. The order of the classes stays.

    >>> tempered({"sad": 0.8, "happy": 0.2}, 2.0)
    {'sad': 0.6666666666666666, 'happy': 0.3333333333333333}
    """
    if temperature == 1:
        return dict(scores)
    # Divided by the largest first: no power of it overflows, and small ones just vanish.
    top = max(scores.values())
    powers = {name: (score / top) ** (1 / temperature) for name, score in scores.items()}
    total = sum(powers.values())
    return {name: power / total for name, power in powers.items()}


def window_votes(
    frame_logits: FloatArray, names: Sequence[str], *, window: float
) -> dict[str, int]:
    """Return how many windows of a turn are predicted as which class, most first.

    The head of the network is linear, so the mean of the frame logits in a window is what the
    head says of the window's mean embedding: no further run of the model is needed. Windows are
    of equal length within one frame, and last at least *window* and less than twice that. They
    saw the whole turn, through attention: they agree more often than clips of their length would.

    Args:
        frame_logits: Shape (frames, classes), 50 frames a second.
        names: Of the classes.
        window: Seconds.

    Returns:
        Nothing for a turn that has only one window.
    """
    frames = len(frame_logits)
    count = frames // math.ceil(window * _FRAMES_PER_SECOND)
    if count < 2:
        return {}
    # Equal lengths, so that no short rest votes with the weight of a window.
    starts = np.arange(count) * frames // count
    sums = np.add.reduceat(frame_logits.astype(np.float64), starts, axis=0)
    return dict(Counter(names[best] for best in sums.argmax(axis=1)).most_common())


def _compared(value: float, relation: str, limit: float) -> str:
    """Write a comparison with as many digits as show that it holds, two at least."""
    # "0.70 < 0.70" would be no reason; 17 digits distinguish any two floats.
    digits = 2
    while f"{value:.{digits}f}" == f"{limit:.{digits}f}" and digits < 17:
        digits += 1
    return f"{value:.{digits}f} {relation} {limit:.{digits}f}"
