"""What ``emo2vec train`` prints about its data."""

from __future__ import annotations

from collections.abc import Sequence

from emo2vec_plugins import cli
from emo2vec_plugins.core import counted
from emo2vec_plugins.errors import TrainingError
from emo2vec_plugins.training.data_check.check import check_data
from emo2vec_plugins.training.data_check.text import as_text
from emo2vec_plugins.training.examples import Example


def print_check(
    train: Sequence[Example],
    dev: Sequence[Example],
    *,
    longest: float,
    problems: Sequence[Exception],
    quiet: bool,
) -> None:
    """Check turns and their audio, and print the result to stdout.

    Args:
        train: The training turns.
        dev: The development turns.
        longest: Longest stretch of a turn that is trained on, in seconds.
        problems: Why training on them is impossible, as far as it is known.
        quiet: Show no progress.

    Raises:
        TrainingError: If training on these turns is impossible.
    """
    with cli.progress("turns", total=len(train) + len(dev), quiet=quiet) as advance:
        found = check_data(train, dev, longest=longest, problems=problems, progress=advance)
    cli.echo(as_text(found))
    if errors := found.of("error"):
        why = counted(len(errors), "error")
        raise TrainingError(f"training is impossible: {why}, the first is: {errors[0].what}")


def warn_of_data(train: Sequence[Example], dev: Sequence[Example], *, longest: float) -> None:
    """Warn of what the manifest alone shows, before a training run; no audio is read."""
    for each in check_data(train, dev, longest=longest, listen=False).of("warning"):
        cli.complain("warning", str(each))
