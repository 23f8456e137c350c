"""What people see: tables on stdout; progress, summaries and what failed on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.progress import Progress

    from emo2vec_plugins.core import Dialogue, Provenance

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


def listed(names: Sequence[str]) -> str:
    """Name the first few, and count the others: ``a, b and 3 more``."""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


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


class Tally:
    """Counts items of any kinds as they are done, and ends a command with what became of them.

    Args:
        quiet: Leave out the summary; failures are told all the same.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._left_out: list[str] = []
        self._kinds: dict[str, _Kind] = {}

    @property
    def turns(self) -> int:
        """How many turns were counted."""
        return self._kinds["turn"].total if "turn" in self._kinds else 0

    def add(self, dialogue: Dialogue) -> None:
        """Count the turns of one recording; those with a reason have failed."""
        for scored in dialogue.turns:
            turn = scored.turn
            where = f"{dialogue.recording} {turn.start:.3f}-{turn.end:.3f}"
            self.count("turn", where, scored.emotion.reason)

    def count(self, noun: str, name: str, reason: str | None = None) -> None:
        """Count one item of the kind *noun*; with a *reason*, it has failed."""
        kind = self._kinds.setdefault(noun, _Kind())
        kind.total += 1
        if reason is not None:
            kind.failed.append(f"{name}: {reason.removeprefix(f'{name}: ')}")

    def leave_out(self, what: str) -> None:
        """Remember to tell, in one line, what was asked for and could not even be tried."""
        self._left_out.append(what)

    def conclude(self, ctx: click.Context, summary: str) -> None:
        """Write the summary and the failures; exit with status 3 if there are any."""
        note(summary, quiet=self._quiet)
        for what in self._left_out:
            complain("warning", what)
        failing = {noun: kind for noun, kind in self._kinds.items() if kind.failed}
        for noun, kind in failing.items():
            complain("warning", f"{_share(len(kind.failed), kind.total, noun)} failed:")
            for line in kind.failed[:LISTED]:
                click.echo(f"  {' '.join(line.split())}", err=True)
            if len(kind.failed) > LISTED:
                click.echo(f"  and {len(kind.failed) - LISTED} more", err=True)
        if failing or self._left_out:
            ctx.exit(SOME_FAILED)


@dataclass(slots=True)
class _Kind:
    total: int = 0
    failed: list[str] = field(default_factory=list)


def _share(part: int, total: int, noun: str) -> str:
    """Say how many of how many: ``2 of 3 turns``, ``all 3 turns``, ``the only turn``."""
    if part < total:
        return f"{part} of {counted(total, noun)}"
    return f"the only {noun}" if total == 1 else f"all {counted(total, noun)}"
