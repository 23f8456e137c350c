"""Files of our own runs: records, digests, arrays, checkpoints; recipes; folders of other tools."""

from __future__ import annotations

import json
import os
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lhotse import CutSet
from support.cli_runner import run

from campaign.readers import READ, REFUSED, Reader, refused
from campaign.targets.commands import command, wav
from campaign.targets.formats import PLUGINS, dialogue
from campaign.targets.manifests import cuts
from emo2vec_plugins.core import Permissions
from emo2vec_plugins.evaluation.emobox import read_emobox
from emo2vec_plugins.files import read_npz
from emo2vec_plugins.formats import write_dialogues
from emo2vec_plugins.integrations.lhotse import turn_frames
from emo2vec_plugins.integrations.pyannote.checks import check_pipeline
from emo2vec_plugins.models import read_state, save_state
from emo2vec_plugins.training import EpochResult, read_recipe
from emo2vec_plugins.training.checkpoints import Checkpoints
from emo2vec_plugins.training.history import History

_RECIPE = b"""network: tiny
tune: head
epochs: 3
learning_rate: 0.01
seed: 7
"""

_FOLD = "fold_1/x_test_fold_1.jsonl"

_PIPELINE = b"""version: 3.1.0
pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params:
    clustering: AgglomerativeClustering
    embedding: pyannote/wespeaker-voxceleb-resnet34-LM
    segmentation: pyannote/segmentation-3.0
params:
  clustering: {method: centroid, min_cluster_size: 12, threshold: 0.7}
"""


def readers(scratch: Path) -> list[Reader]:
    """Return a reader for each file that a later run reads, and for folders of other tools."""
    clips = [
        {"key": f"k{n}", "wav": f"k{n}.wav", "emo": "angry", "length": 1.0, "sample_rate": 16_000}
        for n in range(4)
    ]
    lines = "".join(f"{json.dumps(clip)}\n" for clip in clips).encode()
    return [
        *_runs(scratch / "runs"),
        *_arrays(scratch),
        Reader("recipe.yaml", "recipe.yaml", "yaml", _RECIPE, _recipe),
        Reader("config.yaml of pyannote", "config.yaml", "yaml", _PIPELINE, _pipeline),
        Reader("emobox", _FOLD, "jsonl", lines, _emobox),
        *_review(scratch),
        *_stored(scratch / "stored"),
        *_databases(scratch / "database"),
    ]


