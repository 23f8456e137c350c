"""FunASR's ``generate()`` in batches, and an emotion for every sentence of a FunASR transcript.

    python examples/funasr_drop_in.py

The meeting and the model ship with this package; nothing is downloaded. If FunASR is installed,
its own results are compared with ours.
"""

from __future__ import annotations

import logging
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import soundfile

from emo2vec_plugins.formats import read_rttm
from emo2vec_plugins.integrations.funasr import AutoModel, annotate_sentences
from emo2vec_plugins.models import TINY
from emo2vec_plugins.testing import sample_conversation


def main(folder: Path) -> None:
    audio, rttm = sample_conversation()
    [recording] = read_rttm(rttm)
    files = cut_turns(audio, recording.turns, folder / "turns")

    model = AutoModel(model="tiny")
    results = model.generate(files, output_dir=folder / "feats", granularity="utterance")

    for result in results:
        best = int(np.argmax(result["scores"]))
        print(f"{result['key']:>8}  {result['labels'][best]:<8} {result['scores'][best]:.2f}")
        assert np.array_equal(np.load(folder / "feats" / f"{result['key']}.npy"), result["feats"])

    if find_spec("funasr") is None:
        print("\nFunASR is not installed: its own results are not compared")
    else:
        print(f"\nlargest difference from FunASR's own scores: {difference(results, files):.1e}")

    transcript = as_funasr_transcribes(recording.turns)
    annotated = annotate_sentences(transcript, audio, score=model.engine)
    print()
    for sentence in annotated["sentence_info"]:
        emotion = sentence["emotion"] or f"unscored: {sentence['emotion_reason']}"
        print(f"speaker {sentence['spk']}  {sentence['text']:<12} {emotion}")
    assert "emotion" not in transcript["sentence_info"][0]
    assert len(annotated["sentence_info"]) == len(recording.turns)


def cut_turns(audio: Path, turns: Any, folder: Path) -> list[str]:
    """Write each turn of a second or more to a file, as scripts around FunASR do."""
    folder.mkdir()
    samples, rate = soundfile.read(audio)
    paths = []
    for number, turn in enumerate(turns):
        if turn.duration >= 1:
            paths.append(str(folder / f"turn-{number:02}.wav"))
            cut = samples[round(turn.start * rate) : round(turn.end * rate)]
            soundfile.write(paths[-1], cut, rate)
    return paths


def difference(results: list[dict[str, Any]], files: list[str]) -> float:
    """Return the largest difference between our scores and FunASR's, for the same model folder."""
    from funasr import AutoModel as Reference

    logging.disable(logging.INFO)  # FunASR logs a line per tensor
    reference = Reference(model=str(TINY), device="cpu", disable_update=True, disable_pbar=True)
    expected = reference.generate(files)
    assert [each["key"] for each in results] == [each["key"] for each in expected]
    assert [each["labels"] for each in results] == [each["labels"] for each in expected]
    scores = [np.asarray([each["scores"] for each in found]) for found in (results, expected)]
    largest = float(np.abs(scores[0] - scores[1]).max())
    assert largest < 1e-4
    return largest


def as_funasr_transcribes(turns: Any) -> dict[str, Any]:
    """Return the turns in the form of a FunASR transcript, without the words."""
    speakers = sorted({turn.speaker for turn in turns})
    sentences = [
        {
            "text": f"sentence {number}",
            "start": round(turn.start * 1000),
            "end": round(turn.end * 1000),
            "timestamp": [[round(turn.start * 1000), round(turn.end * 1000)]],
            "spk": speakers.index(turn.speaker),
        }
        for number, turn in enumerate(turns)
    ]
    text = " ".join(str(each["text"]) for each in sentences)
    return {"key": "sample", "text": text, "timestamp": [], "sentence_info": sentences}


if __name__ == "__main__":
    with TemporaryDirectory() as temporary:
        main(Path(temporary))
