"""Texts for turns without a label, where a format needs a text."""

from __future__ import annotations

from emo2vec_plugins.core import PLACEHOLDERS, UNSCORED, WITHHELD, Emotion

NO_LABELS = PLACEHOLDERS | {""}
"""Texts of annotations without an emotion."""


def placeholder(emotion: Emotion) -> str:
    """Return the text for an emotion without a label."""
    return WITHHELD if emotion.withheld else UNSCORED


def unlabelled(text: str) -> Emotion:
    """Return the emotion without a label that a text of `placeholder` stands for."""
    return Emotion(reason=WITHHELD) if text == WITHHELD else Emotion()
