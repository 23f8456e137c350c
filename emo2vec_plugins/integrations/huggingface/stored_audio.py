"""The feature of audio in its stored form, in streams."""

from __future__ import annotations

from typing import Any

from datasets import Audio


class StoredAudio(Audio):  # type: ignore[misc]
    """Audio as bytes or a path, neither decoded nor encoded.

    The library imports torchcodec to encode any audio, also if nothing has to be encoded.
    """

    def encode_example(self, value: Any) -> Any:
        """Return the value unchanged."""
        return value
