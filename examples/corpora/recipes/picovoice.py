"""The wake words of Picovoice's benchmark: ``audio/smart mirror/007b3f76-....wav``.

Some words have files such as ``audio/alexa/0.flac``. More than 50 people speak; who speaks is not
published. Nobody labelled an emotion. People who say a wake word for a benchmark presumably do so
neutrally.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from recipes.corpus import Corpus, Utterance
from recipes.layout import existing, files


def utterances(folder: Path) -> Iterator[Utterance]:
    """Yield the wake words of the folder that contains ``audio``."""
    for path in files(existing(folder, "audio"), "*/*"):
        word = path.parent.name
        yield Utterance(
            id=f"{word.replace(' ', '-')}_{path.stem}",
            path=path,
            language="en",
            emotion="neutral",
            presumed=True,
            text=word,
        )


CORPUS = Corpus(
    name="picovoice",
    utterances=utterances,
    attribution=(
        "Wake words of the Wake Word Benchmark by Picovoice Inc., "
        "https://github.com/Picovoice/wake-word-benchmark, licensed under the Apache License 2.0 "
        "(https://www.apache.org/licenses/LICENSE-2.0)"
    ),
)
