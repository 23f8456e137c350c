"""What people see: tables on stdout; progress, summaries and what failed on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from emo2vec_plugins.dialogue import Dialogue, Provenance

if TYPE_CHECKING:
    from rich.progress import Progress

SOME_FAILED = 3
"""Exit status when some items failed and the rest were written."""

LISTED = 10
"""Most failures that are named; the results have them all."""

UNWRAPPED = 10_000
"""Width of tables that a program reads."""


def complain(kind: str, message: str, *, file: Any = None) -> None:
    """Write ``emo2vec: KIND: MESSAGE`` to stderr, in one line whatever *message* holds."""
    click.echo(f"emo2vec: {kind}: {' '.join(message.split())}", file=file, err=True)


def note(message: str, *, quiet: bool) -> None:
    """Write ``emo2vec: MESSAGE`` to stderr, unless *quiet*."""
    if not quiet:
        click.echo(f"emo2vec: {message}", err=True)


def counted(number: int, noun: str) -> str:
    """Say how many, in words: ``1 turn``, ``2 turns``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def speaker_of(provenance: Provenance | None) -> str:
    """Say which model spoke, as short as is unmistakable."""
    if provenance is None:
        return "no model"
    digest = f", sha256 {provenance.sha256[:12]}" if provenance.sha256 else ""
    return f"{provenance.model} ({provenance.dtype}{digest})"


@contextmanager
def progress(
    description: str, *, total: int | None = None, quiet: bool = False
) -> Iterator[Callable[..., None]]:
    """Show a bar on stderr while the block runs, if stderr is a terminal and not *quiet*.

    Args:
        description: What is counted.
        total: How many there are; None shows only how many are done.
        quiet: Show nothing.

    Yields:
        What to call after each item, or with the number of items.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda _=1: None
        return
    with _bars() as bars:
        task = bars.add_task(description, total=total)
        yield lambda count=1: bars.advance(task, count)


@contextmanager
def step_progress(*, quiet: bool = False) -> Iterator[Callable[..., None] | None]:
    """Show a bar for each step that a progress hook of pyannote's kind is told of.

    Yields:
        The hook; None where nothing is to be shown.
    """
    if quiet or not sys.stderr.isatty():
        yield None
        return
    with _bars() as bars:
        tasks: dict[str, Any] = {}

        def hook(
            step: str,
            artifact: Any,  # noqa: ARG001 - what hooks are called with
            *,
            file: Any = None,  # noqa: ARG001
            completed: int | None = None,
            total: int | None = None,
        ) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=total or 1)
            # A call without counts says that the step is done, after however many with counts.
            done, of = (1, 1) if completed is None else (completed, total)
            bars.update(tasks[step], completed=done, total=of)

        yield hook


def _bars() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table to stdout: wrapped in a terminal, one row a line anywhere else."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console(
        file=sys.stdout,
        width=None if sys.stdout.isatty() else UNWRAPPED,
        markup=False,
        highlight=False,
        emoji=False,
    )
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as capture:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes *path*'s place when the block ends well and is gone if it fails.

    What is no regular file, such as ``/dev/stdout``, is written to as it stands. Folders that
    are missing are made.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as stream:
            yield stream
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as stream:
            yield stream
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


class Tally:
    """Counts turns as they are scored, and ends a command with what became of them.

    Args:
        quiet: Leave out the summary; failures are told all the same.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.turns = 0
        """How many turns were counted."""
        self._quiet = quiet
        self._failed = 0
        self._named: list[str] = []

    def add(self, dialogue: Dialogue) -> None:
        """Count the turns of one recording; those with a reason have failed."""
        for scored in dialogue.turns:
            self.turns += 1
            if scored.emotion.reason is not None:
                turn = scored.turn
                where = f"{dialogue.recording} {turn.start:.3f}-{turn.end:.3f}"
                self.fail(where, scored.emotion.reason)

    def fail(self, name: str, reason: str) -> None:
        """Count one failure, named if it is among the first."""
        self._failed += 1
        if len(self._named) < LISTED:
            self._named.append(f"{name}: {reason}")

    def conclude(self, ctx: click.Context, summary: str) -> None:
        """Write the summary and the failures; exit with status 3 if there are any."""
        note(summary, quiet=self._quiet)
        if not self._failed:
            return
        complain("warning", f"{self._failed} failed, the rest were written:")
        for line in self._named:
            click.echo(f"  {' '.join(line.split())}", err=True)
        if self._failed > len(self._named):
            click.echo(f"  and {self._failed - len(self._named)} more", err=True)
        ctx.exit(SOME_FAILED)
