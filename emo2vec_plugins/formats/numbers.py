"""Numbers as text: read where they are finite, times written from whole ticks."""

from __future__ import annotations

import math

from emo2vec_plugins.core import ScoredTurn
from emo2vec_plugins.errors import FormatError


def finite_number(text: str) -> float | None:
    """Return the number that a text is, None unless it is a finite one."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def maybe_seconds(text: str | None, where: str) -> float | None:
    """Return the seconds that a text says, None without one.

    Raises:
        FormatError: If it is no finite number; says *where* it stands.
    """
    seconds = None if text is None else finite_number(text)
    if text is not None and seconds is None:
        raise FormatError(f"expected a duration in seconds in {where}, found {text!r}")
    return seconds


def decimal(ticks: int, *, rate: int, least: int) -> str:
    """Return a time in seconds, exactly, with *least* decimals or as many more as it needs.

    Args:
        ticks: The time; a float would show the noise of its sums.
        rate: Ticks a second, a power of ten.
        least: Decimals that are written even if they are 0.

    >>> decimal(1_500, rate=1_000, least=0), decimal(-20, rate=1_000, least=3)
    ('1.5', '-0.020')
    """
    whole, rest = divmod(abs(ticks), rate)
    digits = f"{rest:0{len(str(rate)) - 1}}"
    digits = digits[:least] + digits[least:].rstrip("0")
    return f"{'-' if ticks < 0 else ''}{whole}.{digits}".rstrip(".")


def probability(scored: ScoredTurn) -> str | None:
    """Return the score of a turn with six decimals, None if it has none.

    Raises:
        FormatError: If it is no finite number from 0.
    """
    score = scored.emotion.score
    if score is not None and not 0 <= score < math.inf:
        raise FormatError(f"expected a score that is a probability, got {score} of {scored.turn}")
    return None if score is None else f"{score:.6f}"
