"""Commands that write into one folder at the same time."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.paths import ROOT, names_in

from emo2vec_plugins.files.digests import RECORD
from emo2vec_plugins.formats import read_bundle

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")

ROUNDS = 20

COMMAND = f"""
import sys
sys.path.insert(0, "tests")
from pathlib import Path
from support.cli_runner import run
from emo2vec_plugins import Plugins
from emo2vec_plugins.files import exclusive
from emo2vec_plugins.formats import read_dialogues
from emo2vec_plugins.testing import FakeBackend

class Model(FakeBackend):
    def _frames(self, waveform):
        embeddings, logits = super()._frames(waveform)
        return embeddings, sign * logits

audio, rttm, out, sign = *map(Path, sys.argv[1:4]), int(sys.argv[4])
plugins = Plugins(installed=False)
print("ready", flush=True)
sys.stdin.readline()
for _ in range({ROUNDS}):
    line = ("rttm", audio, "--rttm", rttm, "-o", out, "--format", "elan", "--format", "textgrid")
    result = run(*line, "-q", "--model", "fake", backend=Model())
    assert result.exit_code == 0, result.stderr
    with exclusive(out):
        for lines in out.glob("*.emotions.jsonl"):
            name = lines.name.removesuffix(".emotions.jsonl")
            files = lines, out / f"{{name}}.eaf", out / f"{{name}}.TextGrid"
            found = [read_dialogues(file, plugins=plugins)[0] for file in files]
            assert len({{each.turns[0].emotion.label for each in found}}) == 1, found
"""


def at_once(*processes):
    """Run the commands from the same moment; return what went wrong."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", COMMAND, *each],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for each in processes
    ]
    for each in started:
        each.stdout.readline()
    for each in started:
        each.stdin.write("\n")
        each.stdin.flush()
    return [error for each in started if (error := each.communicate()[1])]


@pytest.fixture
def corpus(write, noise, tmp_path):
    for name in "ab":
        write(f"{name}.wav", noise(16_000), 16_000)
        (tmp_path / f"{name}.rttm").write_text(
            f"SPEAKER {name} 1 0.000 1.000 <NA> <NA> ann <NA> <NA>\n"
        )
    return tmp_path


def test_two_runs_on_one_recording_do_not_mix_their_files(corpus):
    same = corpus / "a.wav", corpus / "a.rttm", corpus / "out"

    assert not at_once((*same, "1"), (*same, "-1"))

    assert read_bundle(corpus / "out", "a").turns


def test_two_runs_on_different_recordings_share_a_folder(corpus):
    one, two = ((corpus / f"{x}.wav", corpus / f"{x}.rttm", corpus / "out") for x in "ab")

    assert not at_once((*one, "1"), (*two, "-1"))

    names = names_in(corpus / "out")
    assert len(names) == 12
    record = (corpus / "out" / RECORD).read_text()
    assert all(f"  {name}\n" in record for name in names)
