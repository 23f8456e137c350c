"""The plugin side of the pipeline: a session over one source, its clips, and their audio."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from emo2vec_plugins.core.field_names import check_field
from emo2vec_plugins.core.permissions import Permissions
from emo2vec_plugins.core.values import Emotion, FloatArray, Turn, as_turns
from emo2vec_plugins.errors import OptionsError

Span = tuple[float, float]
"""Start and end, in seconds from the start of the recording."""


class Audio(Protocol):
    """Audio that can be read in parts.

    Implementations must not open anything before an attribute is read: a missing file must fail
    its clips, not the run.

    Engines read ahead in threads. The optional attribute ``serial_group`` controls this: clips
    whose audio has the same group are read one after another, in order, but not always by the same
    thread; clips of different groups are read concurrently. With the group None, any number of
    threads may read at the same time and in any order. All audio without the attribute shares one
    group, so a class without it is safe even if its instances share state.

    The optional method ``clip_read`` is called after each clip has been read.
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
        """Identifiers of the channels, as turns use them."""
        ...

    def read(self, start: int, stop: int, channels: tuple[int, ...]) -> FloatArray:
        """Return samples ``start:stop``, float32 in [-1, 1], shape (channels, samples).

        Raises:
            AudioError: If the samples cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clip:
    """One turn to score, and its audio; compared by identity.

    Attributes:
        overlaps: Sorted, disjoint spans of the turn during which another speaker speaks too; None
            if unknown.
        alone: Pool only the frames outside *overlaps*.
        key: For the session, to find where the result belongs.
    """

    turn: Turn
    audio: Audio
    overlaps: tuple[Span, ...] | None = None
    alone: bool = False
    key: Any = None


class Session(Protocol):
    """One source during annotation.

    The pipeline calls `clips` once and reads it lazily. It calls `take` once for each clip, in
    order; by then, later clips may have been read. It calls `finish` last.
    """

    def clips(self) -> Iterator[Clip]:
        """Yield the source's turns, lazily and in order."""
        ...

    def take(self, clip: Clip, emotion: Emotion) -> None:
        """Store one result; arrays must go to their store now instead of staying in memory."""
        ...

    def finish(self) -> Any:
        """Return the enriched copy of the source."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """User options for annotation; plugins that need more options subclass it.

    Attributes:
        audio: The audio of an annotation that has none: anything that
            `emo2vec_plugins.audio.open_audio` opens.
        overlap: ``keep`` scores a turn with all its frames, ``exclude`` only with the frames in
            which no other speaker speaks.
        embeddings: Keep the embedding of each turn.
        frames: Keep the frame embeddings and frame logits of each turn.
        store: Destination of arrays, an open Lhotse ``FeaturesWriter``. None keeps them in
            memory if the result supports arrays.
        array_dtype: Data type of stored arrays.
        field: Name of the field for the label, and prefix of the other fields.
        overwrite: Replace existing labels, never files.
        allow: What inputs may do besides reading local files, names in
            `emo2vec_plugins.core.KINDS`: ``commands``, ``urls``, ``code``, ``pickles``.
        root: A folder; if given, audio outside of it is not read.

    Raises:
        OptionsError: If a value is not allowed.
    """

    audio: Any = None
    overlap: Literal["keep", "exclude"] = "keep"
    embeddings: bool = False
    frames: bool = False
    store: Any = None
    array_dtype: Literal["float16", "float32"] = "float32"
    field: str = "emotion"
    overwrite: bool = False
    allow: tuple[str, ...] = ()
    root: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        if self.overlap not in ("keep", "exclude"):
            raise OptionsError(f"overlap must be 'keep' or 'exclude', got {self.overlap!r}")
        if self.array_dtype not in ("float16", "float32"):
            raise OptionsError(
                f"array_dtype must be 'float16' or 'float32', got {self.array_dtype!r}"
            )
        if isinstance(self.store, str | os.PathLike):
            raise OptionsError(
                f"expected an open Lhotse writer as store, got the path {os.fspath(self.store)!r}; "
                "open it, or pass store=PATH to annotate_manifest"
            )
        check_field(self.field)
        _ = self.permissions  # raises if they are invalid

    @property
    def permissions(self) -> Permissions:
        """What inputs may do."""
        return Permissions(allow=self.allow, root=self.root)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Audio with its speaker turns, the simplest source; annotating it gives a `Dialogue`.

    Attributes:
        recording: Name of the recording, the URI of RTTM files.
        audio: Anything that `emo2vec_plugins.audio.open_audio` opens.
        turns: None for a single turn over the whole recording.

    Raises:
        InvalidTurnError: If *turns* contains anything but `Turn` objects.
    """

    recording: str
    audio: Any
    turns: Sequence[Turn] | None = None

    def __post_init__(self) -> None:
        if self.turns is not None:
            as_turns(self.turns)


def kept(emotion: Emotion, options: Options) -> Emotion:
    """Return *emotion* with only the arrays that *options* ask for."""
    return replace(
        emotion,
        embedding=emotion.embedding if options.embeddings else None,
        frame_embeddings=emotion.frame_embeddings if options.frames else None,
        frame_logits=emotion.frame_logits if options.frames else None,
    )


COMMON_GROUP = "common"
"""Serial group of audio without the attribute ``serial_group``."""


def serial_group_of(audio: Any) -> Hashable | None:
    """Return the serial group of *audio*; see `Audio`.

    Errors are ignored here, because reading the audio reports them.
    """
    try:
        serial_group: Hashable | None = getattr(audio, "serial_group", COMMON_GROUP)
        hash(serial_group)
    except Exception:  # noqa: BLE001 - whatever a plugin's audio raises
        return COMMON_GROUP
    return serial_group


def note_read(audio: Any) -> None:
    """Call ``audio.clip_read()``, if it exists, after a clip was read; see `Audio`."""
    clip_read = getattr(audio, "clip_read", None)
    if clip_read is not None:
        clip_read()
