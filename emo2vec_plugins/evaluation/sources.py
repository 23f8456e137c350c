"""What ``emo2vec evaluate`` is given: labelled cuts, and the folds that they are in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from emo2vec_plugins.cli import gathered, option
from emo2vec_plugins.errors import FormatError

if TYPE_CHECKING:
    from lhotse.cut import Cut

    from emo2vec_plugins.evaluation.reading import Truth
    from emo2vec_plugins.integrations.lhotse import LabelledTurn

_SPEAKER = "EmoBox: its first group in a clip's key is the speaker."
EMOBOX = {
    "audio_root": option("--audio-root DIR", "EmoBox: what its audio lies under."),
    "skip_missing": option("--skip-missing", "EmoBox: leave out clips without audio."),
    "folds": option(
        "--fold N", "EmoBox: this fold. Repeatable.", name="folds", type=int, multiple=True
    ),
    "speaker_pattern": option("--speaker-pattern REGEX", _SPEAKER),
}
"""Options that only a folder of EmoBox has a use for."""

emobox_options = gathered("box", dict, EMOBOX)
"""Gives a command the options; it is called with ``box=``, a dictionary of their values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What is evaluated.

    Attributes:
        cuts: With labels.
        turns: The supervisions among them that count.
        folds: Ids of the turns in each fold; None if there are no folds.
        left_out: How many supervisions do not count, by why.
    """

    cuts: Sequence[Cut]
    turns: Sequence[LabelledTurn]
    folds: Mapping[str, Sequence[str]] | None
    left_out: Mapping[str, int]


def read_material(path: Path, truth: Truth, *, box: dict[str, Any], needs_audio: bool) -> Material:
    """Read a manifest of cuts, or the test clips of EmoBox's folds.

    Args:
        path: A ``.jsonl``, a ``.jsonl.gz``, or a folder with ``fold_1`` in it.
        truth: How labels are read.
        box: Values of the options in `EMOBOX`.
        needs_audio: Whether a model will score the turns.

    Raises:
        click.UsageError: If options for EmoBox are given for a manifest, or are missing.
        FormatError: If it is another kind of file or empty, or audio is missing.
        LabelError: If labels are missing or unknown.
        OptionsError: If there is no such fold, or no speaker in a key.
    """
    from emo2vec_plugins.evaluation import emobox
    from emo2vec_plugins.integrations.lhotse import read_cuts

    if emobox.is_emobox(path):
        return _emobox_material(path, truth, needs_audio=needs_audio, **box)
    given = [name.removesuffix("s").replace("_", "-") for name, value in box.items() if value]
    if given:
        raise click.UsageError(f"--{given[0]} is for a folder of EmoBox, with fold_1 in it")
    if path.is_dir():
        expected = "a manifest of cuts is a .jsonl or .jsonl.gz, EmoBox's data a folder with fold_1"
        raise FormatError(f"{path}: {expected}")
    cuts = read_cuts(path)
    return Material(cuts=cuts, turns=truth.turns(cuts), folds=None, left_out=truth.left_out(cuts))


def _emobox_material(
    path: Path,
    truth: Truth,
    *,
    needs_audio: bool,
    audio_root: str | None,
    skip_missing: bool,
    folds: Sequence[int],
    speaker_pattern: str | None,
) -> Material:
    from emo2vec_plugins.evaluation import emobox

    if needs_audio and audio_root is None:
        raise click.UsageError("EmoBox has no audio of its own: --audio-root DIR says where it is")
    chosen = emobox.chosen_folds(emobox.read_emobox(path, speaker_pattern=speaker_pattern), folds)
    clips = emobox.clips_of(chosen)
    # Predictions from a file need no audio: clips whose file is missing count as well.
    root = Path(audio_root) if audio_root is not None and needs_audio else None
    missing = emobox.missing_audio(clips, root) if root is not None and skip_missing else []
    lost = {clip.key for clip in missing}
    cuts = emobox.as_cuts([clip for clip in clips if clip.key not in lost], root)
    return Material(
        cuts=cuts,
        turns=truth.turns(cuts),
        folds={fold.name: [clip.key for clip in fold.splits["test"]] for fold in chosen},
        left_out={**truth.left_out(cuts), "missing_audio": len(missing)},
    )
