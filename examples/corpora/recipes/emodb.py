"""EmoDB, the Berlin database of emotional speech: ``wav/03a01Fa.wav``.

The name has the speaker, the sentence, the emotion and the version. The publisher has no votes by
emotion, only the share of listeners who recognised the intended one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from recipes.corpus import Corpus, Utterance
from recipes.layout import decoded, existing, files, parts

EMOTIONS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "N": "neutral",
    "T": "sadness",
}

SEXES = {
    **dict.fromkeys(("03", "10", "11", "12", "15"), "male"),
    **dict.fromkeys(("08", "09", "13", "14", "16"), "female"),
}

SENTENCES = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}


def utterances(folder: Path) -> Iterator[Utterance]:
    """Yield the utterances of the folder that contains ``wav``."""
    for path in files(existing(folder, "wav"), "*.wav"):
        pattern = r"(\d\d)([ab]\d\d)([A-Z])[a-z]"
        speaker, sentence, emotion = parts(pattern, path, example="03a01Fa.wav")
        yield Utterance(
            id=path.stem,
            path=path,
            speaker=speaker,
            sex=decoded(SEXES, speaker, path),
            language="de",
            emotion=decoded(EMOTIONS, emotion, path),
            text=decoded(SENTENCES, sentence, path),
        )


CORPUS = Corpus(
    name="emodb",
    utterances=utterances,
    attribution=(
        "EmoDB, the Berlin Database of Emotional Speech, by F. Burkhardt, A. Paeschke, M. Rolfes, "
        "W. Sendlmeier and B. Weiss (Interspeech 2005), https://github.com/audeering/emodb, CC0 1.0"
    ),
)
