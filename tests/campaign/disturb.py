"""Runs that are killed, fail or find flipped bits, and the run after each.

A disturbance strikes before one chosen operation of `emo2vec_plugins.files.disk`. Afterwards the
same command must end as if nothing had happened: the same bytes in the same files.
"""

from __future__ import annotations

import contextlib
import errno
import os
import random
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from campaign.isolated import Tally, Watch, run_isolated, shares
from campaign.scenarios import Scenario
from emo2vec_plugins.files import disk

KILL = "kill"
FAULTS = ("ENOSPC", "EIO", "EDQUOT", "short write")


def kill(scenarios: Sequence[Scenario], *, n: int, first: int, scratch: Path, keep: Path) -> Tally:
    """Kill *n* runs, each before a random operation, and run each command again.

    Args:
        scenarios: The commands.
        n: Number of kills in all, at least one for each scenario.
        first: The seed.
        scratch: Folder for the runs.
        keep: Folder for the runs that failed.
    """
    return _each(scenarios, _killed, n=n, first=first, scratch=scratch, keep=keep)


def fault(scenarios: Sequence[Scenario], *, n: int, first: int, scratch: Path, keep: Path) -> Tally:
    """Let one operation of *n* runs fail; the arguments are those of `kill`."""
    return _each(scenarios, _faulty, n=n, first=first, scratch=scratch, keep=keep)


def flip(scenarios: Sequence[Scenario], *, n: int, first: int, scratch: Path, keep: Path) -> Tally:
    """Kill *n* runs and flip one bit of what they left; the arguments are those of `kill`."""
    usable = [each for each in scenarios if each.resumes]
    return _each(usable, _flipped, n=n, first=first, scratch=scratch, keep=keep)


Disturb = Callable[[Scenario, int, random.Random, Path, dict[str, bytes]], str]


def _each(
    scenarios: Sequence[Scenario],
    disturb: Disturb,
    *,
    n: int,
    first: int,
    scratch: Path,
    keep: Path,
) -> Tally:
    tally = Tally()
    for scenario, share in zip(scenarios, shares(n, len(scenarios)), strict=True):
        chance = random.Random(f"{first} {scenario.name}")

        def work(
            watch: Watch, scenario: Scenario = scenario, share: int = share, chance: Any = chance
        ) -> None:
            count, wanted = _undisturbed(scenario, watch.folder)
            for _ in range(share):
                step = chance.randrange(count)

                def prepare(folder: Path, step: int = step) -> str:
                    scenario.prepare(folder)
                    return f"operation {step} of {count}"

                def run(folder: Path, step: int = step) -> str:
                    outcome = disturb(scenario, step, chance, folder, wanted)
                    if outcome.startswith("refused"):
                        return outcome
                    _check(scenario, folder, wanted)
                    return outcome

                watch.case(prepare, run)

        tally.add(run_isolated(work, scratch=scratch, keep=keep, name=scenario.name))
    return tally


def _undisturbed(scenario: Scenario, folder: Path) -> tuple[int, dict[str, bytes]]:
    """Return the number of operations of a run, and its results."""
    scenario.prepare(folder)
    counter = folder / "operations"
    status, _ = _forked(scenario, folder, lambda: _counted(counter))
    assert status == 0, f"{scenario.name}: the undisturbed run ended with {status}"
    count = int(counter.read_text("ascii"))
    counter.unlink()
    return count, scenario.results(folder)


def _check(scenario: Scenario, folder: Path, wanted: dict[str, bytes]) -> None:
    status, output = _forked(scenario, folder, contextlib.nullcontext)
    assert status == 0, f"the run after it ended with {status}: {output[-300:]}"
    _compare(scenario.results(folder), wanted)


def _compare(found: dict[str, bytes], wanted: dict[str, bytes]) -> None:
    extra, missing = sorted(found.keys() - wanted.keys()), sorted(wanted.keys() - found.keys())
    assert not extra, f"left over: {extra}"
    assert not missing, f"missing: {missing}"
    other = [name for name in wanted if found[name] != wanted[name] and not name.endswith("sha256")]
    assert not other, f"other bytes in {other}"


def _killed(
    scenario: Scenario, step: int, _: random.Random, folder: Path, __: dict[str, bytes]
) -> str:
    status, output = _forked(scenario, folder, lambda: _striking(step, _suicide))
    assert status == -signal.SIGKILL, f"not killed, ended with {status}: {output[-300:]}"
    return "equal bytes"


