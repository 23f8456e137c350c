"""The commands ``evaluate`` and ``calibrate``."""

from __future__ import annotations

import click

from emo2vec_plugins.cli import lazy_command
from emo2vec_plugins.core import hookimpl


@hookimpl
def emo2vec_commands(cli: click.Group) -> None:
    """Add the commands; each is imported on first use."""

    @lazy_command(
        cli,
        "calibrate",
        "Calibrate the scores of a model, and measure its doubt.",
        section="Train and evaluate",
    )
    def calibrate() -> click.Command:
        from emo2vec_plugins.evaluation.calibrate_command import calibrate_command

        return calibrate_command

    @lazy_command(
        cli, "evaluate", "Compare predictions with human labels.", section="Train and evaluate"
    )
    def evaluate() -> click.Command:
        from emo2vec_plugins.evaluation.evaluate_command import evaluate_command

        return evaluate_command
