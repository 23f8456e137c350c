"""The demo, and the sample that ships with the package."""

from __future__ import annotations

import subprocess
import sys

import soundfile
from support.cli_runner import run
from support.facts import assert_facts

from emo2vec_plugins.cli import sample_conversation
from emo2vec_plugins.formats import read_bundle
from emo2vec_plugins.integrations import read_rttm_sources


def test_it_prints_the_turns_and_the_files(tmp_path):
    result = run("demo", "--model", "fake", "--output", tmp_path / "demo")

    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[0].split() == ["start", "end", "speaker", "emotion", "score", "flags"]
    assert lines[1].split()[:3] == ["1.44", "13.31", "MEE009"]
    assert lines[11] == "scored by fake@000000000000 (float32)"
    page = tmp_path / "demo/sample.html"
    suffixes = (".rttm", ".emotion.rttm", ".spkemo.rttm", ".emotions.jsonl", ".html")
    assert lines[12:17] == [f"wrote {tmp_path}/demo/sample{suffix}" for suffix in suffixes]
    assert_facts(result.stdout, page, "\nemotion", "\nspeaker", "\nMEE012")
    assert "sample.opus" in page.read_text("utf-8")
    assert len(read_bundle(tmp_path / "demo", "sample").turns) == 9


def test_the_sample_is_thirty_seconds_and_its_turns_are_within():
    audio, rttm = sample_conversation()
    [source] = read_rttm_sources(rttm, audio).sources

    assert soundfile.info(audio).duration == 30
    assert audio.stat().st_size < 100_000
    assert source.recording == "sample"
    assert len(source.turns) == 9
    assert all(0 <= turn.start < turn.end <= 30 for turn in source.turns)


def test_it_needs_no_extra(tmp_path):
    """Hide the libraries of every extra, as after a bare install."""
    code = (
        "import sys\n"
        "for name in ('lhotse', 'pyannote', 'pyannote.audio', 'funasr', 'matplotlib', 'onnx'):\n"
        "    sys.modules[name] = None\n"
        "from emo2vec_plugins.cli import main\n"
        f"main(['demo', '--output', {str(tmp_path / 'demo')!r}])\n"
    )

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert result.returncode == 0, result.stderr
    assert (tmp_path / "demo" / "sample.html").is_file()
