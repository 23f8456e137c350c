"""RAVDESS: ``Actor_01/03-01-05-01-01-01-01.wav``, from ``Audio_Speech_Actors_01-24.zip``.

The name has modality, vocal channel, emotion, intensity, statement, repetition and actor. Songs
have the same names with another channel, and are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from recipes.corpus import Corpus, Utterance
from recipes.layout import decoded, files, parts

EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
    "07": "disgust",
    "08": "surprised",
}

STATEMENTS = {"01": "Kids are talking by the door.", "02": "Dogs are sitting by the door."}

CHANNELS = {"01": None, "02": "a song"}


def utterances(folder: Path) -> Iterator[Utterance]:
    """Yield the utterances of the folder that contains ``Actor_01`` to ``Actor_24``."""
    for path in files(folder, "Actor_[0-9][0-9]/*.wav"):
        pattern = "-".join(["03", *[r"(\d\d)"] * 6])
        codes = parts(pattern, path, example="03-01-05-01-01-01-01.wav")
        channel, emotion, _, statement, _, actor = codes
        yield Utterance(
            id=path.stem,
            path=path,
            speaker=actor,
            sex="male" if int(actor) % 2 else "female",
            language="en",
            emotion=decoded(EMOTIONS, emotion, path),
            text=decoded(STATEMENTS, statement, path),
            unusable=decoded(CHANNELS, channel, path),
        )


CORPUS = Corpus(
    name="ravdess",
    utterances=utterances,
    attribution=(
        '"The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS)" by S. R. '
        "Livingstone and F. A. Russo (doi:10.1371/journal.pone.0196391), "
        "https://zenodo.org/record/1188976, licensed under CC BY-NC-SA 4.0 "
        "(https://creativecommons.org/licenses/by-nc-sa/4.0/)"
    ),
)
