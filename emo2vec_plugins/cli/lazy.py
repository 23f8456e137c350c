"""Commands that are imported when they are used, not when they are listed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

OTHER = "Other commands"
"""Section of commands without a section."""


class LazyCommand(click.Command):
    """A command that is imported when it is used, not when it is listed.

    Args:
        name: The command's name.
        short_help: The first sentence of its help, for lists of commands.
        load: Imports the command and returns it.
        section: Heading above the command in ``emo2vec --help``.
    """

    def __init__(
        self, name: str, short_help: str, load: Callable[[], click.Command], section: str = OTHER
    ) -> None:
        super().__init__(name, short_help=short_help)
        self.load = load
        self.section = section

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Return the context of the imported command; a group runs the context's command."""
        try:
            return self.load().make_context(*args, **kwargs)
        except Exception:
            if not kwargs.get("resilient_parsing"):
                raise
            return super().make_context(*args, **kwargs)  # a traceback would disturb the shell


def lazy_command(
    cli: click.Group, name: str, short_help: str, *, section: str = OTHER
) -> Callable[[Callable[[], click.Command]], None]:
    """Return a decorator that adds a command to *cli*.

    It decorates a function that imports the command and returns it.
    """
    return lambda load: cli.add_command(LazyCommand(name, short_help, load, section))
