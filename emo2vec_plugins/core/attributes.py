"""Type checks of the objects that plugins offer.

A badly typed object must fail where it is made: later, it would break lists of all objects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from emo2vec_plugins.errors import Emo2vecError

Check = tuple[Callable[[Any], bool], str]
"""A condition for an attribute, and the words for it in an error."""

TEXT: Check = (lambda value: isinstance(value, str), "a string")
NAME: Check = (lambda value: isinstance(value, str) and value != "", "a non-empty string")
SWITCH: Check = (lambda value: isinstance(value, bool), "True or False")
FUNCTION: Check = (callable, "a function")
MAYBE_FUNCTION: Check = (lambda value: value is None or callable(value), "a function or None")
COUNT: Check = (lambda value: type(value) is int and value >= 0, "an integer of at least 0")


def all_strings(values: Iterable[Any]) -> bool:
    """Return whether all values are strings."""
    return all(isinstance(each, str) for each in values)


def check_attributes(
    item: Any, kind: str, checks: Mapping[str, Check], error: type[Emo2vecError]
) -> None:
    """Check attributes of an object.

    Args:
        item: The object. The attribute ``name`` names it in errors and must be the first check.
        kind: Its kind in errors: ``model``.
        checks: The checks by attribute.
        error: The error to raise.

    Raises:
        Emo2vecError: Of the given kind, for the first invalid attribute.
    """
    for attribute, (is_valid, expected) in checks.items():
        value = getattr(item, attribute)
        if not is_valid(value):
            owner = f"a {kind}" if attribute == "name" else f"{kind} {item.name!r}"
            raise error(f"{attribute} of {owner} must be {expected}, got {value!r:.100}")
