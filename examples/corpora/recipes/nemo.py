"""nEMO, acted Polish speech: ``data.tsv`` and ``samples/WR0_surprised_64.wav``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from recipes.corpus import Corpus, Utterance
from recipes.layout import SEXES, decoded, existing, rows

COLUMNS = ("file_id", "emotion", "raw_text", "speaker_id", "gender")


def utterances(folder: Path) -> Iterator[Utterance]:
    """Yield the utterances of the folder that contains ``data.tsv`` and ``samples``."""
    audio = existing(folder, "samples")
    for where, row in rows(existing(folder, "data.tsv"), *COLUMNS, delimiter="\t"):
        path = audio / row["file_id"]
        yield Utterance(
            id=path.stem,
            path=path,
            speaker=row["speaker_id"],
            sex=decoded(SEXES, row["gender"], where),
            language="pl",
            emotion=row["emotion"],
            text=row["raw_text"],
        )


CORPUS = Corpus(
    name="nemo",
    utterances=utterances,
    attribution=(
        '"nEMO: Dataset of Emotional Speech in Polish" by I. Christop (arXiv:2404.06292), '
        "https://github.com/amu-cai/nEMO, licensed under CC BY-NC-SA 4.0 "
        "(https://creativecommons.org/licenses/by-nc-sa/4.0/)"
    ),
)
