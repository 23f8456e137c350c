"""Objects that live in processes of their own, so that each has its memory to itself.

A process stays until it is closed: rounds of several objects can take turns.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from emo2vec_plugins.errors import Emo2vecError

LAST_LINES = 3
"""Of what a process wrote before it ended: they go into the message."""


class Remote:
    """One object in a process of its own.

    Args:
        make: A function or class at the top of a module, which the process imports.
        arguments: What it is called with there; they are pickled.
        log: Gets all that the process writes to stdout and stderr.

    Raises:
        Emo2vecError: If *make* raises, or the process ends.
    """

    def __init__(self, make: Callable[..., Any], *arguments: Any, log: Path) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would have this one's memory
        self._log = log
        self._connection, other = context.Pipe()
        served = (other, make, arguments, log)
        self._process = context.Process(target=_serve, args=served, daemon=True)
        self._process.start()
        other.close()
        try:
            self._answer()
        except Emo2vecError:
            self.close()
            raise

    def call(self, method: str, *arguments: Any) -> Any:
        """Return what *method* of the object returns.

        Raises:
            Emo2vecError: If it raises, or the process ends.
        """
        try:
            self._connection.send((method, arguments))
        except OSError as error:
            raise Emo2vecError(self._ending()) from error
        return self._answer()

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.terminate()
        self._process.join()

    def _answer(self) -> Any:
        try:
            well, value = self._connection.recv()
        except (EOFError, OSError) as error:
            raise Emo2vecError(self._ending()) from error
        if not well:
            raise Emo2vecError(value)
        return value

    def _ending(self) -> str:
        self._process.join()
        code = self._process.exitcode or 0
        how = f"was killed by signal {-code}" if code < 0 else f"ended with status {code}"
        hint = " (9 is what a machine without memory left gives)" if code == -9 else ""
        lines = self._log.read_text("utf-8", "replace").splitlines()[-LAST_LINES:]
        return f"its process {how}{hint}; it last wrote: {' / '.join(lines) or 'nothing'}"


def _serve(
    connection: Connection, make: Callable[..., Any], arguments: tuple[Any, ...], log: Path
) -> None:
    """Make the object and call its methods until the connection is closed."""
    # What libraries print would mix with the report; by descriptor, as C code prints, too.
    with log.open("ab", buffering=0) as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(line_buffering=True)  # last words are there when it is killed
    served = _attempt(connection, make, arguments, answer=False)
    while served is not None:
        try:
            method, given = connection.recv()
        except (EOFError, OSError):
            return
        _attempt(connection, getattr(served, method), given, answer=True)


def _attempt(
    connection: Connection, function: Callable[..., Any], arguments: Sequence[Any], *, answer: bool
) -> Any:
    """Call a function and answer with its result, or only that it went well, or what it raised."""
    try:
        result = function(*arguments)
    except Emo2vecError as error:
        connection.send((False, str(error)))
    except Exception as error:  # noqa: BLE001 - one subject, not the run
        traceback.print_exc()
        connection.send((False, f"{type(error).__name__}: {error}"))
    else:
        connection.send((True, result if answer else None))
        return result
    return None
