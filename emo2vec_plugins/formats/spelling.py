"""Numbers and lines as texts: how formats spell them, and how they read those of other tools."""

from __future__ import annotations

import math
import re

from emo2vec_plugins.core import ScoredTurn, shown
from emo2vec_plugins.errors import FormatError

LINE_END = re.compile(r"\r\n|\r|\n")
"""The end of a line in files of any system."""


def finite_number(text: str) -> float | None:
    """Return *text* as a number; None if it is not a finite number."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def maybe_seconds(text: str | None, where: str) -> float | None:
    """Return *text* as seconds; None if *text* is None.

    Raises:
        FormatError: If it is not a finite number; names the place, *where*.
    """
    seconds = None if text is None else finite_number(text)
    if text is not None and seconds is None:
        raise FormatError(f"expected a duration in seconds in {where}, found {shown(text)}")
    return seconds


def decimal(ticks: int, *, rate: int, least: int) -> str:
    """Return a time in seconds as exact decimal text, with at least *least* decimals.

    Args:
        ticks: The time; a float would show rounding errors.
        rate: Ticks per second, a power of ten.
        least: Decimals written even if they are 0.

    >>> decimal(1_500, rate=1_000, least=0), decimal(-20, rate=1_000, least=3)
    ('1.5', '-0.020')
    """
    whole, rest = divmod(abs(ticks), rate)
    digits = f"{rest:0{len(str(rate)) - 1}}"
    digits = digits[:least] + digits[least:].rstrip("0")
    return f"{'-' if ticks < 0 else ''}{whole}.{digits}".rstrip(".")


def probability(scored: ScoredTurn) -> str | None:
    """Return the score of a turn with six decimals; None if it has no score.

    Raises:
        FormatError: If the score is negative or not finite.
    """
    score = scored.emotion.score
    if score is not None and not 0 <= score < math.inf:
        raise FormatError(f"expected a probability as score, got {score} for {scored.turn}")
    return None if score is None else f"{score:.6f}"
