"""Checked fields of a recipe: each kind of field has a function that makes one.

A field's metadata has its check, a function of its name and value that returns the value to store.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import field
from functools import partial
from typing import Any

from emo2vec_plugins.core import did_you_mean, shown
from emo2vec_plugins.errors import OptionsError

Range = tuple[float, float]
"""Lowest and highest value."""

LARGEST = 1e9
"""Largest value of a number without another limit: JSON has no infinity."""


def _checked_flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise OptionsError(f"{name} must be true or false, got {shown(value)}")
    return value


def _checked_text(name: str, value: Any, *, among: tuple[str, ...], null: bool) -> str | None:
    if null and value is None:
        return None
    if not isinstance(value, str) or not value or (among and value not in among):
        expected = f"one of {', '.join(among)}" if among else "a name"
        expected += ", or null" if null else ""
        raise OptionsError(f"{name} must be {expected}, got {shown(value)}")
    return value


def _checked_names(name: str, value: Any, *, among: tuple[str, ...], least: int) -> tuple[str, ...]:
    is_list = isinstance(value, list | tuple) and len(value) >= least
    known = among or (value if is_list else ())
    is_names = is_list and all(isinstance(each, str) and each in known for each in value)
    if not is_names or len({*value}) < len(value):
        some = f"some of {', '.join(among)}" if among else "names"
        raise OptionsError(f"{name} must be a list of {some}, each once, got {shown(value)}")
    return tuple(value)


def _checked_mapping(
    name: str, value: Any, *, among: Collection[str], least: float, most: float
) -> dict[str, float]:
    expected = f"{name} must map names to numbers from {least:g} to {most:g}"
    if not isinstance(value, Mapping):
        raise OptionsError(f"{expected}, got {shown(value)}")
    if wrong := [each for each in value if not isinstance(each, str)]:
        raise OptionsError(f"{expected}, got {shown(wrong[0])}")
    if unknown := [each for each in value if among and each not in among]:
        listed = ", ".join(f"{each}{did_you_mean(each, among)}" for each in unknown)
        raise OptionsError(f"{name} has unknown names {listed}; known are {', '.join(among)}")
    return {
        each: _checked_number(f"{name} of {each}", number, least=least, most=most)
        for each, number in value.items()
    }


def _checked_range(name: str, value: Any, *, least: float, most: float, null: bool) -> Range | None:
    if null and value is None:
        return None
    none = "null or " if null else ""
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise OptionsError(f"{name} must be {none}a list [lowest, highest], got {shown(value)}")
    low, high = (_checked_number(name, each, least=least, most=most) for each in value)
    if low > high:
        raise OptionsError(f"{name} must be a list [lowest, highest], got {list(value)}")
    return low, high


def _checked_number(
    name: str, value: Any, *, least: float, most: float, whole: bool = False, null: bool = False
) -> Any:
    if null and value is None:
        return None
    if isinstance(value, str):  # PyYAML reads 1e-3, without a dot, as a string
        with suppress(ValueError):
            value = float(value)
    # True is an int in Python, but not a valid number in a recipe.
    is_number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if not is_number or not least <= value <= most:
        what = "a whole number" if whole else "a number"
        none = ", or null" if null else ""
        expected = f"{what} of at least {least:g} and at most {most:g}{none}"
        raise OptionsError(f"{name} must be {expected}, got {shown(value)}")
    return value if whole else float(value)


def _field(check: Callable[..., Any], default: Any, **limits: Any) -> Any:
    return field(default=default, metadata={"check": partial(check, **limits)})


def flag_field(default: bool) -> Any:
    """Return a field that is true or false."""
    return _field(_checked_flag, default)


def text_field(default: str | None, *among: str) -> Any:
    """Return a field with a name, one of *among* if there are any; or null if it is the default."""
    return _field(_checked_text, default, among=among, null=default is None)


def names_field(default: tuple[str, ...], *among: str) -> Any:
    """Return a field with a list of names, some of *among* if there are any.

    The list may be empty if the default is.
    """
    return _field(_checked_names, default, among=among, least=min(1, len(default)))


def number_field(
    default: Any, least: float, most: float = LARGEST, *, whole: bool = False, null: bool = False
) -> Any:
    """Return a field with a number; a whole one or null if the default is, or if it is asked for."""
    whole, null = whole or isinstance(default, int), null or default is None
    return _field(_checked_number, default, least=least, most=most, whole=whole, null=null)


def range_field(least: float, most: float, default: Range | None = None) -> Any:
    """Return a field with a list of a lowest and a highest value; or null if it is the default."""
    return _field(_checked_range, default, least=least, most=most, null=default is None)


def shares_field(*among: str) -> Any:
    """Return a field with a mapping of names to shares, empty by default.

    The names are some of *among*, if there are any.
    """
    check = partial(_checked_mapping, among=among, least=0.0, most=1.0)
    return field(default_factory=dict, metadata={"check": check})


def weights_field(*among: str) -> Any:
    """Return a field with a mapping of names to numbers above 0, empty by default.

    The names are some of *among*, if there are any.
    """
    check = partial(_checked_mapping, among=among, least=1e-6, most=1e6)
    return field(default_factory=dict, metadata={"check": check})
