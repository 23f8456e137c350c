"""The turns of an annotated manifest, read back without audio."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from emo2vec_plugins.integrations.lhotse.manifest_files import LinesLayout
from emo2vec_plugins.integrations.lhotse.session import places


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
    """Yield every turn of a ``.jsonl``, a ``.jsonl.gz`` or a Shar directory, lazily and in order.

    Args:
        manifest: Written by `annotate_manifest`.
        field: The field with the label.

    Raises:
        FormatError: If a line is not a cut.
        OSError: If a file cannot be read.
    """
    path = Path(manifest)
    # Of a Shar directory only the cuts are read, not the tar files with the audio.
    for file in sorted(path.glob("cuts.*.jsonl*")) if path.is_dir() else [path]:
        for cut in LinesLayout(file).cuts(0):
            for turn in places(cut).values():
                custom = turn.custom or {}
                yield AnnotatedTurn(
                    label=custom.get(field),
                    reason=custom.get(f"{field}_reason"),
                    duration=turn.duration,
                    speaker=getattr(turn, "speaker", None),
                )
