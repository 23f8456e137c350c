"""The command ``emo2vec review``."""

from __future__ import annotations

import click

from emo2vec_plugins.cli import lazy_command
from emo2vec_plugins.core import hookimpl


@hookimpl
def emo2vec_commands(cli: click.Group) -> None:
    """Add commands, each of which is imported when it is used."""

    @lazy_command(cli, "review", "Export for correction and import the results.")
    def review() -> click.Command:
        from emo2vec_plugins.review.command import review_command

        return review_command
