"""The values shared by all packages: turns, emotions and dialogues.

All classes are frozen. Times are in seconds from the start of the recording. Arrays are NumPy
arrays and are ignored in comparisons.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.core.composition import html_renderer
from emo2vec_plugins.core.messages import counted, shown
from emo2vec_plugins.core.reasons import is_withheld
from emo2vec_plugins.errors import InvalidTurnError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.floating[Any]]
else:
    FloatArray = Any  # importing NumPy takes longer than the rest of "emo2vec --help"

FLAGS = ("short", "overlapped", "silent", "clipped", "windowed")
"""Flags for the audio of a turn, in the order of results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One stretch of speech by one speaker, in seconds from the start of the recording.

    Bounds are applied when audio is read: truncated cuts have negative starts, RTTM files have
    empty turns, and neither may be lost.

    Attributes:
        channel: One channel, several channels to average, or None for the mean of all channels.

    Raises:
        InvalidTurnError: Unless ``start <= end``, both are finite, and channels are integers.
    """

    start: float
    end: float
    speaker: str | None = None
    channel: int | tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        try:
            in_order = -math.inf < self.start <= self.end < math.inf
            in_order = in_order and -math.inf < float(self.start) <= float(self.end) < math.inf
        except OverflowError:  # an integer that no float can hold
            in_order = False
        except TypeError as error:
            raise InvalidTurnError(
                "start and end must be numbers of seconds, got "
                f"{shown(self.start)} and {shown(self.end)}"
            ) from error
        if not in_order:
            raise InvalidTurnError(
                "a turn needs start <= end, both finite, got "
                f"{shown(self.start)} to {shown(self.end)}"
            )
        object.__setattr__(self, "channel", _channel(self.channel))

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.end - self.start


def _channel(given: Any) -> int | tuple[int, ...] | None:
    # Tables contain NumPy integers, JSON contains lists.
    try:
        if isinstance(given, Iterable) and not isinstance(given, str):
            return tuple(map(int, given))
        return None if given is None else int(given)
    except (TypeError, ValueError) as error:
        raise InvalidTurnError(
            f"channel must be one integer or several, got {shown(given)}"
        ) from error


def as_turns(given: Any) -> tuple[Turn, ...]:
    """Return the turns of one recording as a tuple.

    Raises:
        InvalidTurnError: If *given* is not an iterable of `Turn` objects.
    """
    if not isinstance(given, Iterable):
        raise InvalidTurnError(f"expected a list of turns, got one {type(given).__name__}")
    turns = tuple(given)
    for each in turns:
        if not isinstance(each, Turn):
            raise InvalidTurnError(f"expected a Turn(start=..., end=...), got {shown(each)}")
    return turns


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """The model behind a result, and everything else its scores depend on.

    Attributes:
        model: The name used to load the model, or the name of its folder.
        sha256: Digest of the weights file; empty for a back end without one.
        revision: Commit on the hub; None for a model from elsewhere.
        tokens: The raw lines of ``tokens.txt``, one per row of the head.
        resampler: The resampler that converts audio to the sampling rate of the model.
        dtype: Data type of the network's arithmetic.
        version: Version of this package.
        trust: One line about how far the model can be trusted, such as that of its card; None if
            nothing is known. Scores do not depend on it, and it is ignored in comparisons.
    """

    model: str
    sha256: str = ""
    revision: str | None = None
    tokens: tuple[str, ...] = ()
    resampler: str = ""
    dtype: str = "float32"
    version: str = ""
    trust: str | None = field(default=None, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-serialisable values, *trust* only if it is known."""
        found = {name: getattr(self, name) for name in self.__slots__}
        found["tokens"] = list(self.tokens)
        if self.trust is None:
            del found["trust"]
        return found

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Provenance:
        """Restore the output of `to_dict`; keys of later versions are ignored."""
        known = {name: values[name] for name in cls.__slots__ if name in values}
        return cls(**known | {"tokens": tuple(values.get("tokens", ()))})


@dataclass(frozen=True, slots=True, kw_only=True)
class Emotion:
    """The result of a model for one turn.

    A turn that cannot be scored has a reason instead of a label. So has a turn whose label was
    withheld, because its doubt is too high; it keeps its scores. A model without a head
    returns embeddings, but neither a label nor a reason.

    Attributes:
        label: The most probable class, by its canonical name.
        score: Probability of *label*.
        scores: Probability of every class; sums to 1.
        logits: Mean logit of each class over all frames; *scores* are computed from it.
        flags: A subset of `FLAGS`, in that order.
        reason: Why the turn has no label.
        duration: Seconds of audio that were scored: within bounds and, with
            ``overlap="exclude"``, while no other speaker speaks; 0 if not scored.
        overlap_ratio: Share of the turn during which another speaker speaks too; None if unknown.
        doubt: Estimated probability, 0 to 1, that the most probable class is wrong: from how sure
            the scores are, and how far the embedding is from the speech that the model was
            calibrated on. None if the model has no measure of doubt.
        embedding: Shape (width,), the mean of the frame embeddings.
        frame_embeddings: Shape (frames, width), 50 frames per second. For a long turn, this array
            and *frame_logits* are read-only and backed by a temporary file, which is deleted with
            the arrays.
        frame_logits: Shape (frames, classes), with the classes in the order of *scores*.
        provenance: The model behind the result.
        reviewed: Whether a person marked the label as right, in a file for annotators. Labels of
            a model are never marked.
    """

    label: str | None = None
    score: float | None = None
    scores: Mapping[str, float] = field(default_factory=dict, repr=False)
    logits: Mapping[str, float] = field(default_factory=dict, repr=False)
    flags: tuple[str, ...] = ()
    reason: str | None = None
    duration: float = 0.0
    overlap_ratio: float | None = None
    doubt: float | None = None
    embedding: FloatArray | None = field(default=None, compare=False, repr=False)
    frame_embeddings: FloatArray | None = field(default=None, compare=False, repr=False)
    frame_logits: FloatArray | None = field(default=None, compare=False, repr=False)
    provenance: Provenance | None = field(default=None, repr=False)
    reviewed: bool = False

    @property
    def withheld(self) -> bool:
        """Whether the label was withheld, because its doubt is too high."""
        return self.label is None and is_withheld(self.reason)

    def _repr_html_(self) -> str:
        return _html(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredTurn:
    """A turn with its emotion."""

    turn: Turn
    emotion: Emotion

    def _repr_html_(self) -> str:
        return _html(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """The turns of one recording with their emotions; annotation formats read and write it.

    Attributes:
        recording: Name of the recording, the URI of RTTM files.
        turns: In input order.
        audio: Path or URL of the audio, as the user passed it, for tools that play it; None if
            unknown.
        duration: Length of the audio in seconds; None if unknown.
        exported: Digest of the turns that were exported for people to correct; None if this is
            no such file, or its format cannot store it. Ignored in comparisons.
    """

    recording: str
    turns: tuple[ScoredTurn, ...] = ()
    audio: str | None = None
    duration: float | None = None
    exported: str | None = field(default=None, compare=False, repr=False)

    def __repr__(self) -> str:
        """Return one line that counts the turns."""
        return f"<Dialogue {self.recording!r}, {counted(len(self.turns), 'turn')}>"

    def _repr_html_(self) -> str:
        return _html(self)


def _html(value: Any) -> str:
    return html_renderer[0](value)
