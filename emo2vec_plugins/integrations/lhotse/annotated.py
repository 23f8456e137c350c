"""The turns of an annotated manifest, read back as plain JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emo2vec_plugins.integrations.lhotse.manifest_files import lines_of


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatedTurn:
    """A supervision, or a cut without supervisions, and its label.

    Attributes:
        label: None if it has no label.
        reason: Why it has none, if known.
        duration: Seconds.
        speaker: None if unknown.
    """

    label: str | None
    reason: str | None
    duration: float
    speaker: str | None


def turns_of(manifest: str | Path, *, field: str = "emotion") -> Iterator[AnnotatedTurn]:
    """Yield every turn of a manifest that `annotate_manifest` wrote, lazily and in order.

    Args:
        manifest: A ``.jsonl``, a ``.jsonl.gz`` or a Shar directory.
        field: The field with the label.

    Raises:
        FormatError: If an archive is damaged.
        OSError: If a file cannot be read.
    """
    path = Path(manifest)
    # Of a Shar directory only the cuts are read, not the tar files with the audio.
    for file in sorted(path.glob("cuts.*.jsonl*")) if path.is_dir() else [path]:
        for _, line in lines_of(file):
            # Not as Lhotse's cuts: making those takes ten times as long as reading the JSON.
            for turn in _turns(json.loads(line)):
                custom = turn.get("custom") or {}
                yield AnnotatedTurn(
                    label=_label(custom.get(field)),
                    reason=custom.get(f"{field}_reason"),
                    duration=turn["duration"],
                    speaker=turn.get("speaker"),
                )


def _label(value: Any) -> str | None:
    """Return a label as text: corpora also keep numbers, lists and blanks in such a field."""
    text = "" if value is None else str(value).strip()
    return text or None


def _turns(cut: Mapping[str, Any]) -> list[Any]:
    """Return the records of a cut's turns, as `places` finds the objects."""
    holders = [track["cut"] for track in cut["tracks"]] if "tracks" in cut else [cut]
    turns = [turn for holder in holders for turn in holder.get("supervisions", ())]
    return turns or holders[:1]
