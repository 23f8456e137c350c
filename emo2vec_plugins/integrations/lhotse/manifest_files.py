"""Manifests of cuts on disk: read item by item, written atomically.

There are two kinds: JSON lines, compressed or not, and Shar directories with cuts and tar files of
their audio. A new Shar directory has new cuts and links to the same tar files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from emo2vec_plugins.errors import FormatError, OptionsError
from emo2vec_plugins.integrations import MAX_FAILURES, BadItems, check_bad_items
from emo2vec_plugins.integrations.lhotse.items import Item, items_of
from emo2vec_plugins.integrations.lhotse.lines import LinesLayout
from emo2vec_plugins.integrations.lhotse.shar import SharLayout

if TYPE_CHECKING:
    from lhotse.cut import Cut

ENDINGS = (".jsonl", ".jsonl.gz")


def layout(
    source: Path, target: Path, *, fields: Collection[str], bad_items: BadItems = "keep"
) -> Layout:
    """Return the layout for reading *source* and writing *target* with new *fields*.

    Raises:
        OptionsError: If *bad_items* is unknown, or *source* is a Shar directory: if items would be
            left out, or if it has files for one of *fields*. When Lhotse reads it, these files
            replace the fields of the cuts.
        FormatError: If the kind of a manifest is unknown, or the kinds differ.
    """
    check_bad_items(bad_items)
    if not source.exists():
        raise FormatError(f"{source}: no such manifest")
    lines = target.name.endswith(ENDINGS)
    if source.is_dir():
        shar = SharLayout(source)
        if bad_items == "drop":
            raise OptionsError(
                f"items of the Shar directory {source} cannot be left out: its other files have "
                "data for each of them; keep bad items, or stop at them"
            )
        if lines:
            raise FormatError(
                f"expected a directory as output for the Shar directory {source}, got {target}: a "
                "single manifest cannot store audio; write a directory, or run 'lhotse shar "
                "export' first"
            )
        hidden = sorted(shar.fields.intersection(fields))
        if hidden:
            files = ", ".join(hidden)
            raise OptionsError(
                f"{source} has separate files for {files}, which would replace new values; choose "
                "another field"
            )
        return shar
    if not source.name.endswith(ENDINGS) or not lines:
        wrong = target if source.name.endswith(ENDINGS) else source
        raise FormatError(
            f"expected a .jsonl or .jsonl.gz manifest or a Shar directory, got {wrong}; convert "
            "manifests with 'lhotse copy'"
        )
    if archive := _archive_of(source):
        raise FormatError(
            f"{source} is part of a Shar directory, and its audio is in {archive.name}; pass the "
            f"directory {source.parent}"
        )
    return LinesLayout(source)


def read_cuts(path: str | os.PathLike[str]) -> list[Cut]:
    """Return the cuts of a ``.jsonl`` or ``.jsonl.gz`` manifest. No audio is read.

    Raises:
        FormatError: If the file is of another kind, there are no cuts, or lines are bad. The
            message names the lines.
        OSError: If the file cannot be read.
    """
    path = Path(path)
    if not path.name.endswith(ENDINGS) or path.is_dir():
        raise FormatError(
            f"expected a .jsonl or .jsonl.gz manifest of cuts, got {path}; convert manifests with "
            "'lhotse copy'"
        )
    cuts: list[Cut] = []
    bad: list[str] = []
    for item in items_of(path):
        if item.reason is None:
            cuts.append(item.cut)
        else:
            bad.append(item.reason)
    if bad:
        more = f"; and {len(bad) - MAX_FAILURES} more" if len(bad) > MAX_FAILURES else ""
        raise FormatError(f"{'; '.join(bad[:MAX_FAILURES])}{more}")
    if not cuts:
        raise FormatError(f"{path}: the manifest has no cuts")
    return cuts


def items_in(path: Path) -> Iterator[Item]:
    """Yield the items of a manifest of any kind; cuts of a Shar directory have no audio."""
    # Placeholders for the audio do no harm where only fields are read.
    for file in sorted(path.glob("cuts.*.jsonl*")) if path.is_dir() else [path]:
        yield from items_of(file)


Layout = LinesLayout | SharLayout
"""Reads a manifest and writes one of the same kind."""


def _archive_of(source: Path) -> Path | None:
    """Return the archive with the audio of a shard of cuts, if *source* is one."""
    shard = re.fullmatch(r"cuts\.(\d+)\.jsonl(\.gz)?", source.name)
    archive = source.with_name(f"recording.{shard[1]}.tar") if shard else None
    return archive if archive is not None and archive.is_file() else None
