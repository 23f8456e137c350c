"""Damaged inputs for every reader."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

from campaign.damage import damaged
from campaign.isolated import Tally, Watch, run_isolated, shares
from campaign.readers import Reader

_RESTARTS = 20
"""Most child processes of one reader: a case that kills a child costs a start."""


def fuzz(readers: Sequence[Reader], *, n: int, first: int, scratch: Path, keep: Path) -> Tally:
    """Give each reader its share of *n* damaged files.

    Args:
        readers: The readers.
        n: Number of cases in all, at least one for each reader.
        first: The seed; each reader gets one of its own from it.
        scratch: Folder for the cases.
        keep: Folder for the inputs of failed cases.
    """
    tally = Tally()
    for reader, share in zip(readers, shares(n, len(readers)), strict=True):
        files, left = damaged(reader.sample, reader.shape), share
        for attempt in range(_RESTARTS):
            if left <= 0:
                break

            def work(
                watch: Watch,
                reader: Reader = reader,
                n: int = left,
                start: int = first + 1000 * attempt + crc32(reader.name.encode()),
                files: object = files,
            ) -> None:
                watch.cases(reader, files, n=n, first=start)

            found = run_isolated(work, scratch=scratch, keep=keep, name=reader.name)
            tally.add(found)
            left -= max(1, found.cases)
    return tally
