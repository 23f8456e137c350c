"""Manifests of cuts on disk: read from any cut on, written in one piece when all are there.

Two kinds: JSON lines, compressed or not, and Shar directories, where cuts stand beside tar files
with their audio. A Shar directory's new cuts stand beside links to the same tar files.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import IO, Any

from lhotse.cut import Cut
from lhotse.cut.set import deserialize_cut
from lhotse.shar.readers.lazy import LazySharIterator

from emo2vec_plugins.errors import FormatError, OptionsError
from emo2vec_plugins.files import replacing, staging, sync

ENDINGS = (".jsonl", ".jsonl.gz")
SHAR_FIELDS = ("shard_origin", "shar_epoch")
"""What Lhotse's Shar reader adds to cuts; neither can be written as JSON."""


def layout(source: Path, target: Path, *, fields: Collection[str]) -> Layout:
    """Return how *source* is read and *target* written, when *fields* are added to its cuts.

    Raises:
        OptionsError: If a Shar directory has files of its own for one of the fields: their
            contents replace those of the cuts when Lhotse reads it.
        FormatError: If one is of an unknown kind, or they are of different kinds.
    """
    if not source.exists():
        raise FormatError(f"{source}: there is no such manifest")
    lines = target.name.endswith(ENDINGS)
    if source.is_dir():
        shar = SharLayout(source)
        if lines:
            raise FormatError(
                f"{source} is a Shar directory, and a single manifest cannot hold its audio: write "
                "a directory, or use 'lhotse shar export' first"
            )
        hidden = sorted(shar.fields.intersection(fields))
        if hidden:
            files = ", ".join(hidden)
            raise OptionsError(f"{source} has files of its own for {files}: choose another field")
        return shar
    if not source.name.endswith(ENDINGS) or not lines:
        wrong = target if source.name.endswith(ENDINGS) else source
        raise FormatError(f"{wrong}: manifests are .jsonl, .jsonl.gz or Shar: 'lhotse copy'")
    return LinesLayout(source)


def read_cuts(path: str | os.PathLike[str]) -> list[Cut]:
    """Return the cuts of a ``.jsonl`` or ``.jsonl.gz`` manifest; no audio is read.

    Raises:
        FormatError: If it is another kind of file, a line is not a cut, or there are no cuts.
        OSError: If it cannot be read.
    """
    path = Path(path)
    if not path.name.endswith(ENDINGS) or path.is_dir():
        raise FormatError(f"{path}: a manifest of cuts is a .jsonl or .jsonl.gz: 'lhotse copy'")
    cuts = list(LinesLayout(path).cuts(0))
    if not cuts:
        raise FormatError(f"{path}: there are no cuts in it")
    return cuts


class LinesLayout:
    """A ``.jsonl`` or ``.jsonl.gz`` of cuts."""

    def __init__(self, source: Path) -> None:
        self._source = source

    def identity(self) -> dict[str, Any]:
        """Return the digest of the file's bytes."""
        return {"sha256": _digest(self._source)}

    def cuts(self, skip: int) -> Iterator[Any]:
        """Yield the cuts, lazily; lines that are skipped are not parsed.

        Raises:
            FormatError: If a line is no cut; the message has its number.
        """
        # Parsing takes most of the time of reading, so that resuming far into a file is quick.
        for number, line in islice(lines_of(self._source), skip, None):
            yield _parsed(line, f"{self._source}, line {number}")

    def line(self, cut: Any) -> str:
        """Return the cut as Lhotse's own writer does."""
        return json.dumps(cut.to_dict(), ensure_ascii=False)

    def seal(self, lines: Path, target: Path) -> None:
        """Write the finished lines as *target*, which is complete or absent at any moment."""
        with (
            lines.open("rb") as whole,
            replacing(target, locked=True) as file,
            _packed(file, like=target) as out,
        ):
            shutil.copyfileobj(whole, out)


