"""The command ``emo2vec bench``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emo2vec_plugins.cli import lazy_command
from emo2vec_plugins.core import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def emo2vec_commands(cli: click.Group) -> None:
    """Add the commands; each is imported when it is used."""

    @lazy_command(cli, "bench", "Measure how fast this machine runs a model.")
    def _() -> click.Command:
        from emo2vec_plugins.bench.command import bench

        return bench
