"""Paths of the repository and its tests, and the contents of folders."""

from __future__ import annotations

from pathlib import Path

from emo2vec_plugins.files.digests import RECORD

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"


def names_in(folder: Path) -> list[str]:
    """Return the names in a folder, sorted, without the record of our digests."""
    return sorted(path.name for path in folder.iterdir() if path.name != RECORD)


def contents_of(folder: Path) -> dict[str, bytes]:
    """Return the bytes of each file in a folder, without the record of our digests."""
    return {name: (folder / name).read_bytes() for name in names_in(folder)}
