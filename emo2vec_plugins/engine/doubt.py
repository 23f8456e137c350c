"""The doubt of results, and labels that are withheld because of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from emo2vec_plugins.core import Backend, DoubtMeasure, Emotion, shown
from emo2vec_plugins.errors import OptionsError, ScorerError


class Doubt:
    """Adds the doubt of a back end's measure to results, and withholds labels above a threshold.

    Args:
        backend: The model. Without a measure, results stay as they are.
        abstain: None or False to withhold no label, True for the threshold of the measure, or a
            threshold from 0 to 1.

    Raises:
        OptionsError: If a label is to be withheld but the model has no measure, or the threshold
            is out of range.
    """

    def __init__(self, backend: Backend, abstain: float | bool | None) -> None:
        self._measure: DoubtMeasure | None = getattr(backend, "doubt", None)
        self._threshold = _threshold(abstain, self._measure, backend.provenance.model)

    @property
    def identity(self) -> dict[str, Any]:
        """What results depend on, as JSON values; empty without a measure."""
        measure = {} if self._measure is None else {"doubt": self._measure.sha256}
        return measure | ({} if self._threshold is None else {"abstain": self._threshold})

    def applied(self, emotion: Emotion) -> Emotion:
        """Return a result with its doubt, and without its label if it is to be withheld.

        Raises:
            ScorerError: If the measure returns anything but a number from 0 to 1.
        """
        if self._measure is None or emotion.embedding is None or not emotion.logits:
            return emotion
        doubt = self._measure(emotion.embedding, np.array(list(emotion.logits.values())))
        if not _is_share(doubt):
            kind = type(self._measure).__qualname__
            raise ScorerError(f"{kind} must return a doubt from 0 to 1, got {shown(doubt)}")
        doubted = replace(emotion, doubt=float(doubt))
        if self._threshold is None or doubt <= self._threshold:
            return doubted
        reason = f"withheld: doubt {doubt:.2g} is above {self._threshold:.2g}"
        return replace(doubted, label=None, score=None, reason=reason)


def _threshold(
    abstain: float | bool | None, measure: DoubtMeasure | None, model: str
) -> float | None:
    if abstain is None or abstain is False:
        return None
    if measure is None:
        raise OptionsError(
            f"the model {model!r} has no measure of doubt, which abstain needs: "
            "'emo2vec calibrate' writes a copy that has one"
        )
    threshold = measure.threshold if abstain is True else abstain
    if not _is_share(threshold):
        raise OptionsError(
            "abstain must be True or a threshold of doubt from 0 to 1, got a threshold of "
            f"{shown(threshold)}"
        )
    return float(threshold)


def _is_share(value: Any) -> bool:
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return is_number and bool(0 <= value <= 1)
