"""The commands that need an extra, added through the hook that any plugin may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emo2vec_plugins.hookspecs import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def emo2vec_commands(cli: click.Group) -> None:
    """Add the commands that need Lhotse, pyannote.audio or the libraries of training."""
    from emo2vec_plugins.cli.bench import bench
    from emo2vec_plugins.cli.calibrate import calibrate
    from emo2vec_plugins.cli.cuts import cuts
    from emo2vec_plugins.cli.diarize import diarize
    from emo2vec_plugins.cli.evaluate import evaluate
    from emo2vec_plugins.cli.pseudo_label import pseudo_label
    from emo2vec_plugins.cli.train import train

    cli.add_command(bench)
    cli.add_command(calibrate)
    cli.add_command(cuts)
    cli.add_command(diarize)
    cli.add_command(evaluate)
    cli.add_command(pseudo_label)
    cli.add_command(train)
