"""Commands whose disturbed runs must end with the bytes of an undisturbed run."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import soundfile
from lhotse import CutSet
from support.cli_runner import FakeModels
from support.training import corpus, manifest, small_config

from campaign.targets.formats import PLUGINS, dialogue
from campaign.targets.manifests import RATE, cuts
from emo2vec_plugins import Plugins
from emo2vec_plugins.cli import main
from emo2vec_plugins.formats import write_dialogues
from emo2vec_plugins.training import trainer

_STOPPED = SimpleNamespace(monotonic=lambda: 0.0)
"""A clock, for the seconds of an epoch."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A command and its inputs.

    Attributes:
        name: Unique.
        inputs: A folder with the inputs; a copy is the working directory of each run.
        line: The arguments, with names relative to the folder.
        resumes: Whether a killed run leaves files that the next run uses.
    """

    name: str
    inputs: Path
    line: tuple[str, ...]
    resumes: bool = False

    def prepare(self, folder: Path) -> None:
        """Copy the inputs to an empty folder."""
        shutil.copytree(self.inputs, folder, dirs_exist_ok=True)

    def run(self) -> int:
        """Run the command in the working directory and return its exit status."""
        own = Plugins([FakeModels()], installed=False)
        try:
            with mock.patch.object(trainer, "time", _STOPPED):
                main(args=list(self.line), obj=own, prog_name="emo2vec")
        except SystemExit as error:
            return int(error.code or 0)
        return 0

    def results(self, folder: Path) -> dict[str, bytes]:
        """Return the content of each file that is not an input."""
        given = {path.relative_to(self.inputs) for path in self.inputs.rglob("*")}
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.relative_to(folder) not in given
        }


def all_scenarios(scratch: Path) -> list[Scenario]:
    """Return the scenarios; their inputs are made in *scratch*."""
    talk = _inputs(scratch / "talk", _talk)
    manifest = _inputs(scratch / "manifest", _manifest)
    model = ("-m", "fake", "--batch-seconds", "1", "--quiet")
    arrays = ("--embeddings", "--frames", "--store")
    annotate = ("cuts", "in.jsonl.gz", "-o", "out.jsonl.gz", *model)
    return [
        Scenario("cuts", manifest, annotate, resumes=True),
        Scenario("cuts lca", manifest, (*annotate, *arrays, "arrays.lca"), resumes=True),
        Scenario("cuts h5", manifest, (*annotate, *arrays, "arrays.h5"), resumes=True),
        Scenario("cuts npy", manifest, (*annotate, *arrays, "arrays"), resumes=True),
        Scenario("cuts shar", manifest, ("cuts", "shar", "-o", "out", *model), resumes=True),
        Scenario("score", talk, ("score", "audio", "-o", "out.emotions.jsonl", *model), True),
        Scenario(
            "score npy",
            talk,
            ("score", "audio", "-o", "out.emotions.jsonl", *model, *arrays, "arrays"),
            resumes=True,
        ),
        Scenario(
            "rttm",
            talk,
            (
                *("rttm", "audio", "--rttm", "all.rttm", "-o", "out", "--format", "elan"),
                *(*model, "--embeddings", "--frames"),
            ),
        ),
        Scenario("convert", talk, ("convert", "talk.emotions.jsonl", "-o", "out.TextGrid", "-q")),
        Scenario(
            "report",
            talk,
            ("report", "talk.emotions.jsonl", "-o", "out.html", "--sound", "none", "-q"),
        ),
        Scenario("kaldi", talk, ("kaldi", "kaldi", "-o", "out", *model, "--embeddings")),
        Scenario("nemo", talk, ("nemo", "nemo.json", "-o", "nemo.out.json", *model)),
        *_learning(_inputs(scratch / "corpus", _corpus)),
        *_review(_inputs(scratch / "review", _corrections)),
    ]


def _learning(inputs: Path) -> list[Scenario]:
    train = ("train", "cuts.jsonl", "--new", "config.yaml", "--threads", "1", "-o", "out", "-q")
    device = ("--device", "cpu")
    evaluate = ("evaluate", "cuts.jsonl", "--predictions", "rows.jsonl", "--report", "report.json")
    return [
        Scenario(
            "train",
            inputs,
            (*train, *device, "--dev-speakers", "dee", "--epochs", "3"),
            resumes=True,
        ),
        Scenario(
            "train folds",
            inputs,
            (*train, *device, "--leave-one-out", "speaker", "--epochs", "1"),
            resumes=True,
        ),
        Scenario("evaluate", inputs, (*evaluate, "--picture", "matrix.png", "-q")),
    ]


def _review(inputs: Path) -> list[Scenario]:
    read = ("review", "read", "talk.emotions.jsonl", "corrected", "--input-format", "elan")
    export = ("review", "export", "talk.emotions.jsonl", "--format", "labelstudio")
    return [
        Scenario("review export", inputs, (*export, "-o", "out", "-q")),
        Scenario("review read", inputs, (*read, "-o", "out", "-q")),
    ]


def _inputs(folder: Path, make: Callable[[], None]) -> Path:
    folder.mkdir(parents=True)
    before = Path.cwd()
    os.chdir(folder)  # paths in manifests are relative
    try:
        make()
    finally:
        os.chdir(before)
    return folder


def _noise(path: Path, seconds: float) -> None:
    samples = np.random.default_rng(len(path.name)).uniform(-0.5, 0.5, round(RATE * seconds))
    path.parent.mkdir(exist_ok=True)
    soundfile.write(path, samples.astype(np.float32), RATE)


def _talk() -> None:
    for n in range(6):
        _noise(Path("audio", f"r{n}.wav"), 2.5)
    turns = [f"SPEAKER r{n} 1 {k}.1 0.7 <NA> <NA> S{k} <NA> <NA>" for n in range(6) for k in (0, 1)]
    Path("all.rttm").write_text("".join(f"{turn}\n" for turn in turns), "utf-8")
    write_dialogues([dialogue()], "talk.emotions.jsonl", plugins=PLUGINS)
    lines = [{"audio_filepath": f"audio/r{n}.wav", "duration": 2.5} for n in range(6)]
    Path("nemo.json").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    Path("kaldi").mkdir()
    scp = "".join(f"r{n} audio/r{n}.wav\n" for n in range(6))
    Path("kaldi/wav.scp").write_text(scp, "utf-8")
    _forget()


def _manifest() -> None:
    _noise(Path("a.wav"), 2.0)
    found = cuts(Path("a.wav"))
    CutSet.from_cuts(found * 6).to_file("in.jsonl.gz")
    plain = [cut for cut in found if type(cut).__name__ == "MonoCut"]
    Path("shar").mkdir()
    CutSet.from_cuts(plain * 6).to_shar("shar", fields={"recording": "wav"}, shard_size=5)
    _forget()


def _corpus() -> None:
    cuts = corpus(Path("wav"))
    manifest(Path("cuts.jsonl"), cuts)
    small_config(Path("config.yaml"))
    turns = [turn for cut in cuts for turn in cut.supervisions]
    rows = [{"id": turn.id, "label": "sad", "scores": {"sad": 0.7, "happy": 0.3}} for turn in turns]
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    _forget()


def _corrections() -> None:
    _noise(Path("talk.wav"), 8.0)
    write_dialogues([dialogue()], "talk.emotions.jsonl", plugins=PLUGINS)
    main(
        [*("review", "export", "talk.emotions.jsonl", "-q"), "-o", "corrected", "--format", "elan"],
        standalone_mode=False,
    )
    [page] = Path("corrected").glob("*.eaf")
    changed = page.read_text("utf-8").replace(">angry<", ">sad<", 2)
    page.write_text(changed, "utf-8")
    _forget()


def _forget() -> None:
    """Remove the records of our own files: the inputs came from somewhere else."""
    for path in Path.cwd().rglob(".emo2vec.sha256"):
        path.unlink()
