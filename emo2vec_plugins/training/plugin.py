"""The commands ``train`` and ``pseudo-label``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emo2vec_plugins.cli import lazy_command
from emo2vec_plugins.core import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def emo2vec_commands(cli: click.Group) -> None:
    """Add the commands; each is imported when it is used."""

    @lazy_command(cli, "pseudo-label", "Label turns where a model is to be trusted.")
    def _() -> click.Command:
        from emo2vec_plugins.training.pseudo_label.command import pseudo_label

        return pseudo_label

    @lazy_command(cli, "train", "Train a model on Lhotse cuts with emotion labels.")
    def _() -> click.Command:
        from emo2vec_plugins.training.train_command import train

        return train
