"""Files that an input names are inputs, too: no option lets a command replace them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile
from support.cli_runner import run
from support.facts import assert_facts
from support.reference import SMALL, save_reference

from emo2vec_plugins import Dialogue, Emotion, Plugins, ScoredTurn, Turn
from emo2vec_plugins.formats import write_dialogues


@pytest.fixture
def desk(write, noise, tmp_path, monkeypatch):
    """A folder with two recordings, in formats that this package and Lhotse read."""
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        write(f"{name}.wav", noise(32_000), 16_000)
    return tmp_path


def cuts(*names, transforms=None):
    """Write a manifest of cuts of these files."""
    lines = []
    for name in names:
        recording = {
            "id": name,
            "sources": [{"type": "file", "channels": [0], "source": name}],
            "sampling_rate": 16_000,
            "num_samples": 32_000,
            "duration": 2.0,
            "channel_ids": [0],
            **({"transforms": transforms} if transforms else {}),
        }
        supervision = {
            "id": name,
            "recording_id": name,
            "start": 0.0,
            "duration": 2.0,
            "channel": 0,
            "custom": {"emotion": "sad"},
        }
        lines.append(
            {
                "id": name,
                "start": 0,
                "duration": 2.0,
                "channel": 0,
                "supervisions": [supervision],
                "recording": recording,
                "type": "MonoCut",
            }
        )
    Path("cuts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return "cuts.jsonl"


REVERB = [{"name": "Volume", "kwargs": {"factor": 0.5}}]


@pytest.mark.parametrize("transforms", [None, REVERB])
@pytest.mark.parametrize("workers", [0, 2])
def test_evaluate_does_not_replace_the_audio_of_its_cuts(desk, transforms, workers):
    manifest = cuts("a.wav", "b.wav", transforms=transforms)
    before = Path("b.wav").read_bytes()

    result = run(
        *("evaluate", manifest, "--model", "fake", "--resamples", "9", "--workers", workers),
        *("--report", "b.wav", "--overwrite"),
    )

    assert result.exit_code == 1
    assert_facts(result.stderr, "b.wav", "input")
    assert Path("b.wav").read_bytes() == before


def test_kaldi_does_not_replace_its_audio(desk):
    Path("data").mkdir()
    sound = Path("a.wav").rename("data/utt2emotion_score")
    Path("data/wav.scp").write_text(f"a {sound}\n")
    before = sound.read_bytes()

    result = run("kaldi", "data", "--model", "fake", "--overwrite")

    assert result.exit_code == 1
    assert_facts(result.stderr, sound, "input")
    assert sound.read_bytes() == before


@pytest.mark.parametrize("output", ["a.wav", "turns.rttm", "c.wav"])
def test_other_files_are_replaced(desk, output):
    manifest = cuts("b.wav")
    Path(output).write_text("old")

    result = run(
        *("evaluate", manifest, "--model", "fake", "--resamples", "9"),
        *("--report", output, "--overwrite"),
    )

    assert result.exit_code == 0, result.stderr
    assert json.loads(Path(output).read_text())
    assert soundfile.info("b.wav").frames == 32_000


@pytest.mark.parametrize("name", ["config.yaml", "model.pt"])
def test_a_model_is_not_replaced(desk, name):
    save_reference(Path("model"), SMALL)
    manifest = cuts("b.wav")
    before = Path("model", name).read_bytes()
    evaluate = ("evaluate", manifest, "--model", "model", "--resamples", "9")

    refused = run(*evaluate, "--report", f"model/{name}", "--overwrite")
    others = [run(*evaluate, "--report", "model/report.json") for _ in range(2)]

    assert refused.exit_code == 1
    assert_facts(refused.stderr, f"model/{name}", "input")
    assert Path("model", name).read_bytes() == before
    assert [each.exit_code for each in others] == [0, 0], others[1].stderr


def test_corrections_are_not_replaced(desk):
    Path("corrected").mkdir()
    turn = ScoredTurn(turn=Turn(start=0.0, end=1.0), emotion=Emotion(label="sad", score=0.5))
    for path in ("a.emotions.jsonl", "corrected/agreement.json"):
        write_dialogues(
            [Dialogue(recording="a", turns=(turn,))],
            path,
            plugins=Plugins(installed=False),
            format="labelstudio" if path.endswith("agreement.json") else None,
        )
    corrected = Path("corrected/agreement.json")
    before = corrected.read_bytes()

    result = run(
        *("review", "read", "a.emotions.jsonl", "corrected/agreement.json", "-o", "corrected"),
        *("--input-format", "labelstudio", "--overwrite"),
    )

    assert result.exit_code == 1
    assert_facts(result.stderr, corrected, "input")
    assert corrected.read_bytes() == before
