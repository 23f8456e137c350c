"""Current and peak memory of this process; None if the system does not report it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")

# The kernel keeps a peak only of all memory, so anonymous memory must be sampled.
_PERIOD = 0.05  # seconds


Kind = Literal["VmRSS", "VmHWM", "RssAnon"]
"""Memory in use; peak since `forget_most`; memory in use without mapped files."""


def forget_most() -> None:
    """Reset the peak ``VmHWM`` to the current memory, if the system allows it."""
    with suppress(OSError):
        _RESET.write_text("5")  # resets VmHWM, see proc(5)


@contextmanager
def watched() -> Iterator[list[int]]:
    """Sample anonymous memory while the block runs, about 20 times per second.

    Yields:
        A list of samples in bytes, which grows; the last sample is taken when the block ends.
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
    """Return the bytes that the system reports for this process, or None if it does not."""
    try:
        text = STATUS.read_text("utf-8")
    except OSError:
        return None  # not Linux
    found = re.search(rf"^{kind}:\s*(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else None
