"""Conditions for the values of cuts, and the words for them in errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from numbers import Integral, Real
from os import PathLike
from typing import Any

from emo2vec_plugins.core import shown

MOST_SECONDS = 1e9
"""Largest time in a cut: 32 years. The number of the sample at a larger time may not be finite."""

MOST_DECIBELS = 200
"""Largest gain or ratio: more is beyond float32."""

Check = tuple[Callable[[Any], bool], str]
"""A condition for a value, and the words for it in an error."""

Checked = tuple[str, Any, Check]
"""The place of a value, the value, and its condition."""


def first_problem(values: Iterable[Checked]) -> str | None:
    """Describe the first value that does not meet its condition; None if there is none.

    Later values are not asked for, so that an iterator may rely on the conditions of earlier ones.
    """
    for name, value, (is_valid, expected) in values:
        if not is_valid(value):
            return f"expected {expected} in {name}, found {shown(value)}"
    return None


def is_number(value: Any) -> bool:
    """Return whether a value is a real number, also one of NumPy."""
    return type(value) in (int, float) or (isinstance(value, Real) and not isinstance(value, bool))


def is_whole(value: Any) -> bool:
    """Return whether a value is a whole number, also one of NumPy."""
    return type(value) is int or (isinstance(value, Integral) and not isinstance(value, bool))


def is_channel(value: Any) -> bool:
    """Return whether a value is the number of a channel."""
    return is_whole(value) and 0 <= value < MOST_SECONDS


def are_channels(value: Any) -> bool:
    """Return whether a value is a list of numbers of channels, with at least one."""
    is_list = isinstance(value, list | tuple | range)
    return is_list and len(value) > 0 and all(map(is_channel, value))


def _is_list(value: Any) -> bool:
    """Return whether a value can be read several times, item by item: also a ``SupervisionSet``."""
    is_other = isinstance(value, str | bytes | Mapping | Iterator)
    return isinstance(value, Iterable) and not is_other


def _are_aligned(items: Any) -> bool:
    return isinstance(items, list | tuple) and all(
        isinstance(each, list | tuple | dict) and len(each) in (3, 4) for each in items
    )


SECONDS: Check = (lambda v: is_number(v) and abs(v) <= MOST_SECONDS, "a number of seconds")
LENGTH: Check = (lambda v: is_number(v) and 0 <= v <= MOST_SECONDS, "a length in seconds")
RATE: Check = (lambda v: is_whole(v) and 0 < v <= MOST_SECONDS, "a sampling rate in Hz")
COUNT: Check = (lambda v: is_whole(v) and v >= 0, "a number of samples")
COUNT_OR_NONE: Check = (lambda v: v is None or COUNT[0](v), COUNT[1])
TEXT: Check = (lambda v: isinstance(v, str), "a string")
ID: Check = (lambda v: isinstance(v, str | Real), "an id")
NAME: Check = (lambda v: v is None or isinstance(v, str | Real), "a name")
FIELDS: Check = (lambda v: v is None or isinstance(v, dict), "an object with fields")
OBJECT: Check = (lambda v: isinstance(v, dict), "an object with fields")
LIST: Check = (_is_list, "a list")
NUMBERS: Check = (lambda v: is_channel(v) or are_channels(v), "a channel number, or several")
CHANNELS: Check = (are_channels, "a list of channel numbers")
CHANNELS_OR_NONE: Check = (lambda v: v is None or are_channels(v), "a list of channel numbers")
DATA: Check = (lambda v: isinstance(v, str | bytes | PathLike), "a path")
SHAPE: Check = (
    lambda v: isinstance(v, list | tuple) and len(v) > 0 and all(map(COUNT[0], v)),
    "a list of sizes",
)
DECIBELS: Check = (
    lambda v: is_number(v) and abs(v) <= MOST_DECIBELS,
    f"a number of decibels up to {MOST_DECIBELS}",
)
RATIO: Check = (
    lambda v: v is None or (is_number(v) and v >= -MOST_DECIBELS),  # inf makes a track silent
    f"a number of decibels from -{MOST_DECIBELS}",
)


ALIGNMENT: Check = (
    lambda v: v is None or (isinstance(v, dict) and all(map(_are_aligned, v.values()))),
    "an object with lists of [symbol, start, duration]",
)


def several(what: str) -> Check:
    """Return the condition for a list of *what*, with at least one of them."""
    return (lambda v: isinstance(v, list | tuple) and len(v) > 0), f"a list with {what}"
