"""Progress of a run: the journal of an unfinished run, the record of a finished one, the counts."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from string import hexdigits
from typing import IO, Any

from emo2vec_plugins.core import Options
from emo2vec_plugins.errors import ResumeError
from emo2vec_plugins.files import make_folder, sync, write_whole
from emo2vec_plugins.integrations import is_labelled
from emo2vec_plugins.integrations.lhotse.session import places, turn_name

MAX_FAILURES = 10
"""Most failures in a summary; the manifest has all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Counts of annotated turns in a manifest, including those of an earlier, killed run.

    Attributes:
        cuts: Number of cuts.
        turns: Number of supervisions, and of cuts without any. It is the sum of the next four.
        scored: Turns with a new or replaced label.
        unscored: Turns without a label or reason, because the model has no classification head.
        failed: Turns without a label but with a reason: no audio, too short.
        skipped: Turns with an existing label.
        failures: Names and reasons of the first ten failed turns.
        was_finished: Whether the output was complete before this run, which did nothing. Ignored
            in comparison.
    """

    cuts: int = 0
    turns: int = 0
    scored: int = 0
    unscored: int = 0
    failed: int = 0
    skipped: int = 0
    failures: tuple[str, ...] = ()
    was_finished: bool = field(default=False, compare=False)

    def plus(self, before: Any, after: Any, options: Options) -> Summary:
        """Return a summary that also counts one cut, given before and after annotation."""
        # A plugin may return a cut with other turns.
        known, failures = places(after), list(self.failures)
        counts = dict.fromkeys(("scored", "unscored", "failed", "skipped"), 0)
        for place, own in places(before).items():
            custom = getattr(known.get(place), "custom", None) or {}
            if is_labelled(own.custom, options):
                counts["skipped"] += 1
            elif custom.get(options.field) is not None:
                counts["scored"] += 1
            elif reason := custom.get(f"{options.field}_reason"):
                counts["failed"] += 1
                failures.append(f"{turn_name(before, place, own)}: {reason}")
            else:
                counts["unscored"] += 1
        sums = {name: getattr(self, name) + count for name, count in counts.items()}
        sums |= {"cuts": self.cuts + 1, "turns": self.turns + sum(counts.values())}
        return Summary(failures=tuple(failures[:MAX_FAILURES]), **sums)

    def as_json(self) -> dict[str, Any]:
        """Return the counts as JSON values for `from_json`."""
        values = asdict(self) | {"failures": list(self.failures)}
        del values["was_finished"]
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Summary:
        """Create a summary from the result of `as_json`."""
        return cls(**{**values, "failures": tuple(values.get("failures", ()))})


class Journal:
    """The steps of a run. Each step is on disk before the next begins.

    The first line is the task; each other line is the state after a step. An incomplete last line
    is dropped. Another task may replace a journal without steps.

    Args:
        path: Path of the journal; created if missing.
        task: Everything the output depends on, as JSON values.

    Raises:
        ResumeError: If the journal has steps of another task.
    """

    def __init__(self, path: Path, task: Mapping[str, Any]) -> None:
        self.path = path
        lines, length = _whole_lines(path)
        # Without steps there is no work to lose.
        if len(lines) == 1 and lines[0] != task:
            lines, length = [], 0
        if lines and lines[0] != task:
            raise ResumeError(f"{path} is from another run: {differences(lines[0], task)}")
        self.state: dict[str, Any] = lines[-1] if len(lines) > 1 else {}
        cut_back(path, length)
        if not lines:
            self._append(task)

    def step(self, state: Mapping[str, Any]) -> None:
        """Append the state of the run and flush it to disk."""
        self.state = dict(state)
        self._append(state)

    def _append(self, line: Mapping[str, Any]) -> None:
        with self.path.open("ab") as file:
            file.write(json.dumps(line).encode() + b"\n")
            sync(file)


def task_to_resume(path: Path, task: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the task of an unfinished run: *task*, or another task with at least one step."""
    lines, _ = _whole_lines(path)
    return lines[0] if len(lines) > 1 or lines == [task] else None


def cut_back(path: Path, length: int) -> None:
    """Truncate a file to *length* bytes. Creates the file if it is missing.

    Raises:
        ResumeError: If the file is shorter.
    """
    make_folder(path.parent)
    path.touch()
    if path.stat().st_size < length:
        raise ResumeError(
            f"{path} was changed: expected at least {length} bytes, found {path.stat().st_size}; "
            "remove it and start over"
        )
    os.truncate(path, length)


@contextmanager
def locked_lines(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for appending, and lock it until the block ends.

    The lock also ends if the process is killed. On Windows and some network disks, which have no
    such locks, the file is not locked.

    Raises:
        ResumeError: If another process has locked the file.
    """
    make_folder(path.parent)
    with path.open("ab") as file:
        if sys.platform != "win32":
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ResumeError(f"{path} is being written by another process") from error
            except OSError:
                pass  # a file system without locks
        yield file


def task_document(**values: Any) -> dict[str, Any]:
    """Return *values* as they are read from a journal or record: everything an output depends on."""
    return json.loads(json.dumps(values, default=str))  # type: ignore[no-any-return]


def identity_of(score: Any) -> Any:
    """Return JSON values that identify a scorer: its ``identity``, or the name of its class."""
    return getattr(score, "identity", f"{type(score).__module__}.{type(score).__qualname__}")


def record_path(target: Path) -> Path:
    """Return the path of the record of a finished output: its task and results."""
    return target.with_name(f"{target.name}.emo2vec.json")


def write_record(target: Path, *, task: Mapping[str, Any], **results: Any) -> None:
    """Write the task and results of an output. The caller must have locked the output."""
    document = json.dumps({"task": task, **results}, indent=2) + "\n"
    write_whole(record_path(target), document, locked=True)


def recorded(target: Path, *, task: Mapping[str, Any], result: str) -> Any:
    """Return one result of a finished output, or None if the output does not exist.

    Raises:
        ResumeError: If the output is from another task.
    """
    if not target.exists():
        return None
    path = record_path(target)
    record = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    if result not in record:
        raise ResumeError(f"{target} already exists; remove it or choose another path")
    if record["task"] != task:
        how = differences(record["task"], task)
        raise ResumeError(
            f"{target} already exists and has other settings: {how}; remove it or choose another "
            "path"
        )
    return record[result]


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Describe how two tasks differ. Details of a changed ``input`` are omitted."""
    before, after = dict(_flat(then)), dict(_flat(now))
    changes = [
        "the input has changed"
        if name.startswith("input.")
        else f"{name} was {_short(before.get(name))}, is now {_short(after.get(name))}"
        for name in sorted(before | after)
        if before.get(name) != after.get(name)
    ]
    return "; ".join(dict.fromkeys(changes))


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
    """Return the complete lines and their length in bytes."""
    whole = path.read_bytes() if path.exists() else b""
    # A killed process may leave an incomplete line, without a line break.
    whole = whole[: whole.rfind(b"\n") + 1]
    return [json.loads(line) for line in whole.splitlines()], len(whole)
