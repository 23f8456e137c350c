"""Progress bars on stderr, if it is a terminal, and what an interrupt prints."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.cli.output import in_one_line, note

if TYPE_CHECKING:
    from rich.progress import Progress


@contextmanager
def progress(
    description: str, *, total: int | None = None, quiet: bool = False
) -> Iterator[Callable[..., None]]:
    """Show a progress bar on stderr while the block runs, if stderr is a terminal.

    Args:
        description: The items that are counted.
        total: Number of items; None shows a count without a bar.
        quiet: Show nothing.

    Yields:
        A function to call after each item, or with a number of items.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda _=1: None
        return
    with _bars() as bars:
        task = bars.add_task(in_one_line(description), total=total)
        yield lambda count=1: bars.advance(task, count)


@contextmanager
def step_progress(*, quiet: bool = False) -> Iterator[Callable[..., None] | None]:
    """Show a progress bar for each step of a pyannote pipeline.

    Yields:
        The pipeline's ``hook``; None if stderr is not a terminal or *quiet*.
    """
    if quiet or not sys.stderr.isatty():
        yield None
        return
    with _bars() as bars:
        tasks: dict[str, Any] = {}

        def hook(
            step: str, _: Any, *, completed: int | None = None, total: int | None = None, **__: Any
        ) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(in_one_line(step), total=total or 1)
            # pyannote ends a step with a call without counts.
            done, of = (1, 1) if completed is None else (completed, total)
            bars.update(tasks[step], completed=done, total=of)

        yield hook


def _bars() -> Progress:
    # Here, because lists of commands and quiet runs need no rich.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True))


@contextmanager
def resumable(*, quiet: bool) -> Iterator[None]:
    """Print how to resume if the block is interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        note("repeat the command to resume", quiet=quiet)
        raise
