"""Indian EmoSpeech Command Dataset: ``Roads/yes-safe-calm-20190729193355-d14a028c....wav``.

The folder is the place, and the name has keyword, environment, emotion, time and a hash of who
speaks. The README of the repository lists them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from recipes.corpus import Corpus, Utterance
from recipes.layout import decoded, files, parts

LANGUAGES = {
    "bacho": "hi",
    **dict.fromkeys(("help", "stop", "no", "go", "yes"), "en"),
    "unknown": "mul",
    "background": "zxx",
}
"""Language of each keyword. Other words, ``unknown``, are in several languages."""

UNKNOWN_SPEAKER = "d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f"
"""Stands for a speaker who is not known: the hash of no bytes."""


def utterances(folder: Path) -> Iterator[Utterance]:
    """Yield the utterances of the folder that contains ``House``, ``Roads`` and other places."""
    example = "yes-safe-calm-20190729193355-d14a028c.wav"
    for path in files(folder, "*/*.wav"):
        pattern = r"(\w+)-[\w ]+-(\w+)-.+-([0-9a-f]+)"
        word, emotion, speaker = parts(pattern, path, example=example)
        yield Utterance(
            id=f"{path.parent.name}_{path.stem}".replace(" ", "-"),
            path=path,
            speaker=None if speaker == UNKNOWN_SPEAKER else speaker,
            language=decoded(LANGUAGES, word, path),
            emotion=emotion,
            text=None if word in ("unknown", "background") else word,
            unusable="no keyword is spoken" if word == "background" else None,
        )


CORPUS = Corpus(
    name="emospeech",
    utterances=utterances,
    attribution=(
        '"Indian EmoSpeech Command Dataset" by S. Banga, U. Upadhyay, P. Agarwal, A. Sharma and '
        "P. Mukherjee (arXiv:1910.13801), https://github.com/RakshakTeam/emospeech-dataset-v1, "
        "licensed under CC BY-NC-SA 4.0 (https://creativecommons.org/licenses/by-nc-sa/4.0/)"
    ),
)
