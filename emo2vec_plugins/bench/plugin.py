"""The command ``emo2vec bench``."""

from __future__ import annotations

import click

from emo2vec_plugins.cli import lazy_command
from emo2vec_plugins.core import hookimpl


@hookimpl
def emo2vec_commands(cli: click.Group) -> None:
    """Add the commands; each is imported on first use."""

    @lazy_command(
        cli, "bench", "Measure how fast this machine runs a model.", section="Models and plugins"
    )
    def bench() -> click.Command:
        from emo2vec_plugins.bench.command import bench_command

        return bench_command
