"""The standard streams: stdout is for results alone, and a closed stream is no surprise.

Libraries print to stdout, and so do the C libraries behind them and the programs that they start:
version numbers, warnings about a file, progress. In a pipe, that would be part of the results.
"""

from __future__ import annotations

import ctypes
import errno
import io
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import click

_kept: list[TextIO | None] = []
"""The stream for results, while `results_alone` sends everything else to stderr."""


def results() -> TextIO:
    """Return the stream for results.

    Raises:
        OSError: If stdout is closed.
    """
    stream = _kept[-1] if _kept else sys.stdout
    if stream is None:
        raise OSError(errno.EBADF, "cannot write results: stdout is closed")
    return stream


def standard_input() -> io.BufferedIOBase:
    """Return stdin.

    Raises:
        OSError: If it is closed.
    """
    if sys.stdin is None:
        raise OSError(errno.EBADF, "cannot read a list from stdin: it is closed")
    stream: Any = sys.stdin.buffer
    return stream  # type: ignore[no-any-return]


def standard_stream(path: str) -> str | None:
    """Return ``stdout`` or ``stderr`` if a path leads to it, such as ``/dev/fd/1``, or None."""
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return None
    for number, name in ((1, "stdout"), (2, "stderr")):
        with suppress(OSError):
            # Any number of programs write to the null device.
            is_own = not stat.S_ISCHR(found.st_mode) or os.isatty(number)
            if is_own and os.path.samestat(found, os.fstat(number)):
                return name
    return None


@contextmanager
def results_alone() -> Iterator[None]:
    """Send to stderr what is written to stdout in the block, but for `results`.

    That includes what C code and other programs write to the descriptor.
    """
    if _kept:  # an outer block does
        yield
        return
    stdout = sys.stdout
    with _moved(stdout) as own:
        _kept.append(own)
        sys.stdout = sys.stderr
        try:
            yield
        finally:
            sys.stdout = stdout
            _kept.pop()


class ResultsCommand(click.Command):
    """A command that keeps the output of libraries out of its results."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; `emo2vec_plugins.cli.echo` and the like write its results."""
        with results_alone():
            return super().invoke(ctx)


class ResultsGroup(click.Group):
    """A group of such commands."""

    command_class = ResultsCommand


def command(name: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Return a decorator that makes a `ResultsCommand`, as ``click.command`` makes a command."""
    return click.command(name, cls=ResultsCommand)


@contextmanager
def _moved(stream: TextIO | None) -> Iterator[TextIO | None]:
    """Yield a copy of *stream*; in the block, its descriptor is that of stderr."""
    number = _descriptor(stream)
    if stream is None or number is None or _descriptor(sys.stderr) is None:
        yield stream
        return
    stream.flush()
    own = open(os.dup(number), "w", encoding=stream.encoding, errors=stream.errors)  # noqa: SIM115, PTH123
    os.dup2(sys.stderr.fileno(), number)
    try:
        yield own
    finally:
        _flush_c()
        os.dup2(own.fileno(), number)
        own.close()


def _descriptor(stream: TextIO | None) -> int | None:
    """Return the descriptor of a stream; None if it is closed or in memory."""
    try:
        return None if stream is None else stream.fileno()
    except (io.UnsupportedOperation, ValueError):
        return None


def _flush_c() -> None:
    """Write what C code has printed; it would otherwise be written when the process ends."""
    with suppress(OSError, TypeError, AttributeError):
        ctypes.CDLL(None).fflush(None)


def open_closed_streams() -> None:
    """Open the null device for standard descriptors that are closed, and for stderr.

    Otherwise the first file that is opened gets the free descriptor, and messages are written into
    it. stdin and stdout stay None, so that lost lists and results are an error.
    """
    for number in range(3):
        if not _is_open(number):
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