def _faulty(
    scenario: Scenario, step: int, chance: random.Random, folder: Path, wanted: dict[str, bytes]
) -> str:
    kind = chance.choice(FAULTS)
    strike = _short if kind == "short write" else _failure(getattr(errno, kind))
    status, output = _forked(scenario, folder, lambda: _striking(step, strike))
    assert "Traceback" not in output, output[-1500:]
    assert "this is a bug" not in output, output[-500:]
    assert status in (0, 1, 3), f"{kind}: ended with {status}: {output[-300:]}"
    if status == 0:  # such as a failure to remove a temporary file, which is left over then
        found = scenario.results(folder)
        _compare({name: data for name, data in found.items() if name in wanted}, wanted)
    return "equal bytes"


def _flipped(
    scenario: Scenario, step: int, chance: random.Random, folder: Path, _: dict[str, bytes]
) -> str:
    before = scenario.results(folder)
    _forked(scenario, folder, lambda: _striking(step, _suicide))
    new = {name: data for name, data in scenario.results(folder).items() if name not in before}
    # Damage to a linked file, which is an input, or to a model card, which people complete, is not
    # found, and must not be.
    left = [
        name
        for name in new
        if new[name] and (folder / name).stat().st_nlink == 1 and Path(name).name != "README.md"
    ]
    if not left:
        return "nothing left"
    path = folder / chance.choice(left)
    data = bytearray(path.read_bytes())
    place = chance.randrange(len(data))
    data[place] ^= 1 << chance.randrange(8)
    path.write_bytes(data)
    status, output = _forked(scenario, folder, contextlib.nullcontext)
    if status:
        assert status == 1, f"{path.name} byte {place}: ended with {status}: {output[-300:]}"
        known = {part for name in new for part in Path(name).parts}
        assert any(name in output for name in known), f"no name: {output[-300:]}"
        assert "this is a bug" not in output, output[-500:]
        return "refused"
    return "equal bytes"


def _forked(scenario: Scenario, folder: Path, disturbed: Callable[[], Any]) -> tuple[int, str]:
    """Run a scenario in a child process; return its exit status and what it printed."""
    log = folder.with_name(f"{folder.name}.log")
    child = os.fork()
    if child == 0:
        output = os.open(log, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdout = sys.stderr = os.fdopen(output, "w", 1, "utf-8", "backslashreplace")
        os.chdir(folder)
        status = 99
        try:
            with disturbed():
                status = scenario.run()
        finally:
            os._exit(status)
    _, ended = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(ended), log.read_text("utf-8", "replace")


@contextlib.contextmanager
def _replaced(wrap: Callable[[Callable[..., Any], str], Callable[..., Any]]) -> Any:
    old = {name: getattr(disk, name) for name in disk.OPERATIONS}
    for name, function in old.items():
        setattr(disk, name, wrap(function, name))
    try:
        yield
    finally:
        for name, function in old.items():
            setattr(disk, name, function)


@contextlib.contextmanager
def _counted(file: Path) -> Any:
    count = 0

    def wrap(function: Callable[..., Any], _: str) -> Callable[..., Any]:
        def counting(*given: Any, **named: Any) -> Any:
            nonlocal count
            count += 1
            return function(*given, **named)

        return counting

    try:
        with _replaced(wrap):
            yield
    finally:
        file.write_text(str(count), "ascii")


@contextlib.contextmanager
def _striking(step: int, strike: Callable[..., Any]) -> Any:
    """Strike instead of, or before, the operation number *step*, counted from 0."""
    count = 0

    def wrap(function: Callable[..., Any], name: str) -> Callable[..., Any]:
        def striking(*given: Any, **named: Any) -> Any:
            nonlocal count
            count += 1
            if count == step + 1:
                return strike(name, function, *given, **named)
            return function(*given, **named)

        return striking

    with _replaced(wrap):
        yield


def _suicide(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _failure(number: int) -> Callable[..., Any]:
    def fail(name: str, *_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number), name)

    return fail


def _short(name: str, function: Callable[..., Any], *given: Any, **named: Any) -> Any:
    if name == "write" and len(given[1]) > 1:
        return function(given[0], bytes(given[1])[: len(given[1]) // 2])
    return function(*given, **named)
