"""The command ``emo2vec review``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emo2vec_plugins.cli import lazy_command
from emo2vec_plugins.core import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def emo2vec_commands(cli: click.Group) -> None:
    """Add the commands; each is imported when it is used."""

    @lazy_command(cli, "review", "Export for correction and import the results.")
    def _() -> click.Command:
        from emo2vec_plugins.review.command import review

        return review
