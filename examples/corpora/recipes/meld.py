"""MELD: ``train_sent_emo.csv`` and clips ``train_splits/dia0_utt0.mp4``; likewise dev and test.

The publisher's clips are videos, which this package does not read. Extract their sound first:

    find MELD.Raw -name 'dia*.mp4' -exec sh -c 'ffmpeg -i "$1" -vn "${1%.mp4}.wav"' _ {} ';'

Numbers of dialogues start again in every split, and speakers occur in several splits.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from recipes.corpus import Corpus, Utterance
from recipes.layout import existing, rows

COLUMNS = ("Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID")

CLIPS = {
    "train": "train_splits",
    "dev": "dev_splits_complete",
    "test": "output_repeated_splits_test",
}


def utterances(folder: Path) -> Iterator[Utterance]:
    """Yield the utterances of the folder with the tables, or with ``train``, ``dev``, ``test``."""
    for split, clips in CLIPS.items():
        table = existing(folder, f"{split}_sent_emo.csv", f"{split}/{split}_sent_emo.csv")
        audio = existing(folder, f"{split}/{clips}", clips)
        for _, row in rows(table, *COLUMNS):
            name = f"dia{row['Dialogue_ID']}_utt{row['Utterance_ID']}"
            path = audio / f"{name}.wav"
            is_video = not path.exists() and path.with_suffix(".mp4").exists()
            yield Utterance(
                id=f"{split}_{name}",
                path=path,
                speaker=row["Speaker"],
                language="en",
                emotion=row["Emotion"],
                split=split,
                text=_repaired(row["Utterance"]),
                unusable="a video; extract its sound with ffmpeg" if is_video else None,
            )


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
