"""Terminal output: results on stdout; progress, summaries and failures on stderr.

Everything is printed here. Names of files, speakers and models come from strangers, and could
otherwise send commands to the terminal, or look like other names: control characters, and others
without a picture of their own, are printed as escapes.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from emo2vec_plugins.cli.streams import results
from emo2vec_plugins.core import counted, is_withheld

if TYPE_CHECKING:
    from emo2vec_plugins.core import Dialogue

SOME_FAILED = 3
"""Exit status when some items failed and the rest were written."""

LISTED = 10
"""Failures printed at most; the results have all of them."""

LONGEST = 2_000
"""Characters of a message; names in files can have any length."""

UNWRAPPED = 10_000
"""Table width if stdout is not a terminal."""


_UNUSUAL = re.compile(r"[^\n\t -~]")
"""Characters that may need an escape."""


def echo(text: str = "", *, end: str = "\n") -> None:
    """Write text to stdout, as it is but for escapes."""
    click.echo(_encodable(visible(text)) + end, file=results(), nl=False)


def complain(kind: str, message: str, *, file: Any = None) -> None:
    """Write ``emo2vec: KIND: MESSAGE`` to stderr, always as one line."""
    click.echo(f"emo2vec: {kind}: {in_one_line(message)}", file=file, err=True)


def note(message: str, *, quiet: bool) -> None:
    """Write ``emo2vec: MESSAGE`` to stderr, unless *quiet*."""
    if not quiet:
        click.echo(f"emo2vec: {in_one_line(message)}", err=True)


def visible(text: str) -> str:
    r"""Return text with escapes for all characters but printable ones, newlines and tabs.

    >>> visible("a\x1b[2J\u202eb\ud800")
    'a\\x1b[2J\\u202eb\\ud800'
    """
    return _UNUSUAL.sub(lambda found: _shown(found[0], ascii), text)


def in_one_line(text: str) -> str:
    """Return visible text with single blanks for white space; the middle of a long text is left out."""
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]} … {text[-LONGEST // 2 :]}"
    return visible(" ".join(text.split()))


def listed(names: Sequence[str]) -> str:
    """Return the first names and the number of the others: ``a, b and 3 more``."""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def annotated(turns: int, items: str, skipped: int) -> str:
    """Return how much was annotated: ``3 turns of 2 cuts, 1 already labelled``."""
    done = f"{counted(turns, 'turn')} of {items}"
    return f"{done}, {skipped} already labelled" if skipped else done


def warn_of_labels(items: str, field: str, *, work: str = "scored") -> None:
    """Warn that nothing was done because all *items* have a label in *field*."""
    advice = "use another --field to keep both, or --overwrite to replace them"
    complain("warning", f"nothing was {work}: {items} already labelled in {field!r}; {advice}")


def note_withheld(count: int, total: int, noun: str, *, quiet: bool) -> None:
    """Write to stderr how many of all items have a withheld label, if any have."""
    if count:
        why = "their doubt is too high"
        note(f"{_share(count, total, noun)} withheld: {why}", quiet=quiet)


def name_failures(headline: str, failures: Sequence[str], *, total: int) -> None:
    """Print a warning and the first failures.

    Args:
        headline: What failed.
        failures: One line each, at least the first `LISTED`.
        total: How many there are.
    """
    complain("warning", headline)
    for line in failures[:LISTED]:
        click.echo(f"  {in_one_line(line)}", err=True)
    if total > LISTED:
        click.echo(f"  and {total - LISTED} more", err=True)


def write_report(file: str | None, document: Mapping[str, Any]) -> None:
    """Write a document as JSON to a file, or to stdout for ``-``; do nothing for None."""
    if file is None:
        return
    if file == "-":
        print_json(document)
        return
    from emo2vec_plugins.files import write_whole  # lists of commands need no files

    write_whole(Path(file), visible_json(_as_json(document)).encode())


def print_json(document: Any) -> None:
    """Print a document as JSON to stdout."""
    print_json_text(_as_json(document))


def _as_json(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def print_json_text(text: str) -> None:
    """Print JSON or lines of JSON to stdout, as UTF-8, at once."""
    click.echo(visible_json(text).encode(), file=results(), nl=False)


def visible_json(text: str) -> str:
    r"""Return the same JSON, with escapes for characters that are not printable.

    They are only in strings. That includes surrogates, from file names that are not Unicode.

    >>> visible_json('["\x9b2J"]')
    '["\\u009b2J"]'
    """
    return _UNUSUAL.sub(lambda found: _shown(found[0], json.dumps), text)


def _shown(character: str, quote: Callable[[str], str]) -> str:
    return character if character.isprintable() else quote(character)[1:-1]


class Summary(Protocol):
    """What became of the turns and items of a manifest."""

    @property
    def turns(self) -> int:
        """Number of turns."""

    @property
    def failed(self) -> int:
        """How many turns have a reason instead of a label, and no withheld one."""

    @property
    def failures(self) -> Sequence[str]:
        """Names and reasons of the first of them."""

    @property
    def bad(self) -> int:
        """Number of items that could not be read."""

    @property
    def bad_items(self) -> Sequence[str]:
        """Names and reasons of the first of them."""


def exit_if_failed(found: Summary, *, field: str) -> None:
    """Print the failed turns and bad items of a manifest; exit with status 3 if there are any."""
    if found.failed:
        of = f"{found.failed} of {counted(found.turns, 'turn')} failed"
        where = f"the reasons are in {field}_reason"
        name_failures(f"{of}; {where}:", found.failures, total=found.failed)
    if found.bad:
        what = f"{counted(found.bad, 'bad item')} not annotated:"
        name_failures(what, found.bad_items, total=found.bad)
    if found.failed or found.bad:
        raise click.exceptions.Exit(SOME_FAILED)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table to stdout: wrapped in a terminal, one line per row otherwise."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(_encodable(in_one_line(cell)) for cell in row))
    # File and speaker names can look like markup or emoji codes: "[red]", ":cat:".
    stream = results()
    width = None if stream.isatty() else UNWRAPPED
    console = Console(file=stream, width=width, markup=False, highlight=False, emoji=False)
    if console.is_terminal:
        console.print(table)
        return
    # Without trailing blanks, because programs compare and split lines.
    with console.capture() as capture:
        console.print(table)
    echo("\n".join(line.rstrip() for line in capture.get().splitlines()))


def _encodable(text: str) -> str:
    """Return text with escapes for characters that stdout cannot encode."""
    encoding = getattr(results(), "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


class Tally:
    """Counts finished items, and ends a command with a summary and its failures.

    Args:
        quiet: Leave out the summary; failures are always reported.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._left_out: list[str] = []
        self._totals: Counter[str] = Counter()
        self._withheld: Counter[str] = Counter()
        self._failed: defaultdict[str, list[str]] = defaultdict(list)

    @property
    def turns(self) -> int:
        """Number of turns counted."""
        return self._totals["turn"]

    def add(self, dialogue: Dialogue) -> None:
        """Count the turns of one recording, as `count` does."""
        for scored in dialogue.turns:
            turn = scored.turn
            where = f"{dialogue.recording} {turn.start:.3f}-{turn.end:.3f}"
            self.count("turn", where, scored.emotion.reason)

    def count(self, noun: str, name: str, reason: str | None = None) -> None:
        """Count one item of the kind *noun*.

        It has failed if it has a *reason*, unless the reason is that its label was withheld.
        """
        self._totals[noun] += 1
        if is_withheld(reason):
            self._withheld[noun] += 1
        elif reason is not None:
            self._failed[noun].append(f"{name}: {reason.removeprefix(f'{name}: ')}")

    def leave_out(self, what: str) -> None:
        """Note something requested that could not be done; it is reported in one line."""
        self._left_out.append(what)

    def leave_out_lines(self, bad: Sequence[str]) -> None:
        """Note bad lines of a list; the first ones are reported in a line each."""
        self._left_out += bad[:LISTED]
        if len(bad) > LISTED:
            self.leave_out(f"{len(bad) - LISTED} more bad lines were left out")

    def conclude(self, summary: str) -> None:
        """Print the summary and the failures; exit with status 3 if anything failed."""
        for noun, count in self._withheld.items():
            note_withheld(count, self._totals[noun], noun, quiet=self._quiet)
        note(summary, quiet=self._quiet)
        for what in self._left_out:
            complain("warning", what)
        for noun, failed in self._failed.items():
            share = _share(len(failed), self._totals[noun], noun)
            name_failures(f"{share} failed:", failed, total=len(failed))
        if self._failed or self._left_out:
            raise click.exceptions.Exit(SOME_FAILED)


def _share(part: int, total: int, noun: str) -> str:
    """Return a share in words: ``2 of 3 turns``, ``all 3 turns``, ``the only turn``."""
    if part < total:
        return f"{part} of {counted(total, noun)}"
    return f"the only {noun}" if total == 1 else f"all {counted(total, noun)}"
