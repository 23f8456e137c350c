"""Signals: SIGTERM and SIGHUP end a command as Ctrl-C does, after its files are cleaned up."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 plus the signal's number, as in shells."""


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP has arrived; handled by everything that handles Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def status_of(error: KeyboardInterrupt) -> tuple[int, str]:
    """Return the exit status and a word for an interrupt."""
    if isinstance(error, Terminated):
        return 128 + error.number, f"ended by {signal.Signals(error.number).name}"
    return INTERRUPTED, f"interrupted {error}".strip()


def end_at_once() -> None:
    """Let Ctrl-C end the process without a traceback, for while it only imports."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def signals_raised() -> Iterator[None]:
    """Raise KeyboardInterrupt in the block at Ctrl-C, SIGTERM and SIGHUP.

    Signals that are ignored or handled stay so. A second SIGTERM or SIGHUP is ignored, so that
    files are cleaned up.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    owner = os.getpid()

    def terminate(number: int, _: FrameType | None) -> None:
        if os.getpid() != owner:  # a child process ends as usual
            signal.signal(number, signal.SIG_DFL)
            return signal.raise_signal(number)
        for each in taken:
            if each != signal.SIGINT:
                signal.signal(each, signal.SIG_IGN)
        raise Terminated(number)

    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: terminate}
    if hasattr(signal, "SIGHUP"):
        handlers[signal.SIGHUP] = terminate
    found = {number: signal.getsignal(number) for number in handlers}
    taken = [number for number in handlers if found[number] == signal.SIG_DFL]
    for number in taken:
        signal.signal(number, handlers[number])
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, found[number])
