"""How emotions and names look, in every picture alike."""

from __future__ import annotations

from collections.abc import Iterable

from emo2vec_plugins.core import COLOURS, Emotion

PALEST = 0.35
"""Opacity of a score of 0."""

NOBODY = "(no speaker)"
"""What is written beside turns of no known speaker."""

# Joiners are no marks of their own, but Persian names and emoji are spelt with them.
_JOINERS = "\u200c\u200d"
_OTHERS = (
    *("#56b4e9", "#a6761d", "#66a61e", "#e7298a", "#1b9e77", "#7570b3"),
    *("#b2182b", "#01665e", "#c2a5cf", "#8c510a", "#4d9221", "#2166ac"),
)


def palette(labels: Iterable[str | None]) -> dict[str, str]:
    """Return a colour for each label there is, those of `EMOTIONS` first, then by name.

    Labels of other models get colours of their own, which begin again after twelve.
    """
    found = {label for label in labels if label is not None}
    known = {label: COLOURS[label] for label in COLOURS if label in found}
    others = sorted(found - known.keys())
    return known | {label: _OTHERS[i % len(_OTHERS)] for i, label in enumerate(others)}


def opacity(emotion: Emotion) -> float:
    """Return how strong an emotion's colour is: paler for a lower score, full without one."""
    if emotion.score is None or emotion.score != emotion.score:
        return 1.0
    return PALEST + (1 - PALEST) * min(max(emotion.score, 0.0), 1.0)


def shown(name: str | None) -> str:
    r"""Return a name in one line that one can tell from others: ``a\nb`` with its escape.

    >>> shown("A"), shown(""), shown("a\nb"), shown(None)
    ('A', "''", 'a\\nb', '(no speaker)')
    """
    if name is None:
        return NOBODY
    text = "".join(c if c.isprintable() or c in _JOINERS else escaped(c) for c in name)
    return text if text and text == text.strip() else f"'{text}'"


def escaped(character: str) -> str:
    r"""Return a character as Python writes it in ASCII, such as ``\n`` and ``\u202e``."""
    return character.encode("unicode_escape").decode("ascii")


def shortened(text: str, *, most: int) -> str:
    """Return *text* with its middle left out, and said to be, where it is longer than *most*."""
    if len(text) <= most:
        return text
    tail = most // 3
    return f"{text[: most - tail - 1]}…{text[len(text) - tail :]}"
