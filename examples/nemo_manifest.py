"""Add an emotion to every line of a NeMo manifest.

    python examples/nemo_manifest.py

The meeting, its turns and the model ship with this package; nothing is downloaded, and NeMo is not
needed. The command for the same is ``emo2vec nemo IN -o OUT``.
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

    print("a manifest for recognition, one line per utterance:")
    spoken = write(
        folder / "train.json",
        {"audio_filepath": "talk.opus", "offset": 13.4, "duration": 3.5, "text": "did you call"},
        {"audio_filepath": "talk.opus", "offset": 21.95, "duration": 4.3, "text": "why would i"},
    )
    summary = annotate_nemo(spoken, folder / "train_emotion.json", score=engine)
    for line in read(folder / "train_emotion.json"):
        print(f"  {line['offset']:6} s  {line['emotion']:10} {line['text']}")
        assert line["emotion"] in engine.labels.names
    assert (summary.lines, summary.failed) == (2, 0)

    print("a manifest for diarization, one line per recording:")
    recording = {"audio_filepath": "talk.opus", "offset": 0, "duration": None, "label": "infer"}
    session = write(folder / "session.json", recording | {"rttm_filepath": "talk.rttm"})
    annotate_nemo(session, folder / "session_emotion.json", score=engine)
    [line] = read(folder / "session_emotion.json")
    for turn in line["emotion_turns"]:
        print(f"  {turn['start']:6.2f} s  {turn['speaker']}  {turn['emotion']}")
    assert len(line["emotion_turns"]) == 9


if __name__ == "__main__":
    with TemporaryDirectory() as temporary:
        main(Path(temporary))