def _runs(folder: Path) -> list[Reader]:
    """Return readers for what finished runs leave: the next run must use or refuse it."""
    lines = {
        "cuts": ("cuts", "in.jsonl", "-o", "out.jsonl", "-m", "fake"),
        "rttm": ("rttm", "a.wav", "--rttm", "a.rttm", "-o", "out", "-m", "fake", "--overwrite"),
    }
    folder.mkdir()
    before = Path.cwd()
    os.chdir(folder)  # as for each case
    try:
        Path("a.wav").write_bytes(wav())
        Path("a.rttm").write_text("SPEAKER a 1 0 1 <NA> <NA> x <NA> <NA>\n", "utf-8")
        CutSet.from_cuts(cuts(Path("a.wav"))).to_file("in.jsonl")
        for line in lines.values():
            result = run(*line)
            assert result.exit_code == 0, result.output
        files = {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    finally:
        os.chdir(before)
    named = {
        "out.jsonl": ("jsonl", "cuts", "out.jsonl"),
        "out.jsonl.emo2vec.json": ("json", "cuts", "out.jsonl"),
        "out.jsonl.emo2vec.items": ("lines", "cuts", "out.jsonl"),
        ".emo2vec.sha256": ("digests", "cuts", ".jsonl"),
        "out/.emo2vec.sha256": ("digests", "rttm", "out/"),
    }
    return [
        command(f"{file} of {name}", file, shape, files, *lines[name], named=mentioned)
        for file, (shape, name, mentioned) in named.items()
        if file in files
    ]


def _arrays(scratch: Path) -> list[Reader]:
    arrays = {"values": np.ones((3, 4), "f4"), "turns": np.arange(3), "offsets": np.arange(4)}
    np.savez(scratch / "arrays.npz", **arrays)  # type: ignore[arg-type]
    state = {"weights": {"x": torch.ones(3, 4)}, "step": 3, "numbers": [1, 2.0]}
    save_state(scratch / "state.pt", state)
    epochs = History(epochs=[EpochResult(**_EPOCH)], best=1)
    Checkpoints(scratch / "run", _IDENTITY).save(epochs, state)
    last = (scratch / "run" / "last.pt").read_bytes()
    npz = (scratch / "arrays.npz").read_bytes()
    file = (scratch / "state.pt").read_bytes()
    return [
        Reader("arrays.npz", "arrays.npz", "npz", npz, _npz),
        Reader("state.pt", "state.pt", "torch", file, _state),
        Reader("last.pt", "run/last.pt", "torch", last, _checkpoint),
    ]


_IDENTITY = {"recipe": {"epochs": 3}, "data": "x"}
_EPOCH: dict[str, Any] = {"epoch": 1, "train_loss": 1.0, "seconds": 1.0, "learning_rate": 0.1}


def _review(scratch: Path) -> list[Reader]:
    page = scratch / "review.emotions.jsonl"
    write_dialogues([dialogue()], page, plugins=PLUGINS)
    result = run("review", "export", page, "-o", scratch / "tasks", "--format", "labelstudio")
    assert result.exit_code == 0, result.output
    [task] = json.loads((scratch / "tasks" / "tasks.labelstudio.json").read_text("utf-8"))
    seen = json.dumps(task["predictions"][0]["result"])
    task["annotations"] = [{"id": 1, "result": json.loads(seen.replace('["angry"]', '["sad"]', 1))}]
    files = {
        "talk.emotions.jsonl": page.read_bytes(),
        "talk.wav": wav(8.0),
        "tasks.json": json.dumps([task]).encode(),
    }
    line = ("review", "read", "talk.emotions.jsonl", "tasks.json", "-o", "out")
    return [command("review", "tasks.json", "json", files, *line, "--input-format", "labelstudio")]


def _npz(folder: Path) -> str:
    path = folder / "arrays.npz"
    return refused(lambda: read_npz(path, ["values", "turns", "offsets"]), path)


def _state(folder: Path) -> str:
    return refused(lambda: read_state(folder / "state.pt"), folder / "state.pt")


def _checkpoint(folder: Path) -> str:
    checkpoints, path, found = Checkpoints(folder / "run", _IDENTITY), folder / "run/last.pt", []
    outcome = refused(lambda: found.append(checkpoints.load()), path)
    return REFUSED if found == [None] else outcome


def _recipe(folder: Path) -> str:
    return refused(lambda: read_recipe(folder / "recipe.yaml"), folder / "recipe.yaml")


def _pipeline(folder: Path) -> str:
    allowed = Permissions(allow=("pickles",))
    path = folder / "config.yaml"
    return refused(lambda: check_pipeline(path, allowed, subfolder=None), path)


def _emobox(folder: Path) -> str:
    # Without a clip that can be used, the fold is named.
    return refused(lambda: read_emobox(folder), folder / "fold_1")


def _stored(folder: Path) -> list[Reader]:
    """Return readers for arrays of a manifest, in each kind of store."""
    folder.mkdir()
    before = Path.cwd()
    os.chdir(folder)
    found = []
    try:
        Path("a.wav").write_bytes(wav())
        plain = [cut for cut in cuts(Path("a.wav")) if type(cut).__name__ == "MonoCut"]
        CutSet.from_cuts(plain[:2]).to_file("in.jsonl")
        for store, ending in (("npy", "npy"), ("arrays.h5", "h5"), ("arrays.lca", "lca")):
            line = ("cuts", "in.jsonl", "-o", f"{ending}.jsonl", "-m", "fake", "--store", store)
            result = run(*line, "--embeddings", "--frames")
            assert result.exit_code == 0, result.output
            kept = {str(path) for path in Path().rglob(f"*.{ending}")}
            files = {name: Path(name).read_bytes() for name in [*kept, f"{ending}.jsonl"]}
            name = min(kept)
            read = partial(_frames, f"{ending}.jsonl")
            others = {each: data for each, data in files.items() if each != name}
            found.append(Reader(f"array of {ending}", name, "bytes", files[name], read, others))
    finally:
        os.chdir(before)
    return found


def _frames(manifest: str, folder: Path) -> str:
    outcome = READ
    for cut in CutSet.from_file(folder / manifest):
        for turn in cut.supervisions:
            # An error names the turn: the arrays of all turns may be in one file.
            if refused(partial(turn_frames, cut, turn), Path(turn.id)) == REFUSED:
                outcome = REFUSED
    return outcome


def _databases(folder: Path) -> list[Reader]:
    if not find_spec("audformat"):
        return []
    from emo2vec_plugins.integrations.audformat import to_database

    found = []
    for ending, shape in (("csv", "lines"), ("parquet", "parquet")):
        to_database([dialogue()], name="talks").save(str(folder / ending), storage_format=ending)
        files = {path.name: path.read_bytes() for path in (folder / ending).iterdir()}
        name = f"db.emotion.{ending}"
        others = {each: data for each, data in files.items() if each != name}
        found.append(Reader(f"audformat {ending}", name, shape, files[name], _database, others))
    return found


def _database(folder: Path) -> str:
    import audformat

    from emo2vec_plugins.integrations.audformat import from_database

    database = audformat.Database.load(str(folder), load_data=False)
    return refused(lambda: from_database(database, "emotion"), Path("emotion"))
