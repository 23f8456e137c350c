"""Settings of a run as JSON values: everything that its output depends on, and how two differ.

A finished run keeps them in a record beside its output, with its results.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import hexdigits
from typing import Any


def record_path(target: Path) -> Path:
    """Return the path of the record of a finished output: its settings and results."""
    return target.with_name(f"{target.name}.emo2vec.json")


def items_path(target: Path) -> Path:
    """Return the path of the items of a finished output: digests of the lines of its input."""
    return target.with_name(f"{target.name}.emo2vec.items")


def settings_of(**values: Any) -> dict[str, Any]:
    """Return *values* as they are read back from a journal or a record."""
    return json.loads(json.dumps(values, default=str))  # type: ignore[no-any-return]


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Describe how two settings differ. Details of a changed ``input`` are omitted."""
    before, after = dict(_flat(then)), dict(_flat(now))
    changes = [
        "the input has changed"
        if name.partition(".")[0] == "input"
        else f"{name} was {_short(before.get(name))}, is now {_short(after.get(name))}"
        for name in sorted(before | after)
        if before.get(name) != after.get(name)
    ]
    return "; ".join(dict.fromkeys(changes))


def _short(value: Any) -> str:
    is_digest = isinstance(value, str) and len(value) == 64 and set(value) <= set(hexdigits)
    return f"{value[:12]}..." if is_digest else f"{value!r:.100}"


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
