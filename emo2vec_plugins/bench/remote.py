"""Objects in separate processes, so that the memory of each can be measured.

A process runs until it is closed, so rounds of several objects can alternate.
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
"""Number of last log lines in the message if a process ends."""


class Remote:
    """An object in a separate process.

    Args:
        make: A function or class at the top level of a module; the process imports and calls it.
        arguments: Arguments for *make*; they are pickled.
        log: File for everything that the process writes to stdout and stderr.

    Raises:
        Emo2vecError: If *make* raises, or the process ends.
    """

    def __init__(self, make: Callable[..., Any], *arguments: Any, log: Path) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would share this process's memory
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
        """Call a method of the object and return its result.

        Raises:
            Emo2vecError: If the method raises, or the process ends.
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
        hint = " (probably out of memory)" if code == -9 else ""
        lines = self._log.read_text("utf-8", "replace").splitlines()[-LAST_LINES:]
        return f"its process {how}{hint}; last output: {' / '.join(lines) or 'none'}"


def _serve(
    connection: Connection, make: Callable[..., Any], arguments: tuple[Any, ...], log: Path
) -> None:
    """Create the object and call its methods until the connection is closed."""
    # Keep output of libraries out of the report. By descriptor, to include output of C code.
    with log.open("ab", buffering=0) as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(line_buffering=True)  # keep the last lines if it is killed
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
    """Call a function and send its result, or only success, or the error that it raised."""
    try:
        result = function(*arguments)
    except Emo2vecError as error:
        connection.send((False, str(error)))
    except Exception as error:  # noqa: BLE001 - fails one subject, not the run
        traceback.print_exc()
        connection.send((False, f"{type(error).__name__}: {error}"))
    else:
        connection.send((True, result if answer else None))
        return result
    return None
