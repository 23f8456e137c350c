"""What sound is to the rest of the package: something that can be cut without reading all of it."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Protocol

from emo2vec_plugins.core.values import FloatArray


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
