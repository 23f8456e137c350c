"""Measurements, and the statistics computed from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

import numpy as np

from emo2vec_plugins.bench.subjects import Loaded, Round, Scores, Subject

SCHEMA = 1
"""Version of the JSON document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """Speed relative to the reference, computed round by round.

    Attributes:
        median: Median over the rounds.
        lowest: Lowest ratio of a round.
        highest: Highest ratio of a round.
    """

    median: float
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Difference of scores from those of torch in float32.

    Attributes:
        probability: Largest difference of any class's probability.
        logit: Largest difference of any class's logit.
        cosine: Smallest cosine similarity of the two embeddings of a turn.
        same_label: Share of turns with the same label.
    """

    probability: float
    logit: float
    cosine: float
    same_label: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """Annotation of one recording of a given length, from file to file.

    Attributes:
        hours: Length of the audio.
        turns: Number of turns.
        seconds: Duration of the annotation.
        memory: Peak memory in bytes, minus memory of the loaded model.
    """

    hours: float
    turns: int
    seconds: float
    memory: int | None


@dataclass(slots=True, kw_only=True)
class Measured:
    """All measurements of one subject. Lists grow round by round; other fields are set at the end.

    Attributes:
        rounds: Rounds in memory, from samples to labels.
        end_to_end: Seconds of each round from files to files; empty if not requested.
        lengths: Recordings of several lengths; empty if not requested.
        ratio: None without a reference.
        difference: None for the comparable network, and if torch in float32 did not run.
        flop: Operations per round; None if unknown.
        peak: Operations per second of the machine's fastest matrix product in the same data
            type; None if unsupported.
    """

    subject: Subject
    loaded: Loaded
    audio_seconds: float
    turns: int
    rounds: list[Round] = field(default_factory=list)
    end_to_end: list[float] = field(default_factory=list)
    lengths: list[Length] = field(default_factory=list)
    ratio: Ratio | None = None
    end_to_end_ratio: Ratio | None = None
    difference: Difference | None = None
    flop: int | None = None
    peak: float | None = None

    @property
    def round_seconds(self) -> list[float]:
        """Duration of each round."""
        return [each.seconds for each in self.rounds]

    @property
    def seconds(self) -> float:
        """Median duration of a round, which a single disturbed round does not affect."""
        return median(self.round_seconds)

    @property
    def speed(self) -> float:
        """Seconds of audio per second: times real time."""
        return self.audio_seconds / self.seconds

    @property
    def turns_per_second(self) -> float:
        """Turns per second in the median round."""
        return self.turns / self.seconds

    @property
    def end_to_end_speed(self) -> float | None:
        """Times real time, from files to files."""
        return self.audio_seconds / median(self.end_to_end) if self.end_to_end else None

    @property
    def memory(self) -> int | None:
        """Peak bytes of all rounds: on the device if it has its own memory, else in the process."""
        # On a GPU the process's own memory is little more than the driver's libraries.
        device = [each.device_memory for each in self.rounds if each.device_memory is not None]
        own = [each.memory for each in self.rounds if each.memory is not None]
        return max(device or own, default=None)

    @property
    def limit(self) -> float | None:
        """Times real time if all work ran at the speed of the machine's matrix product."""
        if self.flop is None or self.peak is None:
            return None
        return self.peak * self.audio_seconds / self.flop

    @property
    def share(self) -> float | None:
        """Speed as a share of *limit*."""
        return None if self.limit is None else self.speed / self.limit

    def to_json(self) -> dict[str, Any]:
        """Return the statistics and the rounds that they come from."""
        from_files = {
            "times_real_time": self.end_to_end_speed,
            "ratio_to_reference": _plain(self.end_to_end_ratio),
            "seconds": list(self.end_to_end),
        }
        return {
            "name": self.subject.name,
            "times_real_time": self.speed,
            "turns_per_second": self.turns_per_second,
            "memory": self.memory,
            "ratio_to_reference": _plain(self.ratio),
            "flop_per_second": None if self.flop is None else self.flop / self.seconds,
            "peak_flop_per_second": self.peak,
            "share_of_peak": self.share,
            "limit_times_real_time": self.limit,
            "difference_to_float32": _plain(self.difference),
            "loaded": asdict(self.loaded),
            "rounds": [asdict(each) for each in self.rounds],
            "end_to_end": from_files if self.end_to_end else None,
            "lengths": [asdict(each) for each in self.lengths],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All measurements of one run.

    Attributes:
        about: Date, command, machine, versions, model and turns, as JSON values.
        measured: Measured subjects, in the requested order.
        left_out: Reasons why other subjects did not run, by name.
        peaks: Operations per second of the matrix product in each round, by dtype.
    """

    about: Mapping[str, Any]
    measured: tuple[Measured, ...]
    left_out: Mapping[str, str]
    peaks: Mapping[str, Sequence[float]]

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            "schema": SCHEMA,
            **self.about,
            "peaks": {dtype: list(each) for dtype, each in self.peaks.items()},
            "subjects": [each.to_json() for each in self.measured],
            "left_out": dict(self.left_out),
        }


def _plain(value: Any) -> dict[str, Any] | None:
    return None if value is None else asdict(value)


def ratio(seconds: Sequence[float], reference: Sequence[float]) -> Ratio | None:
    """Compare the rounds of two subjects; None without rounds.

    >>> ratio([1.0, 2.0, 1.0], [3.0, 4.0, 5.0])
    Ratio(median=3.0, lowest=2.0, highest=5.0)
    """
    # Round by round: a temporary slowdown affects both sides of one ratio.
    ratios = [theirs / own for own, theirs in zip(seconds, reference, strict=True)]
    if not ratios:
        return None
    return Ratio(median=median(ratios), lowest=min(ratios), highest=max(ratios))


def difference(scores: Scores | None, truth: Scores | None) -> Difference | None:
    """Compare two subjects' predictions for the same turns; None if either has no scores."""
    if scores is None or truth is None:
        return None
    products = (scores.embeddings * truth.embeddings).sum(axis=1)
    norms = np.linalg.norm(scores.embeddings, axis=1) * np.linalg.norm(truth.embeddings, axis=1)
    same = [a == b for a, b in zip(scores.labels, truth.labels, strict=True)]
    return Difference(
        probability=float(np.abs(scores.probabilities - truth.probabilities).max()),
        logit=float(np.abs(scores.logits - truth.logits).max()),
        cosine=float((products / norms).min()),
        same_label=sum(same) / len(same),
    )
