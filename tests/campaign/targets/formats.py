"""Annotation files: every registered format, RTTM as the command reads it, lists of audio."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from campaign.readers import Reader, refused
from emo2vec_plugins import Dialogue, Emotion, Plugins, Provenance, ScoredTurn, Turn
from emo2vec_plugins.core import Format
from emo2vec_plugins.formats import read_dialogues, write_dialogues
from emo2vec_plugins.integrations import read_inputs

PLUGINS = Plugins(installed=False)

_SHAPES = {
    ".json": "json",
    ".jsonl": "jsonl",
    ".eaf": "xml",
    ".emotionml": "xml",
    ".parquet": "parquet",
}


def dialogue() -> Dialogue:
    """Return a recording with six turns of two speakers, with all fields."""
    scores = {"angry": 0.7, "happy": 0.2, "sad": 0.1}
    source = Provenance(model="tiny", sha256="ab" * 32, tokens=("angry", "happy", "sad"))
    emotion = Emotion(
        label="angry",
        score=0.7,
        scores=scores,
        logits={name: 2 * value for name, value in scores.items()},
        flags=("overlapped",),
        duration=0.9,
        overlap_ratio=0.25,
        provenance=source,
    )
    turns = [
        ScoredTurn(
            turn=Turn(start=float(n), end=n + 0.9, speaker=f"S{n % 2}", channel=None),
            emotion=emotion if n else Emotion(reason="too short"),
        )
        for n in range(6)
    ]
    return Dialogue(recording="talk", turns=tuple(turns), audio="talk.wav", duration=8.0)


def readers(scratch: Path) -> list[Reader]:
    """Return a reader for each format that can be read."""
    found = [
        _reader(each, scratch) for each in PLUGINS.formats().values() if each.loads and each.dumps
    ]
    listing = {"list.scp": "a x.wav\nb y.wav\n", "list.txt": "x.wav\ny.wav\n"}
    listing["list.jsonl"] = '{"key": "a", "source": "x.wav"}\n{"key": "b", "source": "y.wav"}\n'
    for file, text in listing.items():
        shape = "jsonl" if file.endswith("jsonl") else "lines"
        found.append(Reader(file, file, shape, text.encode(), partial(_list, file)))
    return found


def _reader(format_: Format, scratch: Path) -> Reader:
    file = f"talk{format_.suffixes[0]}"
    write_dialogues([dialogue()], scratch / file, plugins=PLUGINS, format=format_.name)
    shape = _SHAPES.get(Path(file).suffix, "lines")
    sample = (scratch / file).read_bytes()
    return Reader(format_.name, file, shape, sample, partial(_format, file, format_.name))


def _format(file: str, name: str, folder: Path) -> str:
    path = folder / file
    return refused(lambda: read_dialogues(path, plugins=PLUGINS, format=name), path)


def _list(file: str, folder: Path) -> str:
    return refused(lambda: read_inputs([str(folder / file)]), folder / file)
