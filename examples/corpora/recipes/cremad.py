"""CREMA-D: ``AudioWAV/1001_DFA_ANG_XX.wav`` and three tables of the publisher's repository.

The name has the actor, the sentence, the intended emotion and its level. ``tabulatedVotes.csv`` has
the votes of listeners, of people who saw a silent video, and of those who did both; the first
digit of a row's number tells them apart. Only listeners' votes are used.

The publisher's README names a clip without sound, which is left out, and three whose votes are for
other audio, which have no votes here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from emo2vec_plugins.core import shown
from emo2vec_plugins.errors import FormatError
from recipes.corpus import Corpus, Utterance
from recipes.layout import SEXES, decoded, existing, parts, rows

EMOTIONS = {
    "ANG": "anger",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happy",
    "NEU": "neutral",
    "SAD": "sad",
}

SENTENCES = {
    "IEO": "It's eleven o'clock.",
    "TIE": "That is exactly what happened.",
    "IOM": "I'm on my way to the meeting.",
    "IWW": "I wonder what this is about.",
    "TAI": "The airplane is almost full.",
    "MTI": "Maybe tomorrow it will be cold.",
    "IWL": "I would like a new alarm clock.",
    "ITH": "I think I have a doctor's appointment.",
    "DFA": "Don't forget a jacket.",
    "ITS": "I think I've seen this before.",
    "TSI": "The surface is slick.",
    "WSI": "We'll stop in a couple of minutes.",
}

SILENT = "1076_MTI_SAD_XX"
"""A clip without sound."""

OTHERS_HEARD = ("1076_MTI_NEU_XX", "1064_TIE_SAD_XX", "1064_IEO_DIS_MD")
"""Clips of which listeners heard something else: silence, a fragment, and all emotions in a row."""

_LISTENERS = "1"


def utterances(folder: Path) -> Iterator[Utterance]:
    """Yield the utterances of the folder that contains ``AudioWAV`` and the tables."""
    audio = existing(folder, "AudioWAV")
    listed = existing(folder, "SentenceFilenames.csv")
    actors = existing(folder, "VideoDemographics.csv")
    sexes = {row["ActorID"]: row["Sex"] for _, row in rows(actors, "ActorID", "Sex")}
    votes = _votes(existing(folder, "processedResults/tabulatedVotes.csv"))
    for _, row in rows(listed, "Filename"):
        path = audio / f"{row['Filename']}.wav"
        pattern = r"(\d{4})_([A-Z]{3})_([A-Z]{3})_\w\w"
        actor, sentence, emotion = parts(pattern, path, example="1001_DFA_ANG_XX")
        yield Utterance(
            id=path.stem,
            path=path,
            speaker=actor,
            sex=decoded(SEXES, decoded(sexes, actor, f"{actors}: {path.stem}"), actors),
            language="en",
            emotion=decoded(EMOTIONS, emotion, f"{listed}: {path.stem}"),
            votes={} if path.stem in OTHERS_HEARD else votes.get(path.stem, {}),
            text=decoded(SENTENCES, sentence, f"{listed}: {path.stem}"),
            unusable="a clip without sound" if path.stem == SILENT else None,
        )


def _votes(table: Path) -> dict[str, Mapping[str, int]]:
    """Return the votes of listeners by file."""
    letters = {code[0]: emotion for code, emotion in EMOTIONS.items()}
    return {
        row["fileName"]: {
            emotion: count
            for letter, emotion in letters.items()
            if (count := _count(row[letter], where))
        }
        for where, row in rows(table, "", "fileName", *letters)
        if row[""].startswith(_LISTENERS)
    }


def _count(cell: str, where: str) -> int:
    if not re.fullmatch("[0-9]{1,6}", cell):
        raise FormatError(f"{where}: expected a number of votes, got {shown(cell)}")
    return int(cell)


CORPUS = Corpus(
    name="cremad",
    utterances=utterances,
    attribution=(
        "CREMA-D, the Crowd-sourced Emotional Multimodal Actors Dataset, by H. Cao, D. G. Cooper, "
        "M. K. Keutmann, R. C. Gur, A. Nenkova and R. Verma (doi:10.1109/TAFFC.2014.2336244), "
        "https://github.com/CheyneyComputerScience/CREMA-D, made available under the Open Database "
        "License 1.0 (https://opendatacommons.org/licenses/odbl/1-0/), contents under the Database "
        "Contents License 1.0 (https://opendatacommons.org/licenses/dbcl/1-0/)"
    ),
)
