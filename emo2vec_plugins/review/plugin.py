"""The command ``emo2vec review``."""

from __future__ import annotations

import click

from emo2vec_plugins.cli import add_lazy_commands
from emo2vec_plugins.core import hookimpl

COMMANDS = {"review": ("command:review_command", "Export for correction and import the results.")}


@hookimpl
def emo2vec_commands(cli: click.Group) -> None:
    """Add the command; it is imported when it is used."""
    add_lazy_commands(cli, __package__, COMMANDS)
