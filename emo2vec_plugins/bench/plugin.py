"""The command ``emo2vec bench``."""

from __future__ import annotations

import click

from emo2vec_plugins.cli import add_lazy_commands
from emo2vec_plugins.core import hookimpl

COMMANDS = {"bench": ("command:bench_command", "Measure how fast this machine runs a model.")}


@hookimpl
def emo2vec_commands(cli: click.Group) -> None:
    """Add the command; it is imported when it is used."""
    add_lazy_commands(cli, __package__, COMMANDS)
