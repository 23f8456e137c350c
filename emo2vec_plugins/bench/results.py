"""What was measured, and the arithmetic that makes figures of it."""

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
    """How many times as fast as the reference, round by round.

    Attributes:
        median: Of the rounds.
        lowest: Of the rounds.
        highest: Of the rounds.
    """

    median: float
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How far scores are from those of float32 in torch.

    Attributes:
        probability: The largest difference of a class's probability.
        logit: The largest difference of a class's logit.
        cosine: The smallest cosine between two embeddings of one turn.
        same_label: Share of the turns that have the same label.
    """

    probability: float
    logit: float
    cosine: float
    same_label: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """One recording of some length, from file to file.

    Attributes:
        hours: Of audio.
        turns: In it.
        seconds: That it took.
        memory: Most bytes above those of the loaded model.
    """

    hours: float
    turns: int
    seconds: float
    memory: int | None


@dataclass(slots=True, kw_only=True)
class Measured:
    """All of one subject; lists grow round by round, the rest is known in the end.

    Attributes:
        rounds: In memory: from samples to labels.
        end_to_end: Seconds from files to files, a round each; empty if not asked for.
        lengths: Recordings of growing length; empty if not asked for.
        ratio: None without a reference.
        difference: None of the peer, or without float32 in torch.
        flop: Operations in one round; None where they are not known.
        peak: Operations per second of the machine's fastest matrix product in the same
            arithmetic; None where there is none.
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
        """Of each round."""
        return [each.seconds for each in self.rounds]

    @property
    def seconds(self) -> float:
        """Of a round, the median: one that was disturbed does not count."""
        return median(self.round_seconds)

    @property
    def speed(self) -> float:
        """Seconds of audio in a second: times real time."""
        return self.audio_seconds / self.seconds

    @property
    def turns_per_second(self) -> float:
        """Of the median round."""
        return self.turns / self.seconds

    @property
    def end_to_end_speed(self) -> float | None:
        """Times real time from files to files."""
        return self.audio_seconds / median(self.end_to_end) if self.end_to_end else None

    @property
    def memory(self) -> int | None:
        """Most bytes of a round, and of the device where it has its own."""
        # On a GPU the process itself holds little more than the driver's libraries.
        device = [each.device_memory for each in self.rounds if each.device_memory is not None]
        own = [each.memory for each in self.rounds if each.memory is not None]
        return max(device or own, default=None)

    @property
    def limit(self) -> float | None:
        """Times real time at which the machine's matrix product would do the same work."""
        if self.flop is None or self.peak is None:
            return None
        return self.peak * self.audio_seconds / self.flop

    @property
    def share(self) -> float | None:
        """Of the machine's matrix product that is reached."""
        return None if self.limit is None else self.speed / self.limit

    def to_json(self) -> dict[str, Any]:
        """Return figures, and the rounds that they come from."""
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
    """All that one run measured.

    Attributes:
        about: Date, command, machine, versions, model and turns, as JSON values.
        measured: In the order in which they were asked for.
        left_out: Subjects that did not run, with the reason.
        peaks: Operations per second of each round, by arithmetic.
    """

    about: Mapping[str, Any]
    measured: tuple[Measured, ...]
    left_out: Mapping[str, str]
    peaks: Mapping[str, Sequence[float]]

    def to_json(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
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
    """Compare rounds that were run side by side; None if there are none.

    >>> ratio([1.0, 2.0, 1.0], [3.0, 4.0, 5.0])
    Ratio(median=3.0, lowest=2.0, highest=5.0)
    """
    # Round by round: what slows the machine for a while slows both sides of one ratio.
    ratios = [theirs / own for own, theirs in zip(seconds, reference, strict=True)]
    if not ratios:
        return None
    return Ratio(median=median(ratios), lowest=min(ratios), highest=max(ratios))


def difference(scores: Scores | None, truth: Scores | None) -> Difference | None:
    """Compare what two subjects predicted for the same turns; None if one has no scores."""
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
