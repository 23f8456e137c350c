"""EmoGator: vocal bursts without words, ``data/mp3/000001-02-1.mp3``.

The name has the contributor, the category from 01 to 30 and the instance.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from recipes.corpus import Corpus, Utterance
from recipes.layout import decoded, existing, files, parts

_NAMES = (
    *("Adoration", "Amusement", "Anger", "Awe", "Confusion", "Contempt", "Contentment", "Desire"),
    *("Disappointment", "Disgust", "Distress", "Ecstasy", "Elation", "Embarrassment", "Fear"),
    *("Guilt", "Interest", "Neutral", "Pain", "Pride", "Realization", "Relief", "Romantic Love"),
    *("Sadness", "Serenity", "Shame", "Surprise (Negative)", "Surprise (Positive)", "Sympathy"),
    "Triumph",
)

EMOTIONS = {f"{number:02}": name for number, name in enumerate(_NAMES, 1)}


def utterances(folder: Path) -> Iterator[Utterance]:
    """Yield the bursts of the folder that contains ``data/mp3``."""
    for path in files(existing(folder, "data/mp3"), "*.mp3"):
        pattern = r"(\d{6})-(\d\d)-\d"
        contributor, emotion = parts(pattern, path, example="000001-02-1.mp3")
        yield Utterance(
            id=path.stem,
            path=path,
            speaker=contributor,
            language="zxx",
            emotion=decoded(EMOTIONS, emotion, path),
        )


CORPUS = Corpus(
    name="emogator",
    utterances=utterances,
    attribution=(
        "EmoGator by F. W. Buhl (arXiv:2301.00508), https://github.com/fredbuhl/EmoGator, "
        "licensed under the Apache License 2.0 (https://www.apache.org/licenses/LICENSE-2.0)"
    ),
)
