"""Manifests of cuts on disk: read from any position, written atomically.

There are two kinds: JSON lines, compressed or not, and Shar directories with cuts and tar files of
their audio. A new Shar directory has new cuts and links to the same tar files.
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
"""Fields that Lhotse's Shar reader adds to cuts; they cannot be written as JSON."""


def layout(source: Path, target: Path, *, fields: Collection[str]) -> Layout:
    """Return the layout for reading *source* and writing *target* with new *fields*.

    Raises:
        OptionsError: If *source* is a Shar directory with files for one of *fields*. When Lhotse
            reads it, these files replace the fields of the cuts.
        FormatError: If the kind of a manifest is unknown, or the kinds differ.
    """
    if not source.exists():
        raise FormatError(f"{source}: no such manifest")
    lines = target.name.endswith(ENDINGS)
    if source.is_dir():
        shar = SharLayout(source)
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
    return LinesLayout(source)


def read_cuts(path: str | os.PathLike[str]) -> list[Cut]:
    """Return the cuts of a ``.jsonl`` or ``.jsonl.gz`` manifest. No audio is read.

    Raises:
        FormatError: If the file is of another kind, a line is not a cut, or there are no cuts.
        OSError: If the file cannot be read.
    """
    path = Path(path)
    if not path.name.endswith(ENDINGS) or path.is_dir():
        raise FormatError(
            f"expected a .jsonl or .jsonl.gz manifest of cuts, got {path}; convert manifests with "
            "'lhotse copy'"
        )
    cuts = list(LinesLayout(path).cuts(0))
    if not cuts:
        raise FormatError(f"{path}: the manifest has no cuts")
    return cuts


class LinesLayout:
    """A ``.jsonl`` or ``.jsonl.gz`` manifest of cuts."""

    def __init__(self, source: Path) -> None:
        self._source = source

    def identity(self) -> dict[str, Any]:
        """Return the digest of the file's bytes."""
        return {"sha256": _digest(self._source)}

    def cuts(self, skip: int) -> Iterator[Any]:
        """Yield the cuts lazily, after the first *skip*.

        Raises:
            FormatError: If a line is not a cut. The message has its number.
        """
        # Skipped lines are not parsed, so that resuming is fast: parsing takes most of the time.
        for number, line in islice(lines_of(self._source), skip, None):
            yield _parsed(line, f"{self._source}, line {number}")

    def line(self, cut: Any) -> str:
        """Return the cut as one line, as Lhotse writes it."""
        return json.dumps(cut.to_dict(), ensure_ascii=False)

    def seal(self, lines: Path, target: Path) -> None:
        """Write the finished lines to *target* atomically."""
        with (
            lines.open("rb") as whole,
            replacing(target, locked=True) as file,
            _compressed(file, like=target) as out,
        ):
            shutil.copyfileobj(whole, out)


class SharLayout:
    """A directory in the layout of ``CutSet.to_shar``.

    Attributes:
        fields: Fields that are stored in separate files.
    """

    def __init__(self, source: Path) -> None:
        self._source = source
        try:
            self._streams = LazySharIterator(in_dir=source).streams
        except AssertionError as error:
            reason = str(error) or "it has no cuts.000000.jsonl or cuts.000000.jsonl.gz"
            raise FormatError(f"expected a Shar directory, got {source}: {reason}") from error
        self.fields = self._streams.keys() - {"cuts"}
        self._sizes: list[int] | None = None

    def identity(self) -> dict[str, Any]:
        """Return the digests of the files with cuts, and the sizes of all other files."""
        return {
            path.name: _digest(path) if path in self._streams["cuts"] else path.stat().st_size
            for path in sorted(self._source.iterdir())
        }

    def cuts(self, skip: int) -> Iterator[Any]:
        """Yield the cuts with their audio lazily, after the first *skip*.

        Raises:
            FormatError: If a tar file has fewer items than there are cuts.
        """
        for index, size in enumerate(self._shard_sizes()):
            # Only whole shards are skipped unread: a tar file must be read from its start.
            if skip >= size:
                skip -= size
                continue
            found = 0
            streams = {name: [paths[index]] for name, paths in self._streams.items()}
            for found, cut in enumerate(LazySharIterator(streams), 1):
                if found > skip:
                    yield cut
            # If a tar file has fewer items, Lhotse stops early without an error.
            if found != size:
                path = self._streams["cuts"][index]
                raise FormatError(
                    f"expected {size} items in the tar files of {path}, one for each cut, "
                    f"found {found}"
                )
            skip = 0

    def line(self, cut: Any) -> str:
        """Return the cut as one line, with placeholders for data from tar files."""
        # Lhotse replaces each placeholder with the data of the tar file.
        bare = cut.drop_in_memory_data()
        if bare.custom:
            kept = {k: v for k, v in bare.custom.items() if k not in SHAR_FIELDS}
            bare = replace(bare, custom=kept or None)
        return json.dumps(bare.to_dict(), ensure_ascii=False)

    def seal(self, lines: Path, target: Path) -> None:
        """Write *target* atomically, with shards of the same sizes and links to other files."""
        if target.exists():
            return  # an earlier run was killed after it renamed the directory
        with staging(target, locked=True) as folder, lines.open("rb") as whole:
            shutil.rmtree(folder, ignore_errors=True)  # from a killed process
            folder.mkdir()
            for path, size in zip(self._streams["cuts"], self._shard_sizes(), strict=True):
                with (folder / path.name).open("wb") as file:
                    with _compressed(file, like=path) as out:
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
"""Reads a manifest and writes one of the same kind."""


def _parsed(line: bytes, where: str) -> Any:
    try:
        cut = deserialize_cut(json.loads(line))
    except (ValueError, KeyError, TypeError) as error:
        why = f"{type(error).__name__}: {error}"
        raise FormatError(
            f"{where}: expected a cut ({why}); create cuts with 'lhotse cut simple'"
        ) from error
    if not isinstance(cut, Cut):
        raise FormatError(f"{where}: expected a cut, found a {type(cut).__name__}")
    return cut


def lines_of(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (line number from 1, line) for each non-blank line. ``.gz`` files are decompressed.

    Raises:
        FormatError: If the gzip file is damaged.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line
    except (gzip.BadGzipFile, EOFError) as error:
        raise FormatError(f"{path}: the gzip file is damaged: {error}") from error


def _compressed(file: IO[bytes], *, like: Path) -> AbstractContextManager[Any]:
    """Compress writes to *file* if *like* is compressed. Equal input gives equal bytes."""
    if like.suffix != ".gz":
        return nullcontext(file)
    # No name and time in the header, so that a resumed run writes the same bytes.
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
