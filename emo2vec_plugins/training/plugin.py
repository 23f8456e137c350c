"""The commands ``train`` and ``pseudo-label``."""

from __future__ import annotations

import click

from emo2vec_plugins.cli import lazy_command
from emo2vec_plugins.core import hookimpl


@hookimpl
def emo2vec_commands(cli: click.Group) -> None:
    """Add the commands; each is imported when it is first used."""

    @lazy_command(
        cli,
        "pseudo-label",
        "Label turns where a model can be trusted.",
        section="Train and evaluate",
    )
    def pseudo_label() -> click.Command:
        from emo2vec_plugins.training.pseudo_label.command import pseudo_label_command

        return pseudo_label_command

    @lazy_command(
        cli,
        "train",
        "Train a model on Lhotse cuts with emotion labels.",
        section="Train and evaluate",
    )
    def train() -> click.Command:
        from emo2vec_plugins.training.train_command import train_command

        return train_command
