"""The readers that a campaign damages files for."""

from __future__ import annotations

from pathlib import Path

from campaign.readers import Reader
from campaign.targets import audio, commands, formats, manifests, models, records


def all_readers(scratch: Path) -> list[Reader]:
    """Return every reader; samples are made in *scratch*."""
    found = [
        reader
        for make in (
            formats.readers,
            audio.readers,
            manifests.readers,
            models.readers,
            commands.readers,
            records.readers,
        )
        for reader in make(scratch)
    ]
    assert len({reader.name for reader in found}) == len(found), "names must be unique"
    return found
