"""How far a run got: a journal while it lasts, a record when it is finished, and the counts."""

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

NAMED = 10
"""Most failures that are listed; the manifest has them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What became of a manifest's turns; those of an earlier, killed run are counted too.

    Attributes:
        cuts: All of them.
        turns: Supervisions, and cuts without any; the sum of the four below.
        scored: With a label now that they had not, or that was replaced.
        unscored: Without a label and without a reason: the model has no head.
        failed: Without a label and with the reason: no audio, too short.
        skipped: With a label that was there already.
        failures: The first ten that failed, by their ids, each with the reason.
        was_finished: The output was there before, complete, and this run did nothing; ignored
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
        """Return the sum with one cut, as it was and as it is."""
        # A plugin may have replaced the cut by one with other turns.
        known, failures = places(after), list(self.failures)
        fates = dict.fromkeys(("scored", "unscored", "failed", "skipped"), 0)
        for place, own in places(before).items():
            custom = getattr(known.get(place), "custom", None) or {}
            if is_labelled(own.custom, options):
                fates["skipped"] += 1
            elif custom.get(options.field) is not None:
                fates["scored"] += 1
            elif reason := custom.get(f"{options.field}_reason"):
                fates["failed"] += 1
                failures.append(f"{turn_name(before, place, own)}: {reason}")
            else:
                fates["unscored"] += 1
        sums = {name: getattr(self, name) + count for name, count in fates.items()}
        sums |= {"cuts": self.cuts + 1, "turns": self.turns + sum(fates.values())}
        return Summary(failures=tuple(failures[:NAMED]), **sums)

    def as_json(self) -> dict[str, Any]:
        """Return the counts, as `from_json` takes them."""
        values = asdict(self) | {"failures": list(self.failures)}
        del values["was_finished"]
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Summary:
        """Read back what `as_json` gave."""
        return cls(**{**values, "failures": tuple(values.get("failures", ()))})


class Journal:
    """The steps of a run, each on disk before the next begins.

    The first line is the task, each other line the state after a step. A last line that was not
    written to its end is dropped. A journal without a step is begun anew by another task.

    Args:
        path: Of the journal; created if missing.
        task: All that the output depends on, as JSON values.

    Raises:
        ResumeError: If there is a journal of another task.
    """

    def __init__(self, path: Path, task: Mapping[str, Any]) -> None:
        self.path = path
        lines, length = _whole_lines(path)
        # Without a step nothing was done that another task could spoil.
        if len(lines) == 1 and lines[0] != task:
            lines, length = [], 0
        if lines and lines[0] != task:
            raise ResumeError(f"{path} is of another run: {differences(lines[0], task)}")
        self.state: dict[str, Any] = lines[-1] if len(lines) > 1 else {}
        cut_back(path, length)
        if not lines:
            self._append(task)

    def step(self, state: Mapping[str, Any]) -> None:
        """Write where the run stands, durably."""
        self.state = dict(state)
        self._append(state)

    def _append(self, line: Mapping[str, Any]) -> None:
        with self.path.open("ab") as file:
            file.write(json.dumps(line).encode() + b"\n")
            sync(file)


def begun(path: Path, task: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the task of the run to go on with: this one, or another that got somewhere."""
    lines, _ = _whole_lines(path)
    return lines[0] if len(lines) > 1 or lines == [task] else None


def cut_back(path: Path, length: int) -> None:
    """Drop what stands in a file behind *length* bytes; make it if it is missing.

    Raises:
        ResumeError: If it has fewer.
    """
    make_folder(path.parent)
    path.touch()
    if path.stat().st_size < length:
        sizes = f"{path.stat().st_size} bytes, {length} were written"
        raise ResumeError(f"{path} has {sizes}: it was changed; remove it and start over")
    os.truncate(path, length)


@contextmanager
def held_lines(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for appending, and keep other processes from it until the block ends.

    The lock ends with the process, however it ends. Where there are no locks, on Windows and
    some network disks, there is none.

    Raises:
        ResumeError: If another process has the lock.
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


def as_task(**values: Any) -> dict[str, Any]:
    """Return what an output depends on as it is read back from a journal or a record."""
    return json.loads(json.dumps(values, default=str))  # type: ignore[no-any-return]


def identity_of(score: Any) -> Any:
    """Return what distinguishes a scorer's results from those of others, as JSON values."""
    return getattr(score, "identity", f"{type(score).__module__}.{type(score).__qualname__}")


def record_path(target: Path) -> Path:
    """Return the file that says what a finished output was made from."""
    return target.with_name(f"{target.name}.emo2vec.json")


def write_record(target: Path, *, task: Mapping[str, Any], **results: Any) -> None:
    """Write what an output was made from and what came of it; the caller holds the output."""
    document = json.dumps({"task": task, **results}, indent=2) + "\n"
    write_whole(record_path(target), document, locked=True)


def recorded(target: Path, *, task: Mapping[str, Any], result: str) -> Any:
    """Return one result of a finished output; None if there is no output yet.

    Raises:
        ResumeError: If the output is not of this task.
    """
    if not target.exists():
        return None
    path = record_path(target)
    record = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    if result not in record:
        raise ResumeError(f"{target} is there already; remove it or write elsewhere")
    if record["task"] != task:
        how = differences(record["task"], task)
        raise ResumeError(f"{target} is there, made otherwise: {how}. Remove it or write elsewhere")
    return record[result]


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return in words how two tasks differ; of their ``input``, only that it has changed."""
    before, after = dict(_flat(then)), dict(_flat(now))
    said = [
        "the input has changed"
        if name.startswith("input.")
        else f"{name} was {_short(before.get(name))}, is {_short(after.get(name))}"
        for name in sorted(before | after)
        if before.get(name) != after.get(name)
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
    # A killed process may leave half a line; a line is whole once it has its end.
    whole = whole[: whole.rfind(b"\n") + 1]
    return [json.loads(line) for line in whole.splitlines()], len(whole)
