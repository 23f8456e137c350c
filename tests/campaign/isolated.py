"""Runs cases in a child process that may use little memory and time, and may die."""

from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import signal
import traceback
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from campaign.damage import is_sound
from campaign.readers import REFUSED, UNPARSED, Reader

MEMORY = 2 << 30
"""Bytes that a reader may need beyond the process before it."""

SECONDS = 30
"""Seconds of processor time that a reader may take, whatever else the machine does."""

PATIENCE = 300
"""Seconds until the parent takes a child that does not answer for one that waits for ever."""


@dataclass(slots=True)
class Tally:
    """Outcomes of cases.

    Attributes:
        outcomes: Number of cases by outcome.
        failures: What went wrong, with the folder of each case.
        parts: Number of cases by outcome, by the name of the reader or command.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    parts: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    @property
    def cases(self) -> int:
        """Number of cases."""
        return self.outcomes.total()

    def add(self, other: Tally) -> None:
        """Add the counts of another tally."""
        self.outcomes += other.outcomes
        self.failures += other.failures
        for name, counts in other.parts.items():
            self.parts[name] += counts

    def count(self, outcome: str, part: str) -> None:
        """Count one case."""
        self.outcomes[outcome] += 1
        self.parts[part][outcome] += 1


class Watch:
    """In the child: runs cases and reports their outcomes.

    Args:
        folder: Folder of the current case; emptied before the next.
        pipe: Where outcomes go.
    """

    def __init__(self, folder: Path, pipe: Connection) -> None:
        self.folder = folder
        self._pipe = pipe
        signal.signal(signal.SIGPROF, _too_slow)
        warnings.simplefilter("ignore")  # what a format drops is not a find
        # Paths in manifests are relative to the working directory.
        folder.mkdir(parents=True, exist_ok=True)
        os.chdir(folder)

    def cases(
        self,
        reader: Reader,
        files: st.SearchStrategy[bytes],
        *,
        n: int,
        first: int,
        check: Callable[[str], str] = str,
    ) -> None:
        """Run *n* cases of a reader.

        Args:
            reader: The reader.
            files: Draws the content of its file.
            n: Number of cases.
            first: The seed.
            check: Gets the outcome of a case and returns it; raises if a promise was broken.
        """

        def fill(data: bytes, folder: Path) -> str:
            for name, content in {**reader.others, reader.file: data}.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(content)
            return f"{len(data)} bytes"

        @seed(first)
        @settings(
            max_examples=n,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            suppress_health_check=[*HealthCheck],
        )
        @given(files)
        def one(data: bytes) -> None:
            refusal = REFUSED if is_sound(data, reader.shape) else UNPARSED

            def run(folder: Path) -> str:
                outcome = check(reader.read(folder))
                return refusal if outcome == REFUSED else outcome

            self.case(partial(fill, data), run)

        fill(reader.sample, self.folder)
        reader.read(self.folder)  # imports what the reader needs, which no limit is meant for
        one()

    def case(self, prepare: Callable[[Path], str], run: Callable[[Path], str]) -> None:
        """Run one case.

        Args:
            prepare: Writes the input into a folder and describes it.
            run: Reads the input and returns the outcome; an exception is a failure.
        """
        for path in self.folder.iterdir():  # the folder itself stays: it is the working directory
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        self._pipe.send(("begin", prepare(self.folder)))
        try:
            with _limits():
                outcome = ("outcome", run(self.folder))
        except Exception as error:  # noqa: BLE001 - any exception is a find
            outcome = ("failed", described(error))
        self._pipe.send(outcome)
        if outcome[0] == "failed":
            self._pipe.recv()  # the parent has copied the folder


@contextmanager
def _limits() -> Iterator[None]:
    """Limit the memory and the processor time of a reader, but not those of the campaign."""
    size = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, before[1]))
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, before)


def shares(n: int, parts: int) -> list[int]:
    """Return how many of *n* cases each part gets: at least one, and otherwise equally many."""
    return [max(1, n // parts + (number < n % parts)) for number in range(parts)]


def run_isolated(work: Callable[[Watch], None], *, scratch: Path, keep: Path, name: str) -> Tally:
    """Run *work* in a child process and count the outcomes of its cases.

    A child that dies or is stuck ends the run; its case counts as failed.

    Args:
        work: Calls `Watch.case` for each case.
        scratch: Folder for the cases.
        keep: Where to copy the folder of a case that failed.
        name: Name of the copies.
    """
    context = multiprocessing.get_context("fork")  # the parent has imported everything
    pipe, theirs = context.Pipe()
    child = context.Process(target=_child, args=(work, scratch / name, theirs))
    child.start()
    theirs.close()
    tally, case = Tally(), "before the first case"
    while message := _next(pipe):
        kind, text = message
        if kind == "begin":
            case = text
        elif kind == "outcome":
            tally.count(text, name)
        else:
            tally.count("failed", name)
            kept = _copied(scratch / name, keep)
            tally.failures.append(f"{name}: {case}: {text.strip()} [{kept}]")
            if kind == "stuck":
                child.kill()
                break
            pipe.send("go on")
    child.join()
    if child.exitcode and not _was_killed(tally, child.exitcode):
        tally.count("failed", name)
        kept = _copied(scratch / name, keep)
        tally.failures.append(f"{name}: {case}: died with status {child.exitcode} [{kept}]")
    return tally


def described(error: BaseException) -> str:
    """Return an exception and the last places of the package that it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{Path(each.filename).name}:{each.lineno}" for each in frames]
    cause = f", from {described(error.__cause__)}" if error.__cause__ else ""
    return f"{type(error).__name__}: {str(error)[:300]} ({' < '.join(places[:-6:-1])}){cause}"


def _next(pipe: Connection) -> tuple[str, str] | None:
    try:
        if not pipe.poll(PATIENCE):
            return "stuck", f"no answer for {PATIENCE} s"
        message: tuple[str, str] = pipe.recv()
    except EOFError:
        return None
    return message


def _was_killed(tally: Tally, status: int) -> bool:
    return status == -signal.SIGKILL and any("no answer" in each for each in tally.failures)


def _copied(folder: Path, keep: Path) -> Path:
    number = 1 + len([*keep.glob(f"{folder.name}-*")])
    kept = keep / f"{folder.name}-{number}"
    if folder.is_dir():
        shutil.copytree(folder, kept, symlinks=True)
    return kept


def _child(work: Callable[[Watch], None], folder: Path, pipe: Connection) -> None:
    # A forked child lacks the other threads of torch's pool, and would wait for them for ever.
    torch.set_num_threads(1)
    torch.set_num_threads = lambda count: None  # FunASR sets 4 threads
    work(Watch(folder, pipe))


def _too_slow(*_: Any) -> None:
    raise TimeoutError(f"over {SECONDS} s of processor time")
