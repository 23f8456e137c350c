"""What people see: tables on stdout; progress, summaries and what failed on stderr."""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.progress import Progress

    from emo2vec_plugins.core import Dialogue

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


def annotated(turns: int, items: str, skipped: int) -> str:
    """Say how much of a manifest was annotated: ``3 turns of 2 cuts, 1 labelled already``."""
    done = f"{counted(turns, 'turn')} of {items}"
    return f"{done}, {skipped} labelled already" if skipped else done


def warn_of_labels(items: str, field: str, *, work: str = "scored") -> None:
    """Warn that there was nothing to do, because all *items* have a label in *field*."""
    advice = "--field NAME writes beside it, --overwrite replaces it"
    complain("warning", f"nothing was {work}: {items} already labelled in {field!r}; {advice}")


def name_failures(headline: str, failures: Sequence[str], *, total: int) -> None:
    """Warn of failures and name the first few; the results have them all.

    Args:
        headline: What failed.
        failures: One line each, at least the first `LISTED`.
        total: How many there are.
    """
    complain("warning", headline)
    for line in failures[:LISTED]:
        click.echo(f"  {' '.join(line.split())}", err=True)
    if total > LISTED:
        click.echo(f"  and {total - LISTED} more", err=True)


def write_report(file: str | None, document: Mapping[str, Any]) -> None:
    """Write a document as JSON to a file, or to stdout if that is ``-``; nothing if it is None."""
    if file is None:
        return
    text = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    # File names that are not Unicode cannot be encoded; they become escapes, not an error.
    content = text.encode("utf-8", "backslashreplace")
    if file == "-":
        click.echo(content, nl=False)
        return
    from emo2vec_plugins.files import write_whole  # only here: lists of commands need no files

    write_whole(Path(file), content)


def exit_if_failed(failures: Sequence[str], *, failed: int, turns: int, field: str) -> None:
    """Name the turns of a manifest that failed, and exit with status 3, unless there are none."""
    if failed:
        of = f"{failed} of {counted(turns, 'turn')} failed; {field}_reason says why:"
        name_failures(of, failures, total=failed)
        raise click.exceptions.Exit(SOME_FAILED)


@contextmanager
def resumable(*, quiet: bool) -> Iterator[None]:
    """Say how to continue if the block, which leaves on disk what is done, is interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        note("the same command again goes on from here", quiet=quiet)
        raise


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
    """Show a bar for each step that is reported to a progress hook of pyannote's kind.

    Yields:
        The hook; None if nothing can be shown.
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
                tasks[step] = bars.add_task(step, total=total or 1)
            # A call without counts says that the step is done, after however many with counts.
            done, of = (1, 1) if completed is None else (completed, total)
            bars.update(tasks[step], completed=done, total=of)

        yield hook


def _bars() -> Progress:
    # Imported here: lists of commands and quiet runs need no rich.
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
    # Names of files and speakers may look like markup or emoji codes: "[red]", ":cat:".
    width = None if sys.stdout.isatty() else UNWRAPPED
    console = Console(file=sys.stdout, width=width, markup=False, highlight=False, emoji=False)
    if console.is_terminal:
        console.print(table)
        return
    # Captured, and without the blanks that fill a column: programs compare and split lines.
    with console.capture() as capture:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))


class Tally:
    """Counts items of any kinds as they are done, and ends a command with what became of them.

    Args:
        quiet: Leave out the summary; failures are reported all the same.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._left_out: list[str] = []
        self._totals: Counter[str] = Counter()
        self._failed: defaultdict[str, list[str]] = defaultdict(list)

    @property
    def turns(self) -> int:
        """How many turns were counted."""
        return self._totals["turn"]

    def add(self, dialogue: Dialogue) -> None:
        """Count the turns of one recording; those with a reason have failed."""
        for scored in dialogue.turns:
            turn = scored.turn
            where = f"{dialogue.recording} {turn.start:.3f}-{turn.end:.3f}"
            self.count("turn", where, scored.emotion.reason)

    def count(self, noun: str, name: str, reason: str | None = None) -> None:
        """Count one item of the kind *noun*; with a *reason*, it has failed."""
        self._totals[noun] += 1
        if reason is not None:
            self._failed[noun].append(f"{name}: {reason.removeprefix(f'{name}: ')}")

    def leave_out(self, what: str) -> None:
        """Note what was asked for and could not even be tried; it is reported in one line."""
        self._left_out.append(what)

    def conclude(self, summary: str) -> None:
        """Write the summary and the failures; exit with status 3 if there are any."""
        note(summary, quiet=self._quiet)
        for what in self._left_out:
            complain("warning", what)
        for noun, failed in self._failed.items():
            share = _share(len(failed), self._totals[noun], noun)
            name_failures(f"{share} failed:", failed, total=len(failed))
        if self._failed or self._left_out:
            raise click.exceptions.Exit(SOME_FAILED)


def _share(part: int, total: int, noun: str) -> str:
    """Say how many of how many: ``2 of 3 turns``, ``all 3 turns``, ``the only turn``."""
    if part < total:
        return f"{part} of {counted(total, noun)}"
    return f"the only {noun}" if total == 1 else f"all {counted(total, noun)}"
