"""Cuts with labels, and the files that they are read from."""

from __future__ import annotations

from pathlib import Path

from lhotse import CutSet, Recording, SupervisionSegment


def labelled_cut(path: Path, *labels, speaker=None, seconds=1.0, **custom):
    """Give a cut of a file with one supervision of *seconds* for each label, one after another.

    A supervision's id is the file's stem and its number.
    """
    cut = Recording.from_file(path).to_cut()
    cut.supervisions = [
        SupervisionSegment(
            id=f"{path.stem}-{number}",
            recording_id=cut.recording_id,
            start=number * seconds,
            duration=seconds,
            speaker=speaker,
            custom={**({} if label is None else {"emotion": label}), **custom},
        )
        for number, label in enumerate(labels)
    ]
    return cut


def save_cuts(path: Path, *cuts) -> Path:
    """Write a manifest, and give its path."""
    CutSet.from_cuts(cuts).to_file(path)
    return path