class SharLayout:
    """A directory as ``CutSet.to_shar`` writes it.

    Attributes:
        fields: What stands in files beside the cuts.
    """

    def __init__(self, source: Path) -> None:
        self._source = source
        try:
            self._streams = LazySharIterator(in_dir=source).streams
        except AssertionError as error:
            reason = str(error) or "it has no cuts.000000.jsonl or cuts.000000.jsonl.gz"
            raise FormatError(f"{source} is not a Shar directory: {reason}") from error
        self.fields = self._streams.keys() - {"cuts"}
        self._sizes: list[int] | None = None

    def identity(self) -> dict[str, Any]:
        """Return the digests of the cuts, and the sizes of what stands beside them."""
        return {
            path.name: _digest(path) if path in self._streams["cuts"] else path.stat().st_size
            for path in sorted(self._source.iterdir())
        }

    def cuts(self, skip: int) -> Iterator[Any]:
        """Yield the cuts with their audio, lazily; shards that are skipped are not read.

        Raises:
            FormatError: If a tar file holds fewer items than there are cuts.
        """
        for index, size in enumerate(self._shard_sizes()):
            # Tar files cannot be entered in the middle: only whole shards are left unread.
            if skip >= size:
                skip -= size
                continue
            found = 0
            streams = {name: [paths[index]] for name, paths in self._streams.items()}
            for found, cut in enumerate(LazySharIterator(streams), 1):
                if found > skip:
                    yield cut
            # Lhotse ends early, without an error, where a tar file has fewer items.
            if found != size:
                path = self._streams["cuts"][index]
                raise FormatError(f"{path} has {size} cuts, the files beside it have {found}")
            skip = 0

    def line(self, cut: Any) -> str:
        """Return the cut with placeholders where its data came from tar files."""
        # Lhotse puts the data back from the tar file where it finds such a placeholder.
        bare = cut.drop_in_memory_data()
        if bare.custom:
            kept = {k: v for k, v in bare.custom.items() if k not in SHAR_FIELDS}
            bare = replace(bare, custom=kept or None)
        return json.dumps(bare.to_dict(), ensure_ascii=False)

    def seal(self, lines: Path, target: Path) -> None:
        """Write shards as they were cut before, link all other files, rename the directory."""
        if target.exists():
            return  # killed after the renaming
        with staging(target, locked=True) as folder, lines.open("rb") as whole:
            shutil.rmtree(folder, ignore_errors=True)  # left by a process that was killed
            folder.mkdir()
            for path, size in zip(self._streams["cuts"], self._shard_sizes(), strict=True):
                with (folder / path.name).open("wb") as file:
                    with _packed(file, like=path) as out:
                        out.writelines(islice(whole, size))
                    sync(file)
            for path in sorted(self._source.iterdir()):
                if path not in self._streams["cuts"]:
                    _link(path, folder / path.name)

    def _shard_sizes(self) -> list[int]:
        if self._sizes is None:
            self._sizes = [sum(1 for _ in lines_of(path)) for path in self._streams["cuts"]]
        return self._sizes


Layout = LinesLayout | SharLayout
"""A manifest that is read, and how one like it is written."""


def _parsed(line: bytes, where: str) -> Any:
    try:
        cut = deserialize_cut(json.loads(line))
    except (ValueError, KeyError, TypeError) as error:
        why = f"{type(error).__name__}: {error}"
        raise FormatError(f"{where}: not a cut ({why}); 'lhotse cut simple' makes cuts") from error
    if not isinstance(cut, Cut):
        raise FormatError(f"{where}: {type(cut).__name__} is not a cut")
    return cut


def lines_of(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, with their numbers from 1; ``.gz`` is unpacked.

    Raises:
        FormatError: If the archive is damaged.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line
    except (gzip.BadGzipFile, EOFError) as error:
        raise FormatError(f"{path}: the gzip archive is damaged: {error}") from error


def _packed(file: IO[bytes], *, like: Path) -> AbstractContextManager[Any]:
    """Compress what is written to *file* if *like* is compressed; the same bytes give the same."""
    if like.suffix != ".gz":
        return nullcontext(file)
    # Without name and time, which the header would hold: a resumed run has the same bytes.
    return gzip.GzipFile("", "wb", 6, file, mtime=0)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # another file system, or one without hard links
        target.symlink_to(source.resolve())
