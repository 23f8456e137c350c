"""A data recipe: add emotions, probabilities and embeddings to every turn of a Lhotse CutSet.

    python examples/data_recipe.py

The meeting, its turns and the model ship with this package; nothing is downloaded. To use your own
cuts, change the first function.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from lhotse import CutSet, NumpyHdf5Writer, Recording, RecordingSet, SupervisionSet

from emo2vec_plugins import Engine, Options, annotate_cuts, load_model
from emo2vec_plugins.integrations.lhotse import turn_frames
from emo2vec_plugins.testing import sample_conversation


def conversation() -> CutSet:
    audio, rttm = sample_conversation()
    return CutSet.from_manifests(
        recordings=RecordingSet.from_recordings([Recording.from_file(audio)]),
        supervisions=SupervisionSet.from_rttm(rttm),
    )


def annotate_to(path: Path, cuts: CutSet) -> None:
    """Write each cut when it is done, and the arrays to an HDF5 file beside the manifest."""
    engine = Engine(load_model("tiny"), granularity="frame")
    with NumpyHdf5Writer(path.with_name("emotion_arrays")) as store:
        options = Options(embeddings=True, frames=True, store=store, array_dtype="float16")
        annotate_cuts(cuts, score=engine, options=options).to_file(path)


def report(path: Path) -> None:
    [cut] = CutSet.from_file(path)
    for turn in cut.supervisions:
        embedding = turn.load_custom("emotion_embedding")
        print(
            f"{turn.start:6.2f} s  {turn.speaker}  {turn.emotion:9}"
            f"{turn.emotion_score:.2f}  {embedding.dtype} {embedding.shape}"
        )
    # Frames are truncated with the cut: of the first turn, 1.44 to 13.31 s, two seconds remain.
    part = cut.truncate(offset=2.0, duration=2.0)
    [turn] = part.supervisions
    print(f"\nframes of the first turn from 2 to 4 s: {turn_frames(part, turn).shape}")


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        manifest = Path(folder) / "cuts.jsonl.gz"
        annotate_to(manifest, conversation())
        report(manifest)
