"""One run: all subjects alternate, round by round, each in a separate process."""

from __future__ import annotations

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
from emo2vec_plugins.bench.subjects import PEER, REFERENCE, TRUTH, Scores, Subject, Task
from emo2vec_plugins.bench.turns import Distribution, draw
from emo2vec_plugins.bench.weights import Weights
from emo2vec_plugins.errors import Emo2vecError, OptionsError
from emo2vec_plugins.files import disk

SETTLE = 0.3
"""Pause in seconds between two rounds, so that threads of the previous one go to sleep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to measure.

    Attributes:
        subjects: Subjects to measure; those that cannot run are left out.
        weights: The model.
        turns: Distribution of turn lengths.
        seconds: Approximate seconds of audio per round.
        seed: Seed of the turns and their audio.
        repeats: Number of rounds, after one warm-up round.
        device: Full name of the device.
        threads: CPU threads; None for each library's default.
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
        folder: Folder for temporary files.
        announce: Called with a description before each step.

    Raises:
        OptionsError: If no subject can run.
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
        run.each("comparing", run.entries, run.fetch_scores)
        for hours in plan.hours:
            run.go_through(hours)
        return run.report()


@dataclass
class _Entry:
    """A running subject and its measurements so far."""

    remote: Remote
    found: Measured
    scores: Scores | None = None

    @property
    def subject(self) -> Subject:
        return self.found.subject


@dataclass
class _Run:
    """A run with its remaining subjects; a subject that fails is left out from then on."""

    plan: Plan
    task: Task
    folder: Path
    stack: ExitStack
    announce: Callable[[str], None]

    def __post_init__(self) -> None:
        self.entries: list[_Entry] = []
        self.left_out: dict[str, str] = {}
        self.peaks: dict[str, list[float]] = defaultdict(list)
        self.numbers = count()
        self.multiplier = self.remote(Peaks, self.plan.device, self.plan.threads)
        self.recordings = self.folder / "recordings"

    def load(self) -> None:
        """Load every subject, and run it once on all turns as a warm-up."""
        if self.plan.end_to_end:
            write_recordings(self.recordings, self.task.lengths, seed=self.plan.seed)
        for subject in self.plan.subjects:
            self.announce(f"loading {subject.name}")
            try:
                remote = self.remote(load, subject, self.task)
            except Emo2vecError as error:
                self.left_out[subject.name] = str(error)
                continue
            lengths = self.task.lengths
            audio, loaded = sum(lengths) / MODEL_RATE, remote.call("loaded")
            found = Measured(
                subject=subject, loaded=loaded, audio_seconds=audio, turns=len(lengths)
            )
            self.entries.append(_Entry(remote, found))
        self.each("warming up", self.entries, self.time)
        for entry in self.entries:
            entry.found.rounds.clear()
            entry.found.end_to_end.clear()

    def go_round(self, number: int) -> None:
        """Run each subject once on all turns, starting with a different one in each round."""
        # The first in a round finds an idle machine, so each subject is first equally often.
        first = number % len(self.entries)
        order = [*self.entries[first:], *self.entries[:first]]
        step = f"round {number + 1} of {self.plan.repeats}"
        self.each(step, order, self.time)
        self.announce(f"{step}: matrix products")
        for dtype in sorted({entry.subject.dtype for entry in self.entries}):
            time.sleep(SETTLE)
            peak = self.multiplier.call("measure", dtype)
            if peak is not None:  # torch supports this dtype here
                self.peaks[dtype].append(peak)

    def time(self, entry: _Entry) -> None:
        """Run a subject once on all turns and, if requested, from files to files."""
        time.sleep(SETTLE)
        entry.found.rounds.append(entry.remote.call("run"))
        if self.plan.end_to_end and entry.subject.takes_files:
            seconds, _ = entry.remote.call("annotate", self.recordings, self.target())
            entry.found.end_to_end.append(seconds)

    def fetch_scores(self, entry: _Entry) -> None:
        """Fetch a subject's scores."""
        entry.scores = entry.remote.call("scores")

    def go_through(self, hours: float) -> None:
        """Have each subject annotate one recording of *hours*."""
        lengths = draw(self.plan.turns, seconds=hours * 3600, seed=self.plan.seed)
        recordings = self.folder / f"{hours:g} hours"
        write_recordings(recordings, lengths, seed=self.plan.seed, per_recording=len(lengths))

        def annotate(entry: _Entry) -> None:
            seconds, most = entry.remote.call("annotate", recordings, self.target())
            drawn = recorded(lengths) / 3600
            found = Length(hours=drawn, turns=len(lengths), seconds=seconds, memory=most)
            entry.found.lengths.append(found)

        able = [entry for entry in self.entries if entry.subject.takes_files]
        self.each(f"{hours:g} hours of audio", able, annotate)
        disk.remove_tree(recordings)

    def report(self) -> Report:
        """Return all results."""
        reference = next((e.found for e in self.entries if e.subject.way == REFERENCE), None)
        truth = next((e.scores for e in self.entries if e.subject.name == TRUTH), None)
        weights, lengths = self.plan.weights, self.task.lengths
        for entry in self.entries:
            found = entry.found
            if reference is not None:
                found.ratio = ratio(found.round_seconds, reference.round_seconds)
            if reference is not None and found.subject.takes_files:
                found.end_to_end_ratio = ratio(found.end_to_end, reference.end_to_end)
            found.difference = difference(entry.scores, truth)
            if found.subject.way != PEER:
                found.flop = flop(weights.config, lengths, labels=weights.labels)
            found.peak = max(self.peaks.get(found.subject.dtype, ()), default=None)
        turns = {
            "source": self.plan.turns.source,
            "count": len(lengths),
            "seconds": sum(lengths) / MODEL_RATE,
            "samples": list(lengths),
        }
        repeats, seed = self.plan.repeats, self.plan.seed
        return Report(
            about={"turns": turns, "model": weights.name, "repeats": repeats, "seed": seed},
            measured=tuple(entry.found for entry in self.entries),
            left_out=self.left_out,
            peaks=self.peaks,
        )

    def each(self, step: str, entries: Sequence[_Entry], do: Callable[[_Entry], None]) -> None:
        """Call *do* for each subject; leave out subjects that fail from then on."""
        for entry in entries:
            self.announce(f"{step}: {entry.subject.name}")
            try:
                do(entry)
            except Emo2vecError as error:
                self.left_out[entry.subject.name] = str(error)
                entry.remote.close()
        self.entries = [each for each in self.entries if each.subject.name not in self.left_out]
        if not self.entries:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in self.left_out.items())
            raise OptionsError(f"no subject can run here: {reasons}")

    def remote(self, make: Callable[..., Any], *arguments: Any) -> Remote:
        """Create an object in a separate process, which ends with the run."""
        remote = Remote(make, *arguments, log=self.folder / f"process-{next(self.numbers)}.log")
        self.stack.callback(remote.close)
        return remote

    def target(self) -> Path:
        """Return the path of a new folder for results."""
        return self.folder / f"results-{next(self.numbers)}"
