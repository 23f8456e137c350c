"""What manifests of all toolkits share: bad items, and lines that may be compressed."""

from __future__ import annotations

import gzip
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, Any, Literal, TypeVar, get_args

from emo2vec_plugins.core import shown
from emo2vec_plugins.errors import FormatError, OptionsError

T = TypeVar("T")

BadItems = Literal["keep", "drop", "stop"]
"""What to do with a bad item: write its line unchanged, leave it out, or raise its error."""

NAMED_ITEMS = 100
"""Most bad items that a summary names."""

MAX_FAILURES = 10
"""Most failures that a summary names, as the results have all of them; most items in an error."""


def check_bad_items(bad_items: str) -> None:
    """Check the value of an option.

    Raises:
        OptionsError: If it is not one of `BadItems`.
    """
    known = get_args(BadItems)
    if bad_items not in known:
        raise OptionsError(f"bad_items must be {', '.join(known)}, got {shown(bad_items)}")


def bad_line(raw: bytes | None, reason: str, bad_items: BadItems) -> bytes:
    """Return what to write for a bad item: its line and a line feed, or nothing.

    Args:
        raw: The line; None if it cannot be read.
        reason: What is wrong, with the file and the line.
        bad_items: What to do.

    Raises:
        FormatError: If *bad_items* is ``stop``.
    """
    if bad_items == "stop":
        raise FormatError(reason)
    return b"" if raw is None or bad_items == "drop" else raw + b"\n"


def interleaved(
    items: Iterable[T],
    work: Callable[[Iterator[Any]], Iterable[Any]],
    *,
    source_of: Callable[[T], Any],
) -> Iterator[tuple[T, Any]]:
    """Yield each item with its result, in order; None for items without a source.

    Args:
        items: Read ahead as far as *work* reads.
        work: Returns one result for each source that it is given, in order.
        source_of: Returns the source of an item, or None.
    """
    waiting: deque[tuple[T, bool]] = deque()

    def sources() -> Iterator[Any]:
        for item in items:
            source = source_of(item)
            waiting.append((item, source is None))
            if source is not None:
                yield source

    for result in work(sources()):
        while waiting[0][1]:
            yield waiting.popleft()[0], None
        yield waiting.popleft()[0], result
    for item, _ in waiting:
        yield item, None


def compressed(file: IO[bytes], *, like: Path) -> AbstractContextManager[Any]:
    """Compress writes to *file* if *like* is compressed. Equal input gives equal bytes."""
    if like.suffix.casefold() != ".gz":
        return nullcontext(file)
    # No name and time in the header, so that a resumed run writes the same bytes.
    return gzip.GzipFile("", "wb", 6, file, mtime=0)
