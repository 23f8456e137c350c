"""Times as people read them, and where to put them on an axis."""

from __future__ import annotations

import math

HOUR = 3600.0
_STEPS = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR),
)


def clock(seconds: float, *, hours: bool = False, digits: int = 0) -> str:
    """Return ``m:ss``, or ``h:mm:ss`` if *hours*, with so many digits after the second.

    >>> clock(75), clock(75, hours=True), clock(-0.5, digits=1)
    ('1:15', '0:01:15', '-0:00.5')
    """
    unit = 10**digits
    whole, part = divmod(round(abs(seconds) * unit), unit)
    sign = "-" if seconds < 0 and (whole or part) else ""
    fraction = f".{part:0{digits}d}" if digits else ""
    minutes, rest = divmod(whole, 60)
    if not hours:
        return f"{sign}{minutes}:{rest:02d}{fraction}"
    return f"{sign}{minutes // 60}:{minutes % 60:02d}:{rest:02d}{fraction}"


def step(seconds: float, *, most: int) -> float:
    """Return the shortest round step of which *seconds* has at most *most*; days beyond a day.

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
    """Return round times from *start* to *end*, each with what it is called; all in one form.

    Hours are written if *hours*, or if it is None and there are any.
    """
    every = step(end - start, most=most)
    digits = max(0, math.ceil(-math.log10(every) - 1e-9))
    long = max(abs(start), abs(end)) >= HOUR if hours is None else hours
    numbers = range(math.ceil(start / every - 1e-9), math.floor(end / every + 1e-9) + 1)
    return [(n * every, clock(n * every, hours=long, digits=digits)) for n in numbers]
