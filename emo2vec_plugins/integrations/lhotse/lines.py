"""Manifests of cuts as JSON lines, compressed or not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from emo2vec_plugins.files import replacing
from emo2vec_plugins.integrations import BadItems, bad_line, compressed
from emo2vec_plugins.integrations.lhotse.items import Item, items_of


class LinesLayout:
    """A ``.jsonl`` or ``.jsonl.gz`` manifest of cuts."""

    def __init__(self, source: Path) -> None:
        self._source = source

    def identity(self) -> dict[str, Any]:
        """Return what all lines of a result depend on, besides the items."""
        return {"kind": "lines"}

    def items(self) -> Iterator[Item]:
        """Yield the items in order. A cut is parsed when it is first needed."""
        return items_of(self._source)

    def line_of(self, item: Item, cut: Any, bad_items: BadItems) -> tuple[bytes, str | None]:
        """Return the line to write for an item, and the reason if it is bad; see `line_of`."""
        return line_of(item, cut, bad_items, _record)

    def seal(self, lines: Iterable[bytes], target: Path, *, replace: bool) -> None:  # noqa: ARG002 - as for folders
        """Write the finished lines to *target* atomically."""
        with replacing(target) as file, compressed(file, like=target) as out:
            out.writelines(lines)


def line_of(
    item: Item, cut: Any, bad_items: BadItems, record: Callable[[Any], Any]
) -> tuple[bytes, str | None]:
    """Return the line to write for an item, empty if none, and the reason if the item is bad.

    Args:
        item: The item.
        cut: Its annotated copy, or None.
        bad_items: What to do if there is none.
        record: Returns a cut as JSON values.

    Raises:
        FormatError: If the item is bad and *bad_items* is ``stop``.
    """
    reason = item.reason or f"{item.where}: the item was lost"
    if cut is not None:
        try:
            # As Lhotse writes it.
            return json.dumps(record(cut), ensure_ascii=False).encode() + b"\n", None
        except Exception as error:  # noqa: BLE001 - Lhotse and plugins put any values into cuts
            problem = f"{type(error).__name__}: {error}"[:200]
            reason = f"{item.where}: the cut cannot be written as JSON: {problem}"
    return bad_line(item.raw, reason, bad_items), reason


def _record(cut: Any) -> Any:
    return cut.to_dict()
