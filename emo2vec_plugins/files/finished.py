"""Finished lines of an output, and the items from which they were made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol, TypeVar

from emo2vec_plugins.files.journal import DIGITS, Journal, Record

RECORD_ITEMS = 1000
"""Most items in a step, and so in a record of a journal."""


class Item(Protocol):
    """Something from which a line is made."""

    @property
    def digest(self) -> str | None:
        """A digest of everything that the line depends on; None if no line can be reused."""


AnyItem = TypeVar("AnyItem", bound=Item)


@dataclass(frozen=True, slots=True)
class Finished:
    """The finished line of an item.

    Attributes:
        digest: The start of the item's digest.
        start: Where the line begins among the finished lines, in bytes.
        length: Bytes of the line, with its line break; 0 for none.
        note: JSON values that the caller has stored with it.
    """

    digest: str
    start: int
    length: int
    note: Any

    def is_of(self, digest: str) -> bool:
        """Return whether the line is of the item with this digest."""
        return digest[:DIGITS] == self.digest


def finished_in(record: Record, *, start: int = 0) -> Iterator[Finished]:
    """Yield the items of one record of a journal; *start* is where the first line begins."""
    for digest, length, note in record["items"]:
        yield Finished(digest, start, length, note)
        start += length


def paired(
    items: Iterable[AnyItem], finished: Iterable[Finished]
) -> Iterator[tuple[AnyItem, Finished | None]]:
    """Yield each item, lazily and in order, with its finished line, or None.

    Equal items have a line each, in order. While the finished lines are in the order of the
    items, memory use does not grow; from the first difference on, all others are kept in memory.
    """
    rest = iter(finished)
    following = next(rest, None)
    others: dict[str, list[Finished]] | None = None
    for item in items:
        digest = own[:DIGITS] if (own := item.digest) is not None else None
        if others is None and following is not None and digest == following.digest:
            yield item, following
            following = next(rest, None)
            continue
        if digest is None or (others is None and following is None):
            yield item, None
            continue
        if others is None:
            others = defaultdict(list)
            for each in (following, *rest) if following is not None else ():
                others[each.digest].append(each)
        known = others.get(digest)
        yield item, known.pop(0) if known else None


def one_step(
    items: Iterator[AnyItem], *, weigh: Callable[[AnyItem], float], most: float
) -> Iterator[AnyItem]:
    """Yield the items of one step, the rest stay in the iterator.

    A step depends only on the items, so that a resumed run has the same batches as an
    uninterrupted one. It ends when the weights reach *most*, or after many items.
    """
    total = 0.0
    for item in islice(items, RECORD_ITEMS):
        yield item
        total += weigh(item)
        if total >= most:
            return


def read_finished(journal: Journal) -> Iterator[Finished]:
    """Yield the items of a finished output, in order, as `write_finished` has stored them."""
    start = 0
    for place in journal.records():
        for each in finished_in(place.record, start=start):
            yield each
            start += each.length


def write_finished(journal: Journal, head: Mapping[str, Any], finished: Iterable[Finished]) -> None:
    """Write the items of a finished output, in order."""
    records = (
        {"items": [(each.digest, each.length, each.note) for each in batch]}
        for batch in batches(finished, RECORD_ITEMS)
    )
    journal.write(head, records)


def batches(values: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Yield lists of at most *size* values, in order."""
    values = iter(values)
    while batch := list(islice(values, size)):
        yield batch
