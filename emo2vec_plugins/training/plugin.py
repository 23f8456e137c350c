"""The commands ``train`` and ``pseudo-label``."""

from __future__ import annotations

import click

from emo2vec_plugins.cli import add_lazy_commands
from emo2vec_plugins.core import hookimpl

COMMANDS = {
    "pseudo-label": (
        "pseudo_label.command:pseudo_label_command",
        "Label turns where a model can be trusted.",
    ),
    "train": ("train_command:train_command", "Train a model on Lhotse cuts with emotion labels."),
}


@hookimpl
def emo2vec_commands(cli: click.Group) -> None:
    """Add the commands; each is imported when it is used."""
    add_lazy_commands(cli, __package__, COMMANDS)
