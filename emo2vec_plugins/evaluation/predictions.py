"""One turn's true label and prediction, and operations on lists of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from emo2vec_plugins.core import EMOTIONS, FloatArray, is_withheld, shown
from emo2vec_plugins.errors import FormatError, LabelError

SUM_TOLERANCE = 1e-2
"""Largest accepted difference between 1 and the sum of scores: files store rounded values."""

_LONGEST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """A labelled turn and its prediction.

    Attributes:
        id: Id of the turn, used in messages.
        truth: True label.
        label: Predicted label; None if there is no prediction, or the label was withheld.
        scores: Probability of each label that could have been predicted, rescaled to a sum of
            exactly 1; None if only the label is known.
        duration: Seconds.
        start: Seconds from the start of the recording.
        speaker: None if unknown.
        recording: None if unknown.
        reason: Why there is no prediction.
        doubt: Estimated probability, 0 to 1, that the most probable label is wrong; None if the
            model has no measure of doubt.
        fields: Other facts by which to group turns, such as ``{"corpus": "emodb"}``.
        embedding: Shape (width,); None if it was not asked for.

    Raises:
        FormatError: If scores are not probabilities that sum to 1 or do not include the label,
            if doubt is not a probability, or if start or duration is not a valid number of seconds.
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
    doubt: float | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    embedding: FloatArray | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not (0 <= self.duration < math.inf and math.isfinite(self.start)):
            got = f"{shown(self.start)} and {shown(self.duration)}"
            raise FormatError(
                f"turn {shown(self.id)}: expected start and duration in seconds, got {got}"
            )
        if self.doubt is not None and not (
            isinstance(self.doubt, int | float) and 0 <= self.doubt <= 1
        ):
            expected = f"expected a doubt from 0 to 1, got {shown(self.doubt)}"
            raise FormatError(f"turn {shown(self.id)}: {expected}")
        if self.scores is not None:
            # scikit-learn requires a sum of 1, which rounded scores may miss.
            object.__setattr__(self, "scores", normalised(self.scores, f"turn {shown(self.id)}"))
            if self.label is not None and self.label not in self.scores:
                found = f"got scores for {few(list(self.scores))}"
                raise FormatError(
                    f"turn {shown(self.id)}: expected a score for its label {shown(self.label)}, {found}"
                )

    @property
    def withheld(self) -> bool:
        """Whether the model withheld the label, because its doubt is too high."""
        return self.label is None and is_withheld(self.reason)

    def answered(self) -> Prediction:
        """Return the prediction with its most probable label if that was withheld and has scores."""
        if not self.withheld or not self.scores:
            return self
        return replace(self, label=most_probable(self.scores))

    def value(self, name: str) -> str | None:
        """Return the speaker, the recording or another of the *fields*; None if unknown."""
        own = {"speaker": self.speaker, "recording": self.recording}
        return own[name] if name in own else self.fields.get(name)


def most_probable(scores: Mapping[str, float]) -> str:
    """Return the label with the highest score; the first one of several."""
    return max(scores, key=lambda name: scores[name])


def normalised(scores: Mapping[str, float], where: str) -> dict[str, float]:
    """Return probabilities, possibly rounded, rescaled to a sum of exactly 1.

    Raises:
        FormatError: If a score is not a probability, or the sum is too far from 1. The message
            starts with *where*.
    """
    total = sum(scores.values())
    are_shares = all(0 <= score <= 1 + SUM_TOLERANCE for score in scores.values())
    if not (are_shares and abs(total - 1) <= SUM_TOLERANCE):  # also catches nan
        raise FormatError(
            f"{where}: expected probabilities that sum to 1, got {shown(dict(scores))}"
        )
    return {label: float(score) / total for label, score in scores.items()}


def few(names: Sequence[str], most: int = 5) -> str:
    """Join the first *most* names for a message; long ones are cut.

    >>> few(["a", "b", "c"], 2)
    'a, b, ...'
    """
    cut = (name if len(name) <= _LONGEST else f"{name[:_LONGEST]}..." for name in names[:most])
    return ", ".join(cut) + (", ..." if len(names) > most else "")


def as_name(value: str | float | None) -> str | None:
    """Return a speaker or recording as text; manifests may have numbers.

    >>> as_name(7), as_name(None)
    ('7', None)
    """
    return None if value is None else str(value)


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Return each label once: `EMOTIONS` in their order, then other labels alphabetically."""
    given = set(names)
    return (*(name for name in EMOTIONS if name in given), *sorted(given.difference(EMOTIONS)))


def restricted(predictions: Iterable[Prediction], labels: Sequence[str]) -> list[Prediction]:
    """Return the turns with a true label in *labels*, predicted as if no other label existed.

    Scores are rescaled to a sum of 1 over *labels*, which equals masking the other logits before
    the softmax. The label becomes the most probable of *labels*; a withheld one stays withheld. A turn
    without scores keeps its label, which is wrong if it is not in *labels*.

    Raises:
        LabelError: If no turn has one of these labels, or *labels* is a string.
    """
    if isinstance(labels, str):
        raise LabelError(f"expected a list of labels, got the string {shown(labels)}")
    wanted = set(labels)
    kept = [_within(each, wanted) for each in predictions if each.truth in wanted]
    if not kept:
        raise LabelError(f"no turn is labelled as one of {', '.join(labels) or '(none given)'}")
    return kept


def _within(prediction: Prediction, labels: set[str]) -> Prediction:
    if not prediction.scores or labels >= prediction.scores.keys():
        return prediction
    left = {name: score for name, score in prediction.scores.items() if name in labels}
    total = sum(left.values())
    if not total:
        # All scores are 0, so any label would be arbitrary.
        return replace(prediction, label=None, scores=None, reason="no score for these labels")
    scores = {name: score / total for name, score in left.items()}
    label = None if prediction.withheld else most_probable(scores)
    return replace(prediction, label=label, scores=scores)
