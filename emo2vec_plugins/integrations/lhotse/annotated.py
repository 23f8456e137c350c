"""The turns of an annotated manifest, read back as plain JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files import from_json
from emo2vec_plugins.integrations.lhotse.items import Item
from emo2vec_plugins.integrations.lhotse.manifest_files import items_in


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


def turns_of(
    manifest: str | Path, *, field: str = "emotion", skip_bad: bool = False
) -> Iterator[AnnotatedTurn]:
    """Yield every turn of a manifest that `annotate_manifest` wrote, lazily and in order.

    Args:
        manifest: A ``.jsonl``, a ``.jsonl.gz`` or a Shar directory.
        field: The field with the label.
        skip_bad: Skip bad items, which `annotate_manifest` keeps by default, instead of raising an
            error. Their turns lack *field*.

    Raises:
        FormatError: If an archive is damaged, or a line is not a cut.
        OSError: If a file cannot be read.
    """
    for item in items_in(Path(manifest)):
        yield from _read(item, field, skip_bad=skip_bad)


def _read(item: Item, field: str, *, skip_bad: bool) -> list[AnnotatedTurn]:
    try:
        if item.raw is None:
            raise FormatError(item.reason)
        # As plain JSON: constructing Lhotse's cuts would take ten times as long.
        turns = _turns(from_json(item.raw.decode()))
        bad = skip_bad and any(field not in (turn.get("custom") or {}) for turn in turns)
        return [] if bad else [_annotated(turn, field) for turn in turns]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        if skip_bad:
            return []
        raise FormatError(f"{item.where}: not an annotated cut ({error})") from error


def _annotated(turn: Mapping[str, Any], field: str) -> AnnotatedTurn:
    custom = turn.get("custom") or {}
    duration = turn.get("duration")
    return AnnotatedTurn(
        label=_text(custom.get(field)),
        reason=_text(custom.get(f"{field}_reason")),
        duration=duration if isinstance(duration, int | float) and isfinite(duration) else 0.0,
        speaker=_text(turn.get("speaker")),
    )


def _text(value: Any) -> str | None:
    """Return a value as text: corpora also have numbers, lists and blanks in these fields."""
    text = "" if value is None else str(value).strip()
    return text or None


def _turns(cut: Mapping[str, Any]) -> list[Any]:
    """Return the records of a cut's turns, in the order in which `places` finds the objects."""
    if "tracks" not in cut:
        return cut.get("supervisions") or [cut]
    # As for `places`, muted tracks and padding have no turns.
    audible = [
        track["cut"]
        for track in cut["tracks"]
        if not track.get("mute") and track.get("type") != "PaddingCut"
    ]
    turns = [turn for holder in audible for turn in holder.get("supervisions") or ()]
    return turns or audible[:1]
