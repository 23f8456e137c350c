"""How much memory this process has, and how much it has had at most; None where the system does not say."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")

# The kernel keeps a high-water mark of all memory alone: anonymous memory has to be sampled.
_PERIOD = 0.05  # seconds


Kind = Literal["VmRSS", "VmHWM", "RssAnon"]
"""What is in memory now; the most since `forget_most`; what is, without files that are mapped."""


def forget_most() -> None:
    """Let `most_resident` count from now on, where the system allows it."""
    with suppress(OSError):
        _RESET.write_text("5")  # resets VmHWM, see proc(5)


@contextmanager
def watched() -> Iterator[list[int]]:
    """Look at anonymous memory while the block runs, some 20 times a second.

    Yields:
        The bytes that were seen so far; the last when the block ends.
    """
    seen: list[int] = []
    done = threading.Event()

    def look() -> None:
        seen.extend(filter(None, [memory("RssAnon")]))

    def watch() -> None:
        while not done.wait(_PERIOD):
            look()

    watcher = threading.Thread(target=watch, daemon=True)
    look()
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()
        look()


def memory(kind: Kind) -> int | None:
    """Return the bytes that the system reports for this process; None if it does not."""
    try:
        text = STATUS.read_text("utf-8")
    except OSError:
        return None  # no Linux
    found = re.search(rf"^{kind}:\s*(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else None
