"""MELD: ``train_sent_emo.csv`` and clips ``train_splits/dia0_utt0.mp4``; likewise dev and test.

The publisher's clips are videos, which this package does not read. Extract their sound first:

    find MELD.Raw -name 'dia*.mp4' \\
        -exec sh -c 'ffmpeg -nostdin -i "$1" -vn -ac 1 -ar 16000 "${1%.mp4}.wav"' _ {} ';'

Numbers of dialogues start again in every split, and speakers occur in several splits. Some turns
have several speakers at once, who are unnamed here. "Joey/Drake" is Joey, who plays Drake.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from recipes.corpus import Corpus, Utterance
from recipes.layout import existing, is_file, rows

COLUMNS = ("Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID")

CLIPS = {
    "train": "train_splits",
    "dev": "dev_splits_complete",
    "test": "output_repeated_splits_test",
}


BROKEN = {
    "train_dia125_utt3": "a clip that cannot be read",
    **dict.fromkeys(
        ("train_dia309_utt0", "test_dia38_utt4", "test_dia220_utt0"),
        "a clip of much more than its utterance",
    ),
}
"""Why a clip cannot be used, by its split and name: issues 20 and 39 of the publisher's repository."""

_SEVERAL = re.compile(r"All|Both|The Guys|.*-Friends|.* and .*")


def utterances(folder: Path) -> Iterator[Utterance]:
    """Yield the utterances of the folder with the tables, or with ``train``, ``dev``, ``test``."""
    for split, clips in CLIPS.items():
        table = existing(folder, f"{split}_sent_emo.csv", f"{split}/{split}_sent_emo.csv")
        audio = existing(folder, f"{split}/{clips}", clips)
        for _, row in rows(table, *COLUMNS):
            name = f"dia{row['Dialogue_ID']}_utt{row['Utterance_ID']}"
            path = audio / f"{name}.wav"
            yield Utterance(
                id=f"{split}_{name}",
                path=path,
                speaker=_speaker(row["Speaker"]),
                language="en",
                emotion=row["Emotion"],
                split=split,
                text=_repaired(row["Utterance"]),
                unusable=BROKEN.get(f"{split}_{name}") or _video(path),
            )


def _speaker(name: str) -> str | None:
    """Return who speaks; None for several people at once."""
    return None if _SEVERAL.fullmatch(name) else name.partition("/")[0]


def _video(path: Path) -> str | None:
    is_video = not is_file(path) and is_file(path.with_suffix(".mp4"))
    return "a video; extract its sound with ffmpeg" if is_video else None


def _repaired(text: str) -> str:
    """Return a text with the quotes and dashes of Windows that were taken for control characters."""
    return "".join(
        bytes([ord(each)]).decode("cp1252", "ignore") if "\x80" <= each <= "\x9f" else each
        for each in text
    )


CORPUS = Corpus(
    name="meld",
    utterances=utterances,
    attribution=(
        "MELD by S. Poria, D. Hazarika, N. Majumder, G. Naik, E. Cambria and R. Mihalcea "
        "(ACL 2019, arXiv:1810.02508), https://github.com/declare-lab/MELD, with clips of the "
        "television series Friends"
    ),
)
