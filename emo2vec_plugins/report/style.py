"""Colours, names and times, the same in all reports."""

from __future__ import annotations

import math
from collections.abc import Iterable

from emo2vec_plugins.core import COLOURS, Emotion
from emo2vec_plugins.formats import placeholder

PALEST = 0.35
"""Opacity of a score of 0."""

NO_SPEAKER = "(no speaker)"
"""Shown for turns without a speaker."""

# Joiners are invisible, but Persian names and emoji need them.
_JOINERS = "\u200c\u200d"
_OTHERS = (
    *("#56b4e9", "#a6761d", "#66a61e", "#e7298a", "#1b9e77", "#7570b3"),
    *("#b2182b", "#01665e", "#c2a5cf", "#8c510a", "#4d9221", "#2166ac"),
)


def palette(labels: Iterable[str | None]) -> dict[str, str]:
    """Return a colour for each distinct label, those of `EMOTIONS` first, then by name.

    Labels of other models have twelve other colours, which repeat.
    """
    found = {label for label in labels if label is not None}
    known = {label: COLOURS[label] for label in COLOURS if label in found}
    others = sorted(found - known.keys())
    return known | {label: _OTHERS[i % len(_OTHERS)] for i, label in enumerate(others)}


def opacity(emotion: Emotion) -> float:
    """Return the opacity of an emotion's colour: lower for a lower score, 1 without a score."""
    if emotion.score is None or emotion.score != emotion.score:
        return 1.0
    return PALEST + (1 - PALEST) * min(max(emotion.score, 0.0), 1.0)


def why_unlabelled(emotion: Emotion) -> str:
    """Return what is said of an emotion without a label.

    >>> why_unlabelled(Emotion(reason="silent")), why_unlabelled(Emotion())
    ('unscored: silent', 'unscored')
    >>> why_unlabelled(Emotion(reason="withheld: doubt 0.83 is above 0.60"))
    'withheld: doubt 0.83 is above 0.60'
    """
    about, reason = placeholder(emotion), emotion.reason or ""
    return reason if emotion.withheld else ": ".join(filter(None, (about, reason)))


LONGEST = 1000
"""Characters of a name, a reason or another text of a file in a report."""


def shown(name: str | None, *, most: int = LONGEST) -> str:
    r"""Return a name on one line; invisible characters are escaped, and a long name is shortened.

    >>> shown("A"), shown(""), shown("a\nb"), shown(None)
    ('A', "''", 'a\\nb', '(no speaker)')
    """
    if name is None:
        return NO_SPEAKER
    short = shortened(name, most=most)  # first, as a name may have a million characters
    text = "".join(c if c.isprintable() or c in _JOINERS else escaped(c) for c in short)
    return shortened(text if text and text == text.strip() else f"'{text}'", most=most)


def escaped(character: str) -> str:
    r"""Return a character as a Python escape in ASCII, such as ``\n`` or ``\u202e``."""
    return character.encode("unicode_escape").decode("ascii")


def shortened(text: str, *, most: int) -> str:
    """Return *text* with an ellipsis in place of its middle if it is longer than *most*."""
    if len(text) <= most:
        return text
    tail = most // 3
    return f"{text[: most - tail - 1]}…{text[len(text) - tail :]}"


HOUR = 3600.0
_STEPS = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR),
)


def clock(seconds: float, *, hours: bool = False, digits: int = 0) -> str:
    """Return ``m:ss``, or ``h:mm:ss`` if *hours*, with *digits* decimals of the seconds.

    >>> clock(75), clock(75, hours=True), clock(-0.5, digits=1)
    ('1:15', '0:01:15', '-0:00.5')
    """
    unit = 10**digits
    whole, part = divmod(round(abs(seconds) * unit), unit)
    sign = "-" if seconds < 0 and (whole or part) else ""
    fraction = f".{part:0{digits}d}" if digits else ""
    minutes, rest = divmod(whole, 60)
    long = f"{minutes // 60}:{minutes % 60:02d}" if hours else f"{minutes}"
    return f"{sign}{long}:{rest:02d}{fraction}"


def step(seconds: float, *, most: int) -> float:
    """Return the shortest round step, or whole days, with at most *most* steps in *seconds*.

    >>> step(30, most=10), step(7200, most=12)
    (5, 600)
    """
    for each in _STEPS:
        if seconds <= each * most:
            return each
    days = seconds / most / _STEPS[-1]
    magnitude = 10.0 ** math.floor(math.log10(days))
    return _STEPS[-1] * math.ceil(days / magnitude) * magnitude


def ticks(
    start: float, end: float, *, most: int = 10, hours: bool | None = None
) -> list[tuple[float, str]]:
    """Return round times from *start* to *end* with their texts, all in one form.

    Hours are written if *hours*, or if it is None and a time reaches an hour.
    """
    every = step(end - start, most=most)
    digits = max(0, math.ceil(-math.log10(every) - 1e-9))
    long = max(abs(start), abs(end)) >= HOUR if hours is None else hours
    numbers = range(math.ceil(start / every - 1e-9), math.floor(end / every + 1e-9) + 1)
    return [(n * every, clock(n * every, hours=long, digits=digits)) for n in numbers]
