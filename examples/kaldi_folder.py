"""Add an emotion to every utterance of a Kaldi data folder, in files that Kaldi's tools read.

    python examples/kaldi_folder.py

The recording and the model ship with this package; nothing is downloaded. The command for the same
is ``emo2vec kaldi data``.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from emo2vec_plugins import Engine, Options, load_model
from emo2vec_plugins.formats import read_rttm
from emo2vec_plugins.integrations.kaldi import annotate_kaldi
from emo2vec_plugins.testing import sample_conversation


def make_data_folder(folder: Path) -> None:
    """Write the sample meeting as a Kaldi recipe would prepare it."""
    audio, rttm = sample_conversation()
    [recording] = read_rttm(rttm)
    utterances = {f"{turn.speaker}-{round(turn.start * 100):06}": turn for turn in recording.turns}
    names = sorted(utterances)
    segments = [f"{name} sample {utterances[name].start} {utterances[name].end}" for name in names]
    speakers = [f"{name} {utterances[name].speaker}" for name in names]
    (folder / "wav.scp").write_text(f"sample {audio}\n")
    (folder / "segments").write_text("\n".join(segments) + "\n")
    (folder / "utt2spk").write_text("\n".join(speakers) + "\n")


def main(folder: Path) -> None:
    make_data_folder(folder)
    engine = Engine(load_model("tiny"))

    results = annotate_kaldi(folder, score=engine, options=Options(embeddings=True))

    print(f"{results.scored} utterances have an emotion, {results.failed} have none\n")
    for path in (results.labels, results.scores, results.embeddings):
        first = path.read_text("utf-8").splitlines()[0]
        print(f"{path.name:18} {first.replace(str(folder.resolve()), 'data')}")

    labels = results.labels.read_text("utf-8").splitlines()
    assert labels == sorted(labels)
    assert len(labels) == results.scored
    assert results.scored + results.failed == len((folder / "utt2spk").read_text().splitlines())


if __name__ == "__main__":
    with TemporaryDirectory() as temporary:
        main(Path(temporary))
