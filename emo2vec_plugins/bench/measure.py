"""One run: all subjects side by side, round by round, each in a process of its own."""

from __future__ import annotations

import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from emo2vec_plugins.audio import MODEL_RATE
from emo2vec_plugins.bench.files import recorded, write_recordings
from emo2vec_plugins.bench.flops import Peaks, flop
from emo2vec_plugins.bench.remote import Remote
from emo2vec_plugins.bench.results import Length, Measured, Report, difference, ratio
from emo2vec_plugins.bench.runners import load
from emo2vec_plugins.bench.subjects import (
    PEER,
    REFERENCE,
    TRUTH,
    Loaded,
    Round,
    Scores,
    Subject,
    Task,
)
from emo2vec_plugins.bench.turns import Distribution, draw
from emo2vec_plugins.bench.weights import Weights
from emo2vec_plugins.errors import Emo2vecError, OptionsError

SETTLE = 0.3
"""Seconds between two rounds, for the threads of the one before to go to sleep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to measure.

    Attributes:
        subjects: Of which those that cannot run are left out.
        weights: Of the model.
        turns: How long turns are.
        seconds: Of audio in a round, about.
        seed: Of the turns and their sound.
        repeats: Rounds, after one to warm up.
        device: By its full name.
        threads: Of the CPU; None for each library's own choice.
        end_to_end: Whether to measure from files to files, too.
        hours: Lengths of recordings to annotate from file to file, once each.
    """

    subjects: tuple[Subject, ...]
    weights: Weights
    turns: Distribution
    seconds: float
    seed: int
    repeats: int
    device: str
    threads: int | None
    end_to_end: bool
    hours: tuple[float, ...]


def measure(plan: Plan, folder: Path, *, announce: Callable[[str], None]) -> Report:
    """Measure all subjects that can run here.

    Args:
        plan: What to measure.
        folder: For what is written on the way.
        announce: Called with a line before each step.

    Raises:
        OptionsError: If none can.
    """
    task = Task(
        folder=plan.weights.folder,
        lengths=draw(plan.turns, seconds=plan.seconds, seed=plan.seed),
        seed=plan.seed,
        device=plan.device,
        threads=plan.threads,
    )
    with ExitStack() as stack:
        run = _Run(plan, task, folder, stack, announce)
        run.load()
        for number in range(plan.repeats):
            run.go_round(number)
        run.compare()
        for hours in plan.hours:
            run.go_through(hours)
        return run.report()


class _Entry:
    """One subject that runs, and what was measured of it so far."""

    def __init__(self, subject: Subject, remote: Remote) -> None:
        self.subject = subject
        self.remote = remote
        self.loaded: Loaded = remote.call("loaded")
        self.takes_files = subject.way != PEER
        self.rounds: list[Round] = []
        self.end_to_end: list[float] = []
        self.lengths: list[Length] = []
        self.scores: Scores | None = None

    @property
    def seconds(self) -> list[float]:
        """Of each round."""
        return [each.seconds for each in self.rounds]


