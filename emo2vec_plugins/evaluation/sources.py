"""What ``emo2vec evaluate`` is given: labelled cuts, and the folds that they are in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from emo2vec_plugins.evaluation.options import labelled_manifest

if TYPE_CHECKING:
    from lhotse.cut import Cut

    from emo2vec_plugins.evaluation.reading import Truth
    from emo2vec_plugins.integrations.lhotse import LabelledTurn


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What is to be judged.

    Attributes:
        cuts: With labels.
        turns: The supervisions among them that are judged.
        folds: Ids of the turns in each fold; None if there are no folds.
        left_out: How many supervisions are not judged, by why.
    """

    cuts: Sequence[Cut]
    turns: Sequence[LabelledTurn]
    folds: Mapping[str, Sequence[str]] | None
    left_out: Mapping[str, int]


def manifest_material(path: Path, truth: Truth) -> Material:
    """Read a manifest of cuts.

    Raises:
        FormatError: If it is none.
        LabelError: If it is empty, or labels are missing or unknown.
    """
    cuts = labelled_manifest(path)
    return Material(cuts=cuts, turns=truth.turns(cuts), folds=None, left_out=truth.left_out(cuts))


def emobox_material(
    path: Path,
    truth: Truth,
    *,
    audio_root: str | None,
    needs_audio: bool,
    skip_missing: bool,
    folds: Sequence[int],
    speaker_pattern: str | None,
) -> Material:
    """Read the test clips of EmoBox's folds.

    Raises:
        FormatError: If they are none, or audio is missing that is not to be skipped.
        LabelError: If labels are missing or unknown.
        OptionsError: If there is no such fold, or no speaker in a key.
    """
    from emo2vec_plugins.evaluation import emobox

    if needs_audio and audio_root is None:
        raise click.UsageError(
            "EmoBox has no audio of its own: --audio-root FOLDER says where it is"
        )
    chosen = emobox.chosen_folds(emobox.read_emobox(path, speaker_pattern=speaker_pattern), folds)
    clips = emobox.clips_of(chosen)
    root = Path(audio_root) if audio_root is not None and needs_audio else None
    missing = emobox.missing_audio(clips, root) if root is not None and skip_missing else []
    lost = {clip.key for clip in missing}
    there = [clip for clip in clips if clip.key not in lost]
    cuts = emobox.as_cuts(there, root)
    return Material(
        cuts=cuts,
        turns=truth.turns(cuts),
        folds={fold.name: [clip.key for clip in fold.splits["test"]] for fold in chosen},
        left_out={**truth.left_out(cuts), "missing_audio": len(missing)},
    )
