"""Wake words and near misses of Mycroft's community: ``computer/en/computer-en-....wav``.

The folder of a language is below that of a wake word, or below ``not-wake-words``, whose
``metadata.csv`` has the words. Noises have no language. Who speaks is not published, and
nobody labelled an emotion, which presumably is neutral.

Contributors put their clips into the public domain, but for those of ``heysavant``, which has
licences of its own. They are left out, so that the manifest has one licence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from recipes.corpus import Corpus, Utterance
from recipes.layout import files, rows

RESTRICTED = {"heysavant": "CC BY-NC-SA 4.0, see heysavant/licenses"}

NO_LANGUAGE = "not in the folder of a language"

_LANGUAGE = re.compile(r"([a-z]{2})(-[a-z]{2})?")


def utterances(folder: Path) -> Iterator[Utterance]:
    """Yield the clips of the folder that contains ``not-wake-words`` and the wake words."""
    texts = {
        row["filename"]: row.get("text")
        for table in sorted(folder.rglob("metadata.csv"))
        for _, row in rows(table, "filename", "text", header=False)
    }
    for path in files(folder, "**/*.wav"):
        within = path.relative_to(folder)
        language = _language(within)
        yield Utterance(
            id=path.stem,
            path=path,
            language=language or "zxx",
            emotion="neutral",
            presumed=True,
            text=texts.get(path.name),
            unusable=RESTRICTED.get(within.parts[0]) or (None if language else NO_LANGUAGE),
        )


def _language(path: Path) -> str | None:
    """Return the language that a folder above a clip names; its dialect is ignored."""
    found = (_LANGUAGE.fullmatch(name) for name in path.parts[:-1])
    return next((match[1] for match in found if match), None)


CORPUS = Corpus(
    name="mycroft",
    utterances=utterances,
    attribution=(
        "Precise Community Data by the Mycroft community, "
        "https://github.com/MycroftAI/Precise-Community-Data, public domain as stated in its folder licenses"
    ),
)
