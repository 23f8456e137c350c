"""Typed access to the fields of JSON objects.

In JSON, a start time may be a string and a speaker a number. Unchecked, such values cause errors
far from the file, or none. The readers of JSON formats use `Fields`, whose errors name the place.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from emo2vec_plugins.core import shown
from emo2vec_plugins.errors import FormatError

Kind = TypeVar("Kind")

MOST_COUNT = 2**63 - 1
"""Largest whole number in a file: the largest that other formats store."""


def finite(value: Any, where: str) -> Any:
    """Return a value with numpy numbers converted to Python's, which JSON can store.

    Raises:
        FormatError: If a number is NaN or infinite; names the place, *where*.
    """
    if isinstance(value, dict):
        return {name: finite(each, where) for name, each in value.items()}
    if value is None or isinstance(value, str | list | int):
        return value
    if not math.isfinite(value):
        raise FormatError(f"{where}: JSON cannot store {value}, expected a finite number")
    return float(value)


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one JSON object.

    Every method takes a field's name and raises `FormatError` if the value has another type. A
    missing field is an error as well, except for the ``maybe`` methods, which treat it as null.

    Attributes:
        values: The values by name.
        where: The object's place, for error messages.
    """

    values: Mapping[str, Any]
    where: str

    @classmethod
    def of(cls, value: Any, where: str) -> Fields:
        """Return the fields of *value*, which must be an object."""
        if not isinstance(value, dict):
            raise FormatError(f"{where}: expected an object {{...}}, found {_shown(value)}")
        return cls(value, where)

    def require(self, *names: str) -> None:
        """Raise `FormatError` unless all these fields exist; they may be null."""
        for name in names:
            self._value(name)

    def fields(self, name: str) -> Fields:
        """Return an object's fields."""
        return self._fields(name, self._value(name))

    def maybe_fields(self, name: str) -> Fields | None:
        """Return an object's fields, or None."""
        return self._maybe(name, self._fields)

    def text(self, name: str) -> str:
        """Return a string."""
        return self._text(name, self._value(name))

    def maybe_text(self, name: str) -> str | None:
        """Return a string, or None."""
        return self._maybe(name, self._text)

    def number(self, name: str) -> float:
        """Return a finite number."""
        return self._number(name, self._value(name))

    def maybe_number(self, name: str) -> float | None:
        """Return a finite number, or None."""
        return self._maybe(name, self._number)

    def count(self, name: str) -> int:
        """Return a whole number that is at least 0."""
        return self._count(name, self._value(name))

    def flag(self, name: str) -> bool:
        """Return a boolean; a missing field and null are false."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.error(name, "true or false", value)
        return bool(value)

    def maybe_channel(self, name: str) -> int | tuple[int, ...] | None:
        """Return a channel, a tuple of channels, or None."""
        value = self.values.get(name)
        if isinstance(value, list):
            return tuple(self._count(name, each) for each in value)
        return self._maybe(name, self._count)

    def list(self, name: str) -> list[Any]:
        """Return a list of anything."""
        value = self._value(name)
        if not isinstance(value, list):
            raise self.error(name, "a list", value)
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of strings."""
        return tuple(self._text(name, each) for each in self.list(name))

    def numbers(self, name: str) -> dict[str, float]:
        """Return an object whose values are numbers, as a dict."""
        found = self.fields(name)
        return {each: found.number(each) for each in found.values}

    def error(self, name: str, expected: str, found: Any) -> FormatError:
        """Return the error to raise if a field is not the *expected* thing."""
        return FormatError(f"{self.where}: expected {expected} as {name!r}, found {_shown(found)}")

    def _maybe(self, name: str, read: Callable[[str, Any], Kind]) -> Kind | None:
        value = self.values.get(name)
        return None if value is None else read(name, value)

    def _value(self, name: str) -> Any:
        if name not in self.values:
            raise FormatError(f"{self.where}: no field {name!r} in {_shown(self.values)}")
        return self.values[name]

    def _fields(self, name: str, value: Any) -> Fields:
        if not isinstance(value, dict):
            raise self.error(name, "an object {...}", value)
        return Fields(value, f"{self.where}, {name}")

    def _text(self, name: str, value: Any) -> str:
        if not isinstance(value, str):
            raise self.error(name, "a string", value)
        return value

    def _number(self, name: str, value: Any) -> float:
        if not _is_number(value):
            raise self.error(name, "a finite number", value)
        return float(value)

    def _count(self, name: str, value: Any) -> int:
        if not _is_number(value) or value != int(value) or not 0 <= value <= MOST_COUNT:
            raise self.error(name, "a whole number from 0", value)
        return int(value)


def _is_number(value: Any) -> bool:
    # Python treats True as the number 1; in a file of turns it is a mistake.
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number too large for a float
        return False


def _shown(value: Any) -> str:
    # As in the file, unless that could be long.
    if (
        value is None
        or isinstance(value, bool | float)
        or (isinstance(value, str) and len(value) < 100)
    ):
        return json.dumps(value, ensure_ascii=False)
    return shown(value)