class _Run:
    """The subjects that are left; one that fails on the way is left out, too."""

    def __init__(
        self,
        plan: Plan,
        task: Task,
        folder: Path,
        stack: ExitStack,
        announce: Callable[[str], None],
    ) -> None:
        self._plan = plan
        self._task = task
        self._folder = folder
        self._stack = stack
        self._announce = announce
        self._recordings = folder / "recordings" if plan.end_to_end else None
        self._entries: list[_Entry] = []
        self._left_out: dict[str, str] = {}
        self._peaks: dict[str, list[float]] = defaultdict(list)
        self._targets = count()

    def load(self) -> None:
        """Load every subject, and run it once on all turns to warm up."""
        if self._recordings is not None:
            write_recordings(self._recordings, self._task.lengths, seed=self._plan.seed)
        self._multiplier = self._remote(Peaks, self._plan.device, self._plan.threads)
        for subject in self._plan.subjects:
            self._announce(f"loading {subject.name}")
            try:
                remote = self._remote(load, subject, self._task)
                self._entries.append(_Entry(subject, remote))
            except Emo2vecError as error:
                self._left_out[subject.name] = str(error)
        self._each("warming up", self._entries, self._warm_up)

    def go_round(self, number: int) -> None:
        """Run each subject once on all turns, beginning with another one each time."""
        first = number % len(self._entries)
        order = [*self._entries[first:], *self._entries[:first]]
        self._each(f"round {number + 1} of {self._plan.repeats}", order, self._time)
        self._announce(f"round {number + 1} of {self._plan.repeats}: matrix products")
        for dtype in sorted({entry.subject.dtype for entry in self._entries}):
            time.sleep(SETTLE)
            found = self._multiplier.call("measure", dtype)
            if found is not None:
                self._peaks[dtype].append(found)

    def compare(self) -> None:
        """Fetch the scores of each subject."""

        def fetch(entry: _Entry) -> None:
            entry.scores = entry.remote.call("scores")

        self._each("comparing", self._entries, fetch)

    def go_through(self, hours: float) -> None:
        """Let each subject annotate one recording of so many hours."""
        lengths = draw(self._plan.turns, seconds=hours * 3600, seed=self._plan.seed)
        recordings = self._folder / f"{hours:g} hours"
        write_recordings(recordings, lengths, seed=self._plan.seed, per_recording=len(lengths))

        def annotate(entry: _Entry) -> None:
            seconds, most = entry.remote.call("annotate", recordings, self._target())
            hours = recorded(lengths) / 3600
            found = Length(hours=hours, turns=len(lengths), seconds=seconds, memory=most)
            entry.lengths.append(found)

        able = [entry for entry in self._entries if entry.takes_files]
        self._each(f"{hours:g} hours of audio", able, annotate)
        shutil.rmtree(recordings)

    def report(self) -> Report:
        """Return all figures."""
        return Report(
            about={
                "turns": {
                    "source": self._plan.turns.source,
                    "count": len(self._task.lengths),
                    "seconds": self._seconds,
                    "samples": list(self._task.lengths),
                },
                "model": self._plan.weights.name,
                "repeats": self._plan.repeats,
                "seed": self._plan.seed,
            },
            measured=tuple(self._measured(entry) for entry in self._entries),
            left_out=self._left_out,
            peaks=self._peaks,
        )

    @property
    def _seconds(self) -> float:
        return sum(self._task.lengths) / MODEL_RATE

    def _each(self, step: str, entries: Sequence[_Entry], do: Callable[[_Entry], None]) -> None:
        for entry in entries:
            self._announce(f"{step}: {entry.subject.name}")
            try:
                do(entry)
            except Emo2vecError as error:
                self._left_out[entry.subject.name] = str(error)
                entry.remote.close()
        self._entries = [each for each in self._entries if each.subject.name not in self._left_out]
        if not self._entries:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in self._left_out.items())
            raise OptionsError(f"nothing that was asked for can run here: {reasons}")

    def _warm_up(self, entry: _Entry) -> None:
        entry.remote.call("run")
        if self._recordings is not None and entry.takes_files:
            entry.remote.call("annotate", self._recordings, self._target())

    def _time(self, entry: _Entry) -> None:
        time.sleep(SETTLE)
        entry.rounds.append(entry.remote.call("run"))
        if self._recordings is not None and entry.takes_files:
            seconds, _ = entry.remote.call("annotate", self._recordings, self._target())
            entry.end_to_end.append(seconds)

    def _remote(self, make: Callable[..., Any], *arguments: Any) -> Remote:
        remote = Remote(make, *arguments, log=self._folder / f"process-{next(self._targets)}.log")
        self._stack.callback(remote.close)
        return remote

    def _target(self) -> Path:
        return self._folder / f"results-{next(self._targets)}"

    def _measured(self, entry: _Entry) -> Measured:
        reference = next((e for e in self._entries if e.subject.way == REFERENCE), None)
        truth = next((e.scores for e in self._entries if e.subject.name == TRUTH), None)
        weights, lengths = self._plan.weights, self._task.lengths
        return Measured(
            subject=entry.subject,
            loaded=entry.loaded,
            rounds=tuple(entry.rounds),
            audio_seconds=self._seconds,
            turns=len(lengths),
            end_to_end=tuple(entry.end_to_end),
            lengths=tuple(entry.lengths),
            ratio=ratio(entry.seconds, reference.seconds) if reference else None,
            end_to_end_ratio=(
                ratio(entry.end_to_end, reference.end_to_end)
                if reference and entry.takes_files
                else None
            ),
            difference=difference(entry.scores, truth),
            flop=(
                None
                if entry.subject.way == PEER
                else flop(weights.config, lengths, labels=weights.labels)
            ),
            peak=max(self._peaks.get(entry.subject.dtype, ()), default=None),
        )
