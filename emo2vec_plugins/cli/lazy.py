"""Commands whose modules are imported when they are used: a list of them costs next to nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


class LazyCommand(click.Command):
    """Stands for a command that is imported when it is used.

    Args:
        name: Of the command.
        short_help: What a list of commands shows: the first sentence of its help.
        load: Imports the command and returns it.
    """

    def __init__(self, name: str, short_help: str, load: Callable[[], click.Command]) -> None:
        super().__init__(name, short_help=short_help)
        self.load = load

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Make the context of the command itself, which is what any group then runs."""
        return self.load().make_context(*args, **kwargs)


def lazy_command(
    cli: click.Group, name: str, short_help: str
) -> Callable[[Callable[[], click.Command]], None]:
    """Return a decorator for a function that imports and returns a command; adds it to *cli*."""

    def add(load: Callable[[], click.Command]) -> None:
        cli.add_command(LazyCommand(name, short_help, load))

    return add
