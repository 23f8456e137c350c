"""Whole commands on damaged inputs: the exit status and the message must be right."""

from __future__ import annotations

import io
import json
import tarfile
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
from lhotse import CutSet
from support.cli_runner import run

from campaign.readers import READ, REFUSED, Reader
from campaign.targets.formats import PLUGINS, dialogue
from campaign.targets.manifests import RATE, SECONDS, cuts
from emo2vec_plugins.formats import write_dialogues

_MEANT = {0, 1, 2, 3}
"""Exit statuses that a damaged file may give."""


def wav(seconds: float = SECONDS) -> bytes:
    """Return noise as a WAV file."""
    file = io.BytesIO()
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, round(RATE * seconds))
    soundfile.write(file, noise.astype(np.float32), RATE, format="WAV")
    return file.getvalue()


def readers(scratch: Path) -> list[Reader]:
    """Return a reader for each command and file that is worth damaging."""
    return [*_annotations(scratch), *_kaldi(), *_nemo(), *_shar(scratch), *_evaluation(scratch)]


def command(
    name: str, file: str, shape: str, files: dict[str, bytes], *line: str, named: str = ""
) -> Reader:
    """Return the reader of one of the files of a command.

    Args:
        name: Name of the reader.
        file: The file to damage.
        shape: Its shape.
        files: All files of the command, by name.
        line: The command; ``DIR`` is the folder of a case.
        named: What an error must name, if it is not the file.
    """
    others = {other: data for other, data in files.items() if other != file}
    run = partial(_run, named or Path(file).name, line)
    return Reader(name, file, shape, files[file], run, others)


def _run(named: str, line: tuple[str, ...], folder: Path) -> str:
    arguments = [part.replace("DIR", str(folder)) for part in line]
    result = run(*arguments)
    assert result.exit_code in _MEANT, f"exit status {result.exit_code}: {result.output[-300:]}"
    for word in ("this is a bug", "Traceback"):
        assert word not in result.stderr, f"{word}: {result.stderr[-500:]}"
    if result.exit_code in (1, 2):
        assert named in result.stderr, f"{named} is not named: {result.stderr[-300:]}"
        assert len(result.stderr) < 4000, f"{len(result.stderr)} characters: {result.stderr[:300]}"
        return REFUSED
    return READ


def _annotations(scratch: Path) -> list[Reader]:
    sample = scratch / "rttm.rttm"
    write_dialogues([dialogue()], sample, plugins=PLUGINS, format="rttm")
    lines = {"talk.wav": wav(), "talk.rttm": sample.read_bytes()}
    page = scratch / "page.emotions.jsonl"
    write_dialogues([dialogue()], page, plugins=PLUGINS)
    found = {"talk.wav": wav(), "talk.emotions.jsonl": page.read_bytes()}
    rttm = ("rttm", "DIR/talk.wav", "--rttm", "DIR/talk.rttm", "-o", "DIR/out", "-m", "fake")
    report = ("report", "DIR/talk.emotions.jsonl", "-o", "DIR/page.html", "--sound", "none")
    return [
        command("rttm command", "talk.rttm", "lines", lines, *rttm),
        command("rttm audio", "talk.wav", "audio", lines, *rttm),
        command("report command", "talk.emotions.jsonl", "jsonl", found, *report),
    ]


def _kaldi() -> list[Reader]:
    files = {
        "wav.scp": b"r1 a.wav\nr2 a.wav\n",
        "segments": b"A-1 r2 0.25 -1\nA-2 r1 0.5 2.0\nB-1 r1 0 1.0\n",
        "utt2spk": b"A-1 A\nA-2 A\nB-1 B\n",
        "reco2file_and_channel": b"r1 a A\nr2 a A\n",
        "a.wav": wav(),
    }
    line = ("kaldi", "DIR", "-o", "DIR/out", "-m", "fake")
    names = [name for name in files if name != "a.wav"]
    return [command(f"kaldi {name}", name, "lines", files, *line) for name in names]


def _nemo() -> list[Reader]:
    lines = [{"audio_filepath": "a.wav", "offset": n * 0.3, "duration": 0.25} for n in range(5)]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    files = {"a.wav": wav(), "nemo.json": text.encode()}
    line = ("nemo", "DIR/nemo.json", "-o", "DIR/out.json", "-m", "fake")
    return [command("nemo command", "nemo.json", "jsonl", files, *line)]


def _shar(scratch: Path) -> list[Reader]:
    (scratch / "a.wav").write_bytes(wav())
    folder = scratch / "shar"
    folder.mkdir()
    plain = [cut for cut in cuts(scratch / "a.wav") if type(cut).__name__ == "MonoCut"]
    CutSet.from_cuts(plain).to_shar(folder, fields={"recording": "wav"}, shard_size=2)
    files = {f"shar/{path.name}": path.read_bytes() for path in sorted(folder.iterdir())}
    line = ("cuts", "DIR/shar", "-o", "DIR/out", "-m", "fake")
    first = sorted(files)
    damaged = [name for name in first if "000000" in name]
    assert any(tarfile.is_tarfile(scratch / name) for name in damaged)
    return [
        command(
            f"shar {Path(name).name}",
            name,
            "jsonl.gz" if name.endswith(".gz") else "tar",
            files,
            *line,
        )
        for name in damaged
    ]


def _evaluation(scratch: Path) -> list[Reader]:
    truth = []
    for n, cut in enumerate(cuts(Path("a.wav"))[:3]):
        turns = [
            turn.with_custom("emotion", "angry" if turn.speaker == "A" else "happy")
            for turn in cut.supervisions
        ]
        named = [turn.__class__(**{**turn.__dict__, "id": f"{n}-{turn.id}"}) for turn in turns]
        cut.supervisions = named
        truth.append(cut)
    CutSet.from_cuts(truth).to_file(scratch / "truth.jsonl")
    rows = [
        {"id": turn.id, "label": "angry", "scores": {"angry": 0.75, "happy": 0.25}}
        for cut in truth
        for turn in cut.supervisions
    ]
    files = {
        "a.wav": wav(),
        "truth.jsonl": (scratch / "truth.jsonl").read_bytes(),
        "rows.jsonl": "".join(json.dumps(row) + "\n" for row in rows).encode(),
        "labels.yaml": b"angry: angry\nhappy: happy\n",
    }
    line = ("evaluate", "DIR/truth.jsonl", "--predictions", "DIR/rows.jsonl")
    mapped = (*line, "--label-map", "DIR/labels.yaml")
    return [
        command("evaluate truth", "truth.jsonl", "jsonl", files, *line),
        command("evaluate rows", "rows.jsonl", "jsonl", files, *line),
        command("evaluate labels", "labels.yaml", "yaml", files, *mapped),
    ]
