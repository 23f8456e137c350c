"""The command ``emo2vec review``."""

from __future__ import annotations

import click

from emo2vec_plugins.cli import lazy_command
from emo2vec_plugins.core import hookimpl


@hookimpl
def emo2vec_commands(cli: click.Group) -> None:
    """Add the commands; each is imported on first use."""

    @lazy_command(
        cli, "review", "Export for correction and import the results.", section="Use results"
    )
    def review() -> click.Command:
        from emo2vec_plugins.review.command import review_command

        return review_command
