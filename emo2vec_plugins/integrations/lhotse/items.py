"""Items of a manifest: its lines, each with a cut or the reason why there is none.

One bad line is one bad item: the lines before and after it are annotated. Items are read lazily, so
that those of an earlier run can be skipped without parsing them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files import lines_or_errors
from emo2vec_plugins.integrations.lhotse.checks import cut_in

Read = Callable[["Item"], tuple[Any, str | None]]
"""Returns the cut of an item, or None, and the reason why it cannot be scored."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One line of a manifest, or the rest of a file that cannot be read.

    Attributes:
        path: The file.
        number: Number of the line, from 1.
        raw: The line, without its line feed; None for a rest that cannot be read.
        salt: What else the result depends on: the other files of a Shar directory.
        index: Index among the items of the file: lines may be blank.
        read: Returns the cut, and why it cannot be scored. Called when either is first needed.
    """

    path: Path
    number: int
    raw: bytes | None
    salt: str = ""
    index: int
    read: Read

    @property
    def where(self) -> str:
        """The file and the line, for messages."""
        return f"{self.path}: line {self.number}"

    @property
    def digest(self) -> str | None:
        """SHA-256 of everything that the result depends on; None if it cannot be read."""
        if self.raw is None:
            return None
        return hashlib.sha256(self.raw + b"\n" + self.salt.encode()).hexdigest()

    @property
    def cut(self) -> Any:
        """The cut, or None for a bad item."""
        return self._read[0]

    @property
    def reason(self) -> str | None:
        """Why there is no cut; or, for a cut, why its audio cannot be read."""
        return self._read[1]

    @cached_property
    def _read(self) -> tuple[Any, str | None]:
        try:
            return self.read(self)
        except FormatError as error:
            return None, str(error)


def cut_of(item: Item) -> tuple[Any, str | None]:
    """Return the cut in the line of an item, if nothing else must be read."""
    return cut_in(item.raw or b"", item.where), None


def scorable(item: Item) -> Any:
    """Return the cut of an item, or None if there is none or its audio cannot be read."""
    return item.cut if item.reason is None else None


def items_of(path: Path, *, salt: str = "", read: Read = cut_of) -> Iterator[Item]:
    """Yield the lines of a file that are not blank, and what follows them if it is damaged.

    Args:
        path: A file of JSON lines, compressed or not.
        salt: What else the results depend on.
        read: Reads the cut of an item.

    Raises:
        OSError: If the file cannot be read.
    """
    index = 0
    for number, line in lines_or_errors(path):
        if isinstance(line, FormatError):
            reason = str(line)

            def fail(_: Item, reason: str = reason) -> tuple[Any, str | None]:
                return None, reason

            yield Item(path=path, number=number, raw=None, index=index, read=fail)
        else:
            raw = line.removesuffix(b"\n")
            yield Item(path=path, number=number, raw=raw, salt=salt, index=index, read=read)
            index += 1
