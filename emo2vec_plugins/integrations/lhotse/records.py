"""Records of finished outputs: the settings of the run, and its results."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.errors import FormatError, ResumeError
from emo2vec_plugins.files import (
    Finished,
    Journal,
    differences,
    digest_in,
    disk,
    from_json,
    items_path,
    overwriting,
    read_finished,
    read_own,
    record_path,
    settings_of,
    write_finished,
    write_whole,
)
from emo2vec_plugins.integrations.lhotse.folders import digests_of

if TYPE_CHECKING:
    from emo2vec_plugins.integrations.lhotse.manifest_files import Layout

ADVICE = "remove it or choose another path"


def write_record(target: Path, *, task: Mapping[str, Any], **results: Any) -> None:
    """Write the settings and results of an output. The caller must have locked the output."""
    record = settings_of(task=task, **results)  # as it is read back
    document = json.dumps(record | {"sha256": _checksum(record)}, indent=2) + "\n"
    write_whole(record_path(target), document, locked=True)


def read_record(target: Path) -> dict[str, Any] | None:
    """Return the record of an output; None without one that can be read and is undamaged."""
    path = record_path(target)
    try:
        record = from_json(read_own(path).decode(), where=str(path), surrogates=True)
    except (FileNotFoundError, UnicodeDecodeError, FormatError):
        return None
    is_whole = isinstance(record, dict) and record.pop("sha256", None) == _checksum(record)
    return record if is_whole else None


def digests_in_record(target: Path) -> dict[str, str | None]:
    """Return the digests of the files of an output, as recorded; empty without a record."""
    record = read_record(target) or {}
    digests: dict[str, str | None] = record.get("output", {})
    return digests


def _checksum(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def recorded(
    target: Path, *, task: Mapping[str, Any], advice: str = ADVICE
) -> dict[str, Any] | None:
    """Return the record of a finished output, or None if the output does not exist.

    Args:
        target: The output.
        task: The settings of the run.
        advice: What to do if the output has others.

    Raises:
        ResumeError: If the output has other settings, or no record.
    """
    if not target.exists():
        return None
    record = read_record(target)
    if record is None:
        path = record_path(target)
        why = f", but its record {path} cannot be read" if path.exists() else ""
        raise ResumeError(f"{target} already exists{why}; {ADVICE}")
    if record["task"] != task:
        how = differences(record["task"], task)
        raise ResumeError(f"{target} already exists and has other settings: {how}; {advice}")
    return record


def seal(manifest: Layout, lines: Iterable[bytes], target: Path) -> None:
    """Write the lines of an output, which replace those of an older one with the same record.

    Raises:
        OverwriteError: If an output exists that must not be replaced.
        OSError: If it cannot be written.
    """
    digests = digests_in_record(target)
    is_ours = bool(digests) and digests == digests_of(target)
    with overwriting() if is_ours else nullcontext():
        manifest.seal(lines, target, replace=is_ours)


def remove_record(target: Path) -> None:
    """Remove the record of an output, and its items."""
    for path in (items_path(target), record_path(target)):
        if path.exists():
            disk.unlink(path)


def write_items(target: Path, finished: Iterable[Finished]) -> str | None:
    """Write the items of an output, in order, and return the digest of the file."""
    journal = Journal(items_path(target))
    write_finished(journal, {"output": target.name}, finished)
    return digest_in(journal.path)


def read_items(target: Path, record: Mapping[str, Any] | None = None) -> Iterator[Finished]:
    """Yield the items of an output, in order.

    Args:
        target: The output.
        record: If given, nothing is yielded unless the items are those of this record.
    """
    path = items_path(target)
    if record is None or record.get("items") == digest_in(path):
        yield from read_finished(Journal(path))


def digest_of_items(manifest: Layout) -> str:
    """Return a digest of all items of a manifest."""
    digest = hashlib.sha256()
    for item in manifest.items():
        digest.update(f"{item.digest}\n".encode())
    return digest.hexdigest()
