"""Shar directories: shards of cuts, each with files of the same number that have its data.

Lhotse pairs the files of fields by their order. Here they are paired by their numbers, so that a
missing file costs only its own shard the data.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files import Part, disk, sync
from emo2vec_plugins.integrations import BadItems, compressed
from emo2vec_plugins.integrations.lhotse.checks import problem_of
from emo2vec_plugins.integrations.lhotse.folders import replace_folder
from emo2vec_plugins.integrations.lhotse.items import Item, cut_of, items_of
from emo2vec_plugins.integrations.lhotse.lines import line_of
from emo2vec_plugins.integrations.lhotse.shar_files import DataFile


class SharLayout:
    """A directory in the layout of ``CutSet.to_shar``.

    Attributes:
        fields: Fields that are stored in separate files.

    Raises:
        FormatError: If it is not one.
    """

    def __init__(self, source: Path) -> None:
        self._source = source
        files = [path for path in sorted(source.iterdir()) if path.is_file()]
        self._cuts = {_number(path): path for path in files if _is_shard(path, "cuts", ".jsonl")}
        if not self._cuts:
            raise FormatError(
                f"expected a Shar directory, got {source}: it has no cuts.000000.jsonl or "
                "cuts.000000.jsonl.gz"
            )
        self._data = {
            (_field(path), _number(path)): path
            for path in files
            if _number(path) in self._cuts and _is_shard(path, _field(path), ".tar", ".jsonl")
        }
        self.fields = {field for field, _ in self._data} - {"cuts"}

    def identity(self) -> dict[str, Any]:
        """Return what all lines of a result depend on, besides the items."""
        return {"kind": "shar", "fields": sorted(self.fields)}

    def items(self) -> Iterator[Item]:
        """Yield the items of all shards in order.

        A cut is parsed, and its data read, when it is first needed. A cut without its recording
        has the reason.
        """
        for number, path in self._cuts.items():
            missing = {field: self._source / f"{field}{number}.tar" for field in self.fields}
            files = {field: self._data.get((field, number), missing[field]) for field in missing}
            shard = _Shard(files)
            yield from items_of(path, salt=shard.state, read=shard.cut)

    def line_of(self, item: Item, cut: Any, bad_items: BadItems) -> tuple[bytes, str | None]:
        """Return the line to write for an item, and the reason if it is bad; see `line_of`."""
        return line_of(item, cut, bad_items, _record)

    def seal(self, lines: Iterable[bytes], target: Path, *, replace: bool) -> None:
        """Write *target* atomically, with shards of the same sizes and links to other files."""
        part = Part(Path(os.path.realpath(target)), locked=True)
        try:
            disk.make_folder(part.path)
            self._write(iter(lines), part.path)
            replace_folder(part, target, replace=replace)
        finally:
            part.discard()

    def _write(self, lines: Iterator[bytes], folder: Path) -> None:
        for path, size in zip(self._cuts.values(), self._sizes, strict=True):
            with disk.open_file(folder / path.name) as file:
                with compressed(file, like=path) as out:
                    out.writelines(islice(lines, size))
                sync(file)
        for path in sorted(self._source.iterdir()):
            if path not in self._cuts.values():
                _link(path, folder / path.name)

    @cached_property
    def _sizes(self) -> list[int]:
        """Number of lines of each shard that can be read."""
        return [
            sum(item.raw is not None for item in items_of(path)) for path in self._cuts.values()
        ]


class _Shard:
    """The data files of one shard.

    Args:
        files: Their paths by field.
    """

    def __init__(self, files: dict[str, Path]) -> None:
        self._files = {name: DataFile(path, name) for name, path in files.items()}
        self.state = ",".join(_state(path) for path in files.values())

    def cut(self, item: Item) -> tuple[Any, str | None]:
        """Return the cut of an item with its data, and why its audio cannot be read."""
        cut, problem = cut_of(item)
        for field, file in self._files.items():
            try:
                value = file.value(cut.id, item.index)
            except FormatError as error:
                # Other data is not needed, and stays in its file.
                if field == "recording":
                    problem = str(error)
                continue
            if value is not None:
                setattr(cut, field, value)
        wrong = problem_of(cut)
        return cut_of(item)[0] if wrong else cut, problem or wrong


def _field(path: Path) -> str:
    return path.name.split(".")[0]


def _number(path: Path) -> str:
    """Return what follows the field in a name: ``.000000``."""
    return path.name.removeprefix(_field(path)).removesuffix(".gz").rpartition(".")[0]


def _is_shard(path: Path, field: str, *endings: str) -> bool:
    return bool(field) and _field(path) == field and path.name.removesuffix(".gz").endswith(endings)


def _record(cut: Any) -> Any:
    # Lhotse replaces each placeholder with the data of the tar file.
    return cut.drop_in_memory_data().to_dict()


def _link(source: Path, target: Path) -> None:
    try:
        disk.link(source, target)
    except OSError:  # another file system, or one without hard links
        disk.symlink(source.resolve(), target)


def _state(path: Path) -> str:
    """Return what changes with a file: a repaired archive has another time, if not another size."""
    if not path.exists():
        return f"{path.name}=None"
    found = path.stat()
    return f"{path.name}={found.st_size},{found.st_mtime_ns}"
