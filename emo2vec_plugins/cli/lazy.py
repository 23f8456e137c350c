"""Commands whose modules are imported when they are used: a list of them costs next to nothing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click


class LazyCommand(click.Command):
    """Stands for a command of another module.

    Args:
        name: Of the command; of the other module's attribute, with underscores for hyphens.
        module: Where it is.
        short_help: What a list of commands says of it: the first sentence of its help.
    """

    def __init__(self, name: str, module: str, short_help: str) -> None:
        super().__init__(name, short_help=short_help)
        self._module = module
        self._attribute = name.replace("-", "_")

    def load(self) -> click.Command:
        """Return the command itself."""
        command: click.Command = getattr(import_module(self._module), self._attribute)
        return command

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Make the context of the command itself, which is what any group then runs."""
        return self.load().make_context(*args, **kwargs)
