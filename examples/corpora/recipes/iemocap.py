"""IEMOCAP: ``Session1/dialog/EmoEvaluation/Ses01F_impro01.txt`` and ``Session1/sentences/wav``.

An evaluation has a block for each utterance: the time, the name, the majority's emotion and the
mean attributes, then a line for each rater. Lines ``C-E1`` are categories of other people, ``C-F1``
and ``C-M1`` those of the speakers themselves, which are not counted. A rater may name several.
The letter in ``Ses01F`` says who wears markers, the last one of an utterance's name who speaks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from emo2vec_plugins.core import shown
from emo2vec_plugins.errors import FormatError
from recipes.corpus import NO_AGREEMENT, Corpus, Utterance
from recipes.layout import decoded, existing, files, parts, text_of

EMOTIONS = {
    "ang": "Anger",
    "hap": "Happiness",
    "exc": "Excited",
    "sad": "Sadness",
    "fru": "Frustration",
    "fea": "Fear",
    "sur": "Surprise",
    "dis": "Disgust",
    "neu": "Neutral",
    "oth": "Other",
    "xxx": NO_AGREEMENT,
}

SEXES = {"F": "female", "M": "male"}

_BLOCK = re.compile(r"\[[\d. -]+\]\t(\S+)\t(\S+)\t\[.*\]")
_VOTE = re.compile(r"C-E\d+:([^(]*)\(.*")
_TEXT = re.compile(r"(\S+) \[[\d.-]+\]: (.*)")
_BY_NAME = {**{name: name for name in EMOTIONS.values()}, "Neutral state": "Neutral"}

Block = tuple[str, str, Counter[str]]
"""The name, the code of the emotion and the votes of an utterance."""


def utterances(folder: Path) -> Iterator[Utterance]:
    """Yield the utterances of the folder that contains ``Session1`` to ``Session5``."""
    for path in files(folder, "Session[1-5]/dialog/EmoEvaluation/Ses*.txt"):
        session = path.parents[2]
        texts = _texts(existing(session, f"dialog/transcriptions/{path.name}"))
        audio = session / "sentences" / "wav" / path.stem
        for block in _blocks(path):
            yield _utterance(block, path, audio, texts)


def _utterance(block: Block, table: Path, audio: Path, texts: Mapping[str, str]) -> Utterance:
    name, code, votes = block
    path = audio / f"{name}.wav"
    pattern = r"Ses(\d\d)[FM]_(?:impro|script)\w{1,9}_([FM])\w{1,9}"
    number, sex = parts(pattern, path, example="Ses01F_impro01_M000.wav")
    return Utterance(
        id=name,
        path=path,
        speaker=f"Ses{number}{sex}",
        sex=SEXES[sex],
        language="en",
        emotion=decoded(EMOTIONS, code, f"{table}: {name}"),
        votes=votes,
        text=texts.get(name),
    )


def _blocks(path: Path) -> list[Block]:
    """Return the blocks of an evaluation."""
    blocks: list[Block] = []
    for number, line in enumerate(map(str.strip, text_of(path).splitlines()), 1):
        where = f"{path}: line {number}"
        if line.startswith("["):
            name, code = _matched(_BLOCK, line, where, expected="[TIME]<tab>NAME<tab>EMOTION<tab>[")
            blocks.append((name, code, Counter()))
        elif line.startswith("C-E"):
            (names,) = _matched(_VOTE, line, where, expected="C-E1:<tab>EMOTION;<tab>(COMMENT)")
            if not blocks:
                raise FormatError(f"{where}: expected an utterance before the first vote")
            given = filter(None, map(str.strip, names.split(";")))
            blocks[-1][2].update(decoded(_BY_NAME, emotion, where) for emotion in given)
    if not blocks:
        raise FormatError(f"{path}: expected lines [TIME]<tab>NAME<tab>EMOTION, found none")
    return blocks


def _matched(pattern: re.Pattern[str], line: str, where: str, *, expected: str) -> Sequence[str]:
    found = pattern.fullmatch(line)
    if not found:
        raise FormatError(f"{where}: expected {expected}, got {shown(line)}")
    return found.groups()


def _texts(path: Path) -> dict[str, str]:
    """Return the words of each utterance in a transcription."""
    lines = map(str.strip, text_of(path).splitlines())
    return {found[1]: found[2] for line in lines if (found := _TEXT.fullmatch(line))}


CORPUS = Corpus(
    name="iemocap",
    utterances=utterances,
    attribution=(
        "IEMOCAP by C. Busso, M. Bulut, C.-C. Lee, A. Kazemzadeh, E. Mower, S. Kim, J. N. Chang, "
        "S. Lee and S. S. Narayanan, SAIL, University of Southern California "
        "(doi:10.1007/s10579-008-9076-6), https://sail.usc.edu/iemocap/, used under its release form"
    ),
)
