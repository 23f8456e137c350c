"""A corpus in NeMo's manifests: the same lines, each with an emotion.

    python examples/nemo_manifest.py

The conversation and its turns come with pyannote.audio; nothing is downloaded, and NeMo is not
needed. From a shell it is ``emo2vec nemo IN OUT``.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from emo2vec_plugins import Engine, load_model
from emo2vec_plugins.integrations.nemo import annotate_nemo
from emo2vec_plugins.testing import sample_conversation


def write(path: Path, *lines: dict[str, object]) -> Path:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    return path


def read(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def main(folder: Path) -> None:
    for file in sample_conversation():
        shutil.copyfile(file, folder / f"talk{file.suffix}")
    engine = Engine(load_model("tiny"))

    print("a manifest for recognition, a line an utterance:")
    spoken = write(
        folder / "train.json",
        {"audio_filepath": "talk.wav", "offset": 8.32, "duration": 1.7, "text": "did you call"},
        {"audio_filepath": "talk.wav", "offset": 10.57, "duration": 4.13, "text": "why would i"},
    )
    summary = annotate_nemo(spoken, folder / "train_emotion.json", score=engine)
    for line in read(folder / "train_emotion.json"):
        print(f"  {line['offset']:6} s  {line['emotion']:10} {line['text']}")
        assert line["emotion"] in engine.labels.names
    assert (summary.lines, summary.failed) == (2, 0)

    print("a manifest for diarization, a line a recording:")
    recording = {"audio_filepath": "talk.wav", "offset": 0, "duration": None, "label": "infer"}
    session = write(folder / "session.json", recording | {"rttm_filepath": "talk.rttm"})
    annotate_nemo(session, session, score=engine)
    [line] = read(session)
    for turn in line["emotion_turns"]:
        print(f"  {turn['start']:6.2f} s  {turn['speaker']}  {turn['emotion']}")
    assert len(line["emotion_turns"]) == 10


if __name__ == "__main__":
    with TemporaryDirectory() as temporary:
        main(Path(temporary))
