"""MSP-Podcast: ``Labels/labels_consensus.csv``, ``Labels/labels_detailed.csv`` and ``Audios``.

Releases before 1.10 write "concensus", and some name the folder ``labels`` or ``label``. The detailed
labels have a row for each rater, whose primary emotion is in the column ``EmoClass_Major`` (1.6 and
2.0), or else in the second field of ``EmoDetail`` (1.7 to 1.12). Raters may name an emotion of their
own, such as "Other-confused". Labels of Test3 are not published.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from emo2vec_plugins.core import shown
from emo2vec_plugins.errors import FormatError
from recipes.corpus import NO_AGREEMENT, Corpus, Utterance
from recipes.layout import SEXES, decoded, existing, is_file, rows, text_of

EMOTIONS = {
    "A": "Angry",
    "S": "Sad",
    "H": "Happy",
    "U": "Surprise",
    "F": "Fear",
    "D": "Disgust",
    "C": "Contempt",
    "N": "Neutral",
    "O": "Other",
    "X": NO_AGREEMENT,
}

SPLITS = {
    "Train": "train",
    "Development": "dev",
    "Validation": "dev",
    **{f"Test{number}": f"test{number}" for number in (1, 2, 3)},
}

COLUMNS = ("FileName", "EmoClass", "SpkrID", "Gender", "Split_Set")

_UNKNOWN = "Unknown"


def utterances(folder: Path) -> Iterator[Utterance]:
    """Yield the utterances of the folder that contains ``Audios`` and ``Labels``."""
    audio, labels = (
        existing(folder, "Audios", "Audio"),
        existing(folder, "Labels", "labels", "label"),
    )
    consensus = existing(labels, "labels_consensus.csv", "labels_concensus.csv")
    votes = _votes(existing(labels, "labels_detailed.csv"))
    for where, row in rows(consensus, *COLUMNS):
        path = audio / row["FileName"]
        yield Utterance(
            id=path.stem,
            path=path,
            speaker=None if row["SpkrID"] == _UNKNOWN else row["SpkrID"],
            sex=decoded(SEXES, row["Gender"], where),
            language="en",
            emotion=decoded(EMOTIONS, row["EmoClass"], where),
            votes=votes.get(row["FileName"], {}),
            split=decoded(SPLITS, row["Split_Set"], where),
            text=_text(folder / "Transcripts" / f"{path.stem}.txt"),
        )


def _votes(detailed: Path) -> Mapping[str, Mapping[str, int]]:
    """Return the votes of raters by file."""
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for where, row in rows(detailed, "FileName"):
        votes[row["FileName"]][_vote(row, where)] += 1
    return votes


def _vote(row: Mapping[str, str], where: str) -> str:
    emotion = row.get("EmoClass_Major")
    if emotion is None:
        fields = row.get("EmoDetail", "").split(";")
        if len(fields) < 2:
            expected = "EmoClass_Major, or EmoDetail with 'WORKER; EMOTION; ...'"
            raise FormatError(f"{where}: expected {expected}, got {shown(dict(row))}")
        emotion = fields[1].strip()
    return decoded(_BY_NAME, "Other" if emotion.lower().startswith("other") else emotion, where)


_BY_NAME = {name: name for name in EMOTIONS.values()}


def _text(path: Path) -> str | None:
    return text_of(path).strip() if is_file(path) else None


CORPUS = Corpus(
    name="msp_podcast",
    utterances=utterances,
    attribution=(
        "MSP-Podcast by R. Lotfian, C. Busso and the MSP Laboratory, The University of Texas at "
        "Dallas (doi:10.1109/TAFFC.2017.2736999), used under an agreement with the university"
    ),
)
