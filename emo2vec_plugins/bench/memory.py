"""How much memory this process has, and how much it has had at most; None where the system does not say."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")

# The kernel keeps a high-water mark of all memory alone: anonymous memory has to be sampled.
_PERIOD = 0.05  # seconds


def resident() -> int | None:
    """Return the bytes that are in memory now, files that are mapped included."""
    return _field("VmRSS")


def most_resident() -> int | None:
    """Return the most bytes that were in memory since `forget_most`, or since the start."""
    return _field("VmHWM")


def anonymous() -> int | None:
    """Return the bytes that are in memory now, files that are mapped left out."""
    return _field("RssAnon")


def forget_most() -> None:
    """Let `most_resident` count from now on, where the system allows it."""
    with suppress(OSError):
        _RESET.write_text("5")  # resets VmHWM, see proc(5)


class Most:
    """The most bytes of `anonymous` memory that were seen in a block."""

    def __init__(self) -> None:
        self.seen: int | None = None

    def look(self) -> None:
        """Look once."""
        now = anonymous()
        if now is not None:
            self.seen = now if self.seen is None else max(self.seen, now)


@contextmanager
def watched() -> Iterator[Most]:
    """Look at memory while the block runs, some 20 times a second."""
    most, done = Most(), threading.Event()

    def watch() -> None:
        while not done.wait(_PERIOD):
            most.look()

    watcher = threading.Thread(target=watch, daemon=True)
    most.look()
    watcher.start()
    try:
        yield most
    finally:
        done.set()
        watcher.join()
        most.look()


def _field(name: str) -> int | None:
    try:
        lines = STATUS.read_text("utf-8").splitlines()
    except OSError:
        return None  # no Linux
    for line in lines:
        head, _, value = line.partition(":")
        if head == name:
            return int(value.split()[0]) * 1024
    return None
