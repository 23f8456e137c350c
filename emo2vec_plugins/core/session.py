"""What a plugin gives the pipeline: a session over one source, its clips, and their audio."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from emo2vec_plugins.core.values import Emotion, FloatArray, Turn, as_turns
from emo2vec_plugins.errors import OptionsError

Span = tuple[float, float]
"""Start and end, in seconds from the start of the recording."""


class Audio(Protocol):
    """Sound that can be cut without reading all of it.

    Nothing is opened before an attribute is read: a missing file is the failure of its clips,
    not of the run.

    An engine reads ahead in threads, and a class may say with one more attribute, ``serial_group``, what
    that means for it. Clips whose audio has the same serial_group are read one after another, in order,
    if not all by the same thread; clips in other groups at the same time. None says that any
    number of threads may read at once and in any order. Audio without the attribute shares one
    serial_group with all other audio without it: so a plain class is safe, whatever its objects share.

    A method ``clip_read``, if there is one, is called after each clip, by what read it.
    """

    @property
    def rate(self) -> int:
        """Samples per second."""
        ...

    @property
    def length(self) -> int:
        """Samples per channel."""
        ...

    @property
    def channels(self) -> tuple[int, ...]:
        """The identifiers by which turns may choose channels."""
        ...

    def read(self, start: int, stop: int, channels: tuple[int, ...]) -> FloatArray:
        """Return samples ``start:stop``, float32 in [-1, 1], shape (channels, samples).

        Raises:
            AudioError: If they cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clip:
    """One turn to be scored, and the audio it is cut from; equal only to itself.

    Attributes:
        overlaps: Sorted, disjoint spans within the turn in which another speaker is heard too;
            None where nobody knows who else speaks.
        alone: Pool only the frames outside *overlaps*.
        key: The session's own note of where the result belongs.
    """

    turn: Turn
    audio: Audio
    overlaps: tuple[Span, ...] | None = None
    alone: bool = False
    key: Any = None


class Session(Protocol):
    """One source while it is being annotated.

    The pipeline calls `clips` once and reads it lazily, then `take` once for each clip in the
    order in which `clips` gave them, while later clips may already be read, then `finish`.
    """

    def clips(self) -> Iterator[Clip]:
        """Yield the source's turns, lazily and in order."""
        ...

    def take(self, clip: Clip, emotion: Emotion) -> None:
        """Keep one result; arrays go to their sink now and are not kept."""
        ...

    def finish(self) -> Any:
        """Return the enriched copy of the source."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user asked for, beside the source; plugins that need more subclass it.

    Attributes:
        audio: The sound beside an annotation that has none of its own: anything
            `emo2vec_plugins.audio.open_audio` opens.
        overlap: Score a turn with all its frames, or only those in which its speaker is alone.
        embeddings: Keep each turn's embedding.
        frames: Keep each turn's frame embeddings and frame logits.
        store: Where arrays go: an open Lhotse ``FeaturesWriter``. None keeps them in memory
            where a result can hold them.
        array_dtype: What stored arrays are cast to.
        field: Name of the field that gets the label, and prefix of those beside it.
        overwrite: Replace a label that is there already.

    Raises:
        OptionsError: If a value is none of those that exist.
    """

    audio: Any = None
    overlap: Literal["keep", "exclude"] = "keep"
    embeddings: bool = False
    frames: bool = False
    store: Any = None
    array_dtype: Literal["float16", "float32"] = "float32"
    field: str = "emotion"
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.overlap not in ("keep", "exclude"):
            raise OptionsError(f"overlap is 'keep' or 'exclude', got {self.overlap!r}")
        if self.array_dtype not in ("float16", "float32"):
            raise OptionsError(f"array_dtype is 'float16' or 'float32', got {self.array_dtype!r}")
        if not isinstance(self.field, str) or not self.field.isidentifier():
            raise OptionsError(f"field is to be an identifier, got {self.field!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Audio with its speaker turns: the simplest source, annotated to a `Dialogue`.

    Attributes:
        recording: Its name, the URI of RTTM files.
        audio: Anything `emo2vec_plugins.audio.open_audio` opens.
        turns: None for one turn over all of it.

    Raises:
        InvalidTurnError: If a turn is none.
    """

    recording: str
    audio: Any
    turns: Sequence[Turn] | None = None

    def __post_init__(self) -> None:
        if self.turns is not None:
            as_turns(self.turns)


def kept(emotion: Emotion, options: Options) -> Emotion:
    """Return *emotion* with only those arrays that *options* ask for."""
    return replace(
        emotion,
        embedding=emotion.embedding if options.embeddings else None,
        frame_embeddings=emotion.frame_embeddings if options.frames else None,
        frame_logits=emotion.frame_logits if options.frames else None,
    )


COMMON_GROUP = "common"
"""Group of all audio that does not say otherwise."""


def serial_group_of(audio: Any) -> Hashable | None:
    """Return with which other audio this one shares its turn to be read; see `Audio`.

    Where that cannot be told, reading will say why.
    """
    try:
        serial_group: Hashable | None = getattr(audio, "serial_group", COMMON_GROUP)
        hash(serial_group)
    except Exception:  # noqa: BLE001 - whatever a plugin's audio raises
        return COMMON_GROUP
    return serial_group


def note_read(audio: Any) -> None:
    """Tell audio that wants to know it that one more clip of it has been read; see `Audio`."""
    clip_read = getattr(audio, "clip_read", None)
    if clip_read is not None:
        clip_read()
