"""The commands ``evaluate`` and ``calibrate``."""

from __future__ import annotations

import click

from emo2vec_plugins.cli import add_lazy_commands
from emo2vec_plugins.core import hookimpl

COMMANDS = {
    "calibrate": (
        "calibrate_command:calibrate_command",
        "Make a model's scores mean what they say.",
    ),
    "evaluate": ("evaluate_command:evaluate_command", "Compare predictions with what people say."),
}


@hookimpl
def emo2vec_commands(cli: click.Group) -> None:
    """Add the commands; each is imported when it is used."""
    add_lazy_commands(cli, __package__, COMMANDS)
