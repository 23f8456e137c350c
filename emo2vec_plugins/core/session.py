"""What a plugin gives the pipeline: a session over one source, and the clips in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from emo2vec_plugins.core.values import Emotion, Turn, as_turns
from emo2vec_plugins.errors import OptionsError

if TYPE_CHECKING:
    from emo2vec_plugins.core.audio import Audio

Span = tuple[float, float]
"""Start and end, in seconds from the start of the recording."""


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
