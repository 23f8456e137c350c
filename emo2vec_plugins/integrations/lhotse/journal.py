"""What an unfinished output was begun with and how far it got, one line a step."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import hexdigits
from typing import IO, Any

from emo2vec_plugins.errors import ResumeError


class Journal:
    """The steps of a run, each on disk before the next begins.

    The first line says what the run depends on; each other line is where it stood. A last line
    that was not written to its end is dropped. A journal without a step binds nobody: another
    task begins it anew.

    Args:
        path: Of the journal; created if missing.
        task: All that the output depends on, as JSON values.

    Raises:
        ResumeError: If there is a journal of another task.
    """

    def __init__(self, path: Path, task: Mapping[str, Any]) -> None:
        self.path = path
        lines, length = _whole_lines(path)
        if len(lines) == 1 and lines[0] != task:
            lines, length = [], 0
        if lines and lines[0] != task:
            raise ResumeError(f"{path} is of another run: {differences(lines[0], task)}")
        self.resumed = len(lines) > 1
        self.state: dict[str, Any] = lines[-1] if self.resumed else {}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.truncate(path, length)
        if not lines:
            self._append(task)

    def step(self, state: Mapping[str, Any]) -> None:
        """Note where the run stands, durably."""
        self.state = dict(state)
        self._append(state)

    def _append(self, line: Mapping[str, Any]) -> None:
        with self.path.open("ab") as file:
            file.write(json.dumps(line).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def begun(path: Path, task: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the task of the run to go on with: this one, or another that got somewhere."""
    lines, _ = _whole_lines(path)
    return lines[0] if len(lines) > 1 or lines == [task] else None


def hold(file: IO[bytes]) -> None:
    """Keep other processes from writing an unfinished output, until *file* is closed.

    The lock ends with the process, however it ends. Where there are no locks, on Windows and
    some network disks, nothing is held.

    Raises:
        ResumeError: If another process holds it.
    """
    if sys.platform == "win32":
        return
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ResumeError(f"{file.name} is being written by another process") from error
    except OSError:
        return


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Say what two tasks do not share; of their ``input``, only that it has changed."""
    before, after = dict(_flat(then)), dict(_flat(now))
    names = [name for name in sorted(before | after) if before.get(name) != after.get(name)]
    said = [
        "the input has changed"
        if name.startswith("input.")
        else f"{name} was {_short(before.get(name))}, is {_short(after.get(name))}"
        for name in names
    ]
    return "; ".join(dict.fromkeys(said))


def _short(value: Any) -> str:
    is_digest = isinstance(value, str) and len(value) == 64 and set(value) <= set(hexdigits)
    return f"{value[:12]}..." if is_digest else repr(value)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _whole_lines(path: Path) -> tuple[list[dict[str, Any]], int]:
    """Return the lines that were written to their end, and their length in bytes."""
    whole = path.read_bytes() if path.exists() else b""
    whole = whole[: whole.rfind(b"\n") + 1]
    return [json.loads(line) for line in whole.splitlines()], len(whole)
