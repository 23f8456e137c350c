"""What is compared: for each turn, its true label and what was predicted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from emo2vec_plugins.core import EMOTIONS
from emo2vec_plugins.errors import FormatError, LabelError

SUM_TOLERANCE = 1e-2
"""How far from 1 probabilities may sum: files have them rounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One labelled turn and what was predicted of it.

    Attributes:
        id: Of the turn; messages name it.
        truth: Its true label.
        label: Its predicted label; None if there is no prediction.
        scores: Probability of each label that could have been predicted, brought to a sum of
            exactly 1; None if only the label is known.
        duration: Seconds.
        start: Seconds from the start of the recording.
        speaker: None if not known.
        recording: None if not known.
        reason: Why there is no prediction.

    Raises:
        FormatError: If scores are no probabilities that sum to 1, or lack the label; or if the
            duration is no number of seconds.
    """

    id: str
    truth: str
    label: str | None
    scores: Mapping[str, float] | None = None
    duration: float
    start: float = 0.0
    speaker: str | None = None
    recording: str | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        if not (0 <= self.duration < math.inf and math.isfinite(self.start)):
            got = f"{self.start!r} and {self.duration!r}"
            raise FormatError(f"turn {self.id!r}: start and duration must be seconds, got {got}")
        if self.scores is not None:
            # Rounded scores would not sum to 1 where scikit-learn insists on it.
            object.__setattr__(self, "scores", normalised(self.scores, f"turn {self.id!r}"))
            if self.label is not None and self.label not in self.scores:
                lacks = f"of which there is no score, only of {', '.join(self.scores)}"
                raise FormatError(f"turn {self.id!r}: is predicted to be {self.label!r}, {lacks}")


def normalised(scores: Mapping[str, float], where: str) -> dict[str, float]:
    """Return probabilities, which may have been rounded, brought to a sum of exactly 1.

    Raises:
        FormatError: If they are none, or do not sum to 1; the message begins with *where*.
    """
    total = sum(scores.values())
    are_shares = all(0 <= score <= 1 + SUM_TOLERANCE for score in scores.values())
    if not (are_shares and abs(total - 1) <= SUM_TOLERANCE):  # nan is refused, too
        raise FormatError(
            f"{where}: scores must be probabilities that sum to 1, got {dict(scores)}"
        )
    return {label: float(score) / total for label, score in scores.items()}


def few(names: Sequence[str], most: int = 5) -> str:
    """Return the first of many names, for a message.

    >>> few(["a", "b", "c"], 2)
    'a, b, ...'
    """
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Return labels once each: ours in our order, then others alphabetically."""
    given = set(names)
    return (*(name for name in EMOTIONS if name in given), *sorted(given.difference(EMOTIONS)))


def restricted(predictions: Iterable[Prediction], labels: Sequence[str]) -> list[Prediction]:
    """Return the turns that truly are of *labels*, predicted as if there were no others.

    Scores are brought to a sum of 1 over *labels*, which is what masking the other logits
    before the softmax gives, and the label is the most probable one that is left. A turn with a
    label alone keeps it; outside of *labels* it is wrong.

    Raises:
        LabelError: If no turn is of these labels, or *labels* is one string.
    """
    if isinstance(labels, str):
        raise LabelError(f"labels are a list of names, got the string {labels!r}")
    wanted = set(labels)
    kept = [_within(each, wanted) for each in predictions if each.truth in wanted]
    if not kept:
        raise LabelError(f"no turn is labelled as one of {', '.join(labels) or '(none given)'}")
    return kept


def _within(prediction: Prediction, labels: set[str]) -> Prediction:
    if prediction.label is None or not prediction.scores or labels >= prediction.scores.keys():
        return prediction
    left = {name: score for name, score in prediction.scores.items() if name in labels}
    total = sum(left.values())
    if not total:
        # Nothing says which of the labels it is: no prediction is better than an invented one.
        return replace(prediction, label=None, scores=None, reason="no score for these labels")
    scores = {name: score / total for name, score in left.items()}
    return replace(prediction, label=max(scores, key=lambda name: scores[name]), scores=scores)
