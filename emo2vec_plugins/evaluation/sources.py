"""Inputs of ``emo2vec evaluate``: labelled cuts and, for EmoBox, their folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from emo2vec_plugins.cli import COUNT, gathered, option
from emo2vec_plugins.core import Permissions
from emo2vec_plugins.errors import FormatError, naming

if TYPE_CHECKING:
    from lhotse.cut import Cut

    from emo2vec_plugins.evaluation.reading import Truth
    from emo2vec_plugins.integrations.lhotse import LabelledTurn

_SPEAKER = "EmoBox: regular expression for clip keys; its first group is the speaker."
EMOBOX = {
    "audio_root": option("--audio-root DIR", "EmoBox: folder with the audio."),
    "skip_missing": option("--skip-missing", "EmoBox: leave out clips without audio."),
    "folds": option(
        "--fold N",
        "EmoBox: evaluate only this fold. Repeatable.",
        name="folds",
        type=COUNT,
        multiple=True,
    ),
    "speaker_pattern": option("--speaker-pattern REGEX", _SPEAKER),
}
"""Options for EmoBox folders only."""

emobox_options = gathered("box", dict, EMOBOX)
"""Adds the options to a command, which receives their values as a dictionary, ``box=``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """The data to evaluate on.

    Attributes:
        cuts: Labelled cuts.
        turns: The supervisions to evaluate.
        folds: Turn ids by fold; None for data without folds.
        left_out: Number of supervisions left out, by reason.
    """

    cuts: Sequence[Cut]
    turns: Sequence[LabelledTurn]
    folds: Mapping[str, Sequence[str]] | None
    left_out: Mapping[str, int]


def read_material(
    path: Path, truth: Truth, *, box: dict[str, Any], permissions: Permissions | None
) -> Material:
    """Read a manifest of cuts, or the test clips of EmoBox folds.

    Args:
        path: A ``.jsonl``, a ``.jsonl.gz``, or an EmoBox folder, which contains ``fold_1``.
        truth: Reads the labels.
        box: Values of the options in `EMOBOX`.
        permissions: What reading the audio may do; None if no model will score the turns.

    Raises:
        click.UsageError: If EmoBox options are given for a manifest, or a required one is missing.
        FormatError: If *path* is neither kind or is empty, or if audio is missing.
        LabelError: If labels are missing or unknown.
        OptionsError: If a fold does not exist, or a key has no speaker.
    """
    from emo2vec_plugins.evaluation import emobox
    from emo2vec_plugins.integrations.lhotse import read_cuts

    if emobox.is_emobox(path):
        return _emobox_material(path, truth, permissions=permissions, **box)
    given = [name.removesuffix("s").replace("_", "-") for name, value in box.items() if value]
    if given:
        raise click.UsageError(
            f"--{given[0]} works only with an EmoBox folder, which contains fold_1"
        )
    if path.is_dir():
        expected = "a .jsonl or .jsonl.gz of cuts, or an EmoBox folder, which contains fold_1"
        raise FormatError(f"{path}: expected {expected}")
    cuts = read_cuts(path)
    with naming(path):
        turns = truth.turns(cuts)
    return Material(cuts=cuts, turns=turns, folds=None, left_out=truth.left_out(cuts))


def _emobox_material(
    path: Path,
    truth: Truth,
    *,
    permissions: Permissions | None,
    audio_root: str | None,
    skip_missing: bool,
    folds: Sequence[int],
    speaker_pattern: str | None,
) -> Material:
    from emo2vec_plugins.evaluation import emobox

    needs_audio = permissions is not None
    if needs_audio and audio_root is None:
        raise click.UsageError(
            "EmoBox does not include audio: pass its folder with --audio-root DIR"
        )
    chosen = emobox.chosen_folds(emobox.read_emobox(path, speaker_pattern=speaker_pattern), folds)
    clips = emobox.clips_of(chosen)
    # Predictions from a file need no audio: clips without an audio file count as well.
    root = Path(audio_root) if audio_root is not None and needs_audio else None
    missing = emobox.missing_audio(clips, root) if root is not None and skip_missing else []
    lost = {clip.key for clip in missing}
    cuts = emobox.as_cuts([clip for clip in clips if clip.key not in lost], root, permissions)
    return Material(
        cuts=cuts,
        turns=truth.turns(cuts),
        folds={fold.name: [clip.key for clip in fold.splits["test"]] for fold in chosen},
        left_out={**truth.left_out(cuts), "missing_audio": len(missing)},
    )
