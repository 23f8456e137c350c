"""Add emotions as columns to a Hugging Face data set, with one row per turn or per meeting.

    python examples/huggingface_dataset.py

The meeting and the model ship with this package; nothing is downloaded. This package decodes the
audio, so no other decoder is needed.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from datasets import Audio, Dataset

from emo2vec_plugins import Engine, Options, load_model
from emo2vec_plugins.formats import read_rttm
from emo2vec_plugins.integrations.huggingface import annotate_dataset
from emo2vec_plugins.testing import sample_conversation


def main(folder: Path) -> None:
    audio, rttm = sample_conversation()
    [recording] = read_rttm(rttm)
    engine = Engine(load_model("tiny"))

    rows = Dataset.from_dict(
        {
            "audio": [str(audio)] * len(recording.turns),
            "begin": [turn.start for turn in recording.turns],
            "end": [turn.end for turn in recording.turns],
            "speaker": [turn.speaker for turn in recording.turns],
        }
    ).cast_column("audio", Audio())
    annotated = annotate_dataset(
        rows, score=engine, start="begin", end="end", options=Options(embeddings=True)
    )
    annotated.remove_columns("audio").to_parquet(folder / "turns.parquet")
    for row in annotated.remove_columns("audio"):
        print(f"{row['begin']:6.2f} {row['speaker']}  {row['emotion']} {row['emotion_score']:.2f}")
    assert annotated.features["audio"] == Audio()

    turns = [
        {"start": turn.start, "end": turn.end, "speaker": turn.speaker} for turn in recording.turns
    ]
    meetings = Dataset.from_dict({"audio": [str(audio)], "turns": [turns]})
    stream = annotate_dataset(meetings.to_iterable_dataset(), score=engine, turns="turns")
    [meeting] = stream
    ratios = meeting["emotion_overlap_ratio"]
    print(f"\nas one row: {sum(ratio > 0 for ratio in ratios)} of {len(ratios)} turns overlap")
    assert meeting["emotion"] == list(annotated["emotion"])


if __name__ == "__main__":
    with TemporaryDirectory() as temporary:
        main(Path(temporary))
