"""Types of numbers on the command line: finite, and small enough to calculate with."""

from __future__ import annotations

from typing import Any

import click

MOST = 1_000_000_000
"""The largest number of an option: seconds of 30 years, or more threads than any machine has."""


class Number(click.FloatRange):
    """A number within a range; infinity, ``nan`` and numbers beyond `MOST` are refused."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number."""
        return _small(self, super().convert(value, param, ctx), param, ctx)


class Integer(click.IntRange):
    """An integer within a range, up to `MOST`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the integer."""
        return _small(self, super().convert(value, param, ctx), param, ctx)


class Threshold(Number):
    """A number from 0 to 1, or True for an option without a value."""

    def __init__(self) -> None:
        super().__init__(min=0, max=1)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number or True."""
        try:
            return value if value is True else super().convert(value, param, ctx)
        except click.BadParameter:
            after = "without a value, write it after the inputs"
            self.fail(f"expected a number from 0 to 1, got {value!r}; {after}", param, ctx)


def _small(kind: Any, number: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
    if not -MOST <= number <= MOST:  # also for nan
        kind.fail(f"expected a number up to {MOST:,}, got {number}", param, ctx)
    return number


POSITIVE, COUNT = Number(min=0, min_open=True), Integer(min=1)
"""Option types: a number above 0, and an integer from 1."""
