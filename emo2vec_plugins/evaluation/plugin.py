"""The commands ``evaluate`` and ``calibrate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emo2vec_plugins.cli import lazy_command
from emo2vec_plugins.core import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def emo2vec_commands(cli: click.Group) -> None:
    """Add the commands; each is imported when it is used."""

    @lazy_command(cli, "calibrate", "Make a model's scores mean what they say.")
    def _() -> click.Command:
        from emo2vec_plugins.evaluation.calibrate_command import calibrate

        return calibrate

    @lazy_command(cli, "evaluate", "Compare predictions with what people say.")
    def _() -> click.Command:
        from emo2vec_plugins.evaluation.evaluate_command import evaluate

        return evaluate
