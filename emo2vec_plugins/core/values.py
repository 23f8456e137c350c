"""The values that everything else passes around: turns, emotions, and whole dialogues.

All are frozen. Times are seconds from the start of the recording; arrays are numpy arrays and
left out of comparison.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.core.composition import html_renderer
from emo2vec_plugins.errors import InvalidTurnError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.floating[Any]]
else:
    FloatArray = Any  # importing numpy takes longer than all that "emo2vec --help" does

FLAGS = ("short", "overlapped", "silent", "clipped", "windowed")
"""What can be said of a turn's audio, in the order in which results list it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One stretch of speech by one speaker, in seconds from the start of the recording.

    Bounds are applied where audio is read: truncated cuts have negative starts, RTTM files have
    turns of no length, and neither may be lost.

    Attributes:
        channel: One channel, several to be averaged, or None for the mean of all channels.

    Raises:
        InvalidTurnError: Unless ``start <= end``, both are finite, and channels are numbers.
    """

    start: float
    end: float
    speaker: str | None = None
    channel: int | tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        try:
            in_order = -math.inf < self.start <= self.end < math.inf
        except TypeError as error:
            raise InvalidTurnError(
                "a turn's start and end are numbers of seconds, "
                f"got {self.start!r} and {self.end!r}"
            ) from error
        if not in_order:
            raise InvalidTurnError(
                f"a turn needs start <= end, both finite, got {self.start} to {self.end}"
            )
        object.__setattr__(self, "channel", _channel(self.channel))

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.end - self.start


def _channel(given: Any) -> int | tuple[int, ...] | None:
    # Tables give numpy's integers, JSON gives lists.
    try:
        if isinstance(given, Iterable) and not isinstance(given, str):
            return tuple(map(int, given))
        return None if given is None else int(given)
    except (TypeError, ValueError) as error:
        raise InvalidTurnError(f"a turn's channel is a number or several, got {given!r}") from error


def as_turns(given: Any) -> tuple[Turn, ...]:
    """Return the turns of one recording.

    Raises:
        InvalidTurnError: If *given* is no iterable, or anything in it is no `Turn`.
    """
    if not isinstance(given, Iterable):
        raise InvalidTurnError(f"expected a list of turns, got one {type(given).__name__}")
    turns = tuple(given)
    for each in turns:
        if not isinstance(each, Turn):
            raise InvalidTurnError(f"expected a Turn(start=..., end=...), got {each!r:.100}")
    return turns


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Which model spoke, and what its scores depend on.

    Attributes:
        model: The name it was loaded by, or the folder's name.
        sha256: Digest of the weights file; empty for a back end without one.
        revision: The hub's commit, when it came from a hub.
        tokens: The raw lines of ``tokens.txt``, one per row of the head.
        resampler: What brings audio to the model's rate.
        dtype: Of the network's arithmetic.
        version: Of this package.
    """

    model: str
    sha256: str = ""
    revision: str | None = None
    tokens: tuple[str, ...] = ()
    resampler: str = ""
    dtype: str = "float32"
    version: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-serialisable values."""
        return {name: getattr(self, name) for name in self.__slots__} | {
            "tokens": list(self.tokens)
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Provenance:
        """Read back what `to_dict` gave, ignoring keys of later versions."""
        known = {name: values[name] for name in cls.__slots__ if name in values}
        return cls(**known | {"tokens": tuple(values.get("tokens", ()))})


@dataclass(frozen=True, slots=True, kw_only=True)
class Emotion:
    """What a model heard in one turn.

    A turn that could not be scored has no label and a reason. A model without a head gives
    embeddings, no label and no reason.

    Attributes:
        label: The most probable class, by its canonical name.
        score: Probability of *label*.
        scores: Probability of every class; sums to 1.
        logits: Mean over frames of each class's logit, from which *scores* come.
        flags: Some of `FLAGS`, in that order.
        reason: Why there is no label.
        duration: Seconds of audio that were scored, after bounds were applied; 0 where nothing
            was.
        overlap_ratio: Share of the turn in which another speaker is heard too; None where
            nobody knows who else speaks.
        embedding: Shape (width,), the mean of the frame embeddings.
        frame_embeddings: Shape (frames, width), 50 frames a second. Of a long turn, these and
            *frame_logits* are read-only, and lie in a temporary file until nobody needs them.
        frame_logits: Shape (frames, classes), classes in the order of *scores*.
        provenance: Which model spoke.
    """

    label: str | None = None
    score: float | None = None
    scores: Mapping[str, float] = field(default_factory=dict, repr=False)
    logits: Mapping[str, float] = field(default_factory=dict, repr=False)
    flags: tuple[str, ...] = ()
    reason: str | None = None
    duration: float = 0.0
    overlap_ratio: float | None = None
    embedding: FloatArray | None = field(default=None, compare=False, repr=False)
    frame_embeddings: FloatArray | None = field(default=None, compare=False, repr=False)
    frame_logits: FloatArray | None = field(default=None, compare=False, repr=False)
    provenance: Provenance | None = field(default=None, repr=False)

    def _repr_html_(self) -> str:
        return _html(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredTurn:
    """A turn with the emotion that was heard in it."""

    turn: Turn
    emotion: Emotion

    def _repr_html_(self) -> str:
        return _html(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """One recording's turns with their emotions: what annotation formats read and write.

    Attributes:
        recording: Name of the recording, the URI of RTTM files.
        turns: In the order in which they were given.
        audio: Where its sound is, a path or a URL as it was given, for tools that play it; None
            if nobody knows.
        duration: Length of the sound in seconds; None if nobody knows.
    """

    recording: str
    turns: tuple[ScoredTurn, ...] = ()
    audio: str | None = None
    duration: float | None = None

    def __repr__(self) -> str:
        """Return one line, however many turns there are."""
        return f"<Dialogue {self.recording!r}, {len(self.turns)} turns>"

    def _repr_html_(self) -> str:
        return _html(self)


def _html(value: Any) -> str:
    return html_renderer[0](value)
