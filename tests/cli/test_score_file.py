"""``emo2vec score -o``: lines are on disk as they are scored, and a killed run is resumed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from support.cli_runner import run
from support.facts import assert_facts
from support.paths import TESTS

from emo2vec_plugins import Engine, Options
from emo2vec_plugins.files import ArrayFolder
from emo2vec_plugins.integrations import FileArrays, read_inputs, write_scores
from emo2vec_plugins.testing import FakeBackend

DIGESTS = ".emo2vec.sha256"
STORED = ("--embeddings", "--store")


class Stops(FakeBackend):
    """A model that is interrupted at a batch."""

    def __init__(self, at):
        super().__init__()
        self.left = at

    def run(self, waveforms):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return super().run(waveforms)


class Counts(FakeBackend):
    """A model that counts the clips."""

    def __init__(self):
        super().__init__()
        self.clips = 0

    def run(self, waveforms):
        self.clips += len(waveforms)
        return super().run(waveforms)


@pytest.fixture
def folder(tmp_path, write, noise):
    (tmp_path / "audio").mkdir()
    for number in range(24):
        write(f"audio/{number:02}.wav", noise(8000 + 160 * number, seed=number), 16000)
    (tmp_path / "audio" / "05.wav").write_text("not audio")
    return tmp_path / "audio"


def score(folder, out, *options, backend=None):
    options = (*STORED, out.parent / f"{out.stem}-npy", "--batch-seconds", 0.2, *options)
    return run("score", "--model", "fake", folder, "-o", out, *options, backend=backend)


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != DIGESTS)


@pytest.mark.parametrize("at", [8, 15, 22])
def test_an_interrupted_run_is_resumed_with_identical_lines(folder, tmp_path, at):
    expected = score(folder, tmp_path / "whole.jsonl")
    stopped = score(folder, tmp_path / "out.jsonl", backend=Stops(at))
    left = names(tmp_path)
    model = Counts()

    resumed = score(folder, tmp_path / "out.jsonl", backend=model)

    assert (stopped.exit_code, resumed.exit_code, expected.exit_code) == (130, 3, 3)
    assert_facts(stopped.stderr, "repeat the command")
    assert {"out.jsonl.part.journal", "out.jsonl.part.jsonl"} < {*left}
    assert "out.jsonl" not in left
    assert resumed.stderr == expected.stderr
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert 0 < model.clips < 23
    assert names(tmp_path) == ["audio", "out-npy", "out.jsonl", "whole-npy", "whole.jsonl"]
    for name in names(tmp_path / "whole-npy"):
        one, other = (np.load(tmp_path / f"{each}-npy" / name) for each in ("out", "whole"))
        np.testing.assert_array_equal(one, other)


def test_a_run_that_finished_nothing_leaves_nothing(folder, tmp_path):
    stopped = score(folder, tmp_path / "out.jsonl", backend=Stops(0))

    assert stopped.exit_code == 130
    assert names(tmp_path) == ["audio"]


def test_only_files_that_changed_are_scored_again(folder, tmp_path, write, noise):
    score(folder, tmp_path / "out.jsonl", backend=Stops(15))
    write("audio/01.wav", noise(9999, seed=99), 16000)
    (folder / "02.wav").unlink()

    score(folder, tmp_path / "out.jsonl")
    score(folder, tmp_path / "fresh.jsonl")

    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "fresh.jsonl").read_bytes()


def test_an_unfinished_run_with_other_options_is_not_continued(folder, tmp_path):
    score(folder, tmp_path / "out.jsonl", backend=Stops(15))

    other = score(folder, tmp_path / "out.jsonl", "--labels", "angry,sad")

    assert other.exit_code == 1
    parts = (tmp_path / f"out.jsonl.part.{suffix}" for suffix in ("jsonl", "journal"))
    assert_facts(other.stderr, tmp_path / "out.jsonl", "scorer.labels", *parts)


def test_damaged_lines_are_scored_again(folder, tmp_path):
    score(folder, tmp_path / "whole.jsonl")
    score(folder, tmp_path / "out.jsonl", backend=Stops(20))
    part = tmp_path / "out.jsonl.part.jsonl"
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 4
    part.write_bytes(data)

    result = score(folder, tmp_path / "out.jsonl")

    assert_facts(result.stderr, "warning", "out.jsonl.part.journal")
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def arrays_in(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.npy")}


def test_an_array_that_is_missing_is_written_again(folder, tmp_path):
    score(folder, tmp_path / "whole.jsonl")
    score(folder, tmp_path / "out.jsonl", backend=Stops(20))
    (tmp_path / "out-npy" / "02.npy").unlink()

    result = score(folder, tmp_path / "out.jsonl")

    assert_facts(result.stderr, "warning", tmp_path / "out-npy", "'02'", "scored again")
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert arrays_in(tmp_path / "out-npy") == arrays_in(tmp_path / "whole-npy")


def test_long_reasons_do_not_end_a_run(folder, tmp_path):
    (tmp_path / "list.txt").write_text("".join(f"{'x' * 1500}{n}.wav\n" for n in range(50)))
    out = tmp_path / "out.jsonl"

    result = run(
        *("--read-limit", "5kB", "score", "--model", "fake", folder, tmp_path / "list.txt"),
        *("-o", out),
    )

    assert result.exit_code == 3
    assert len(out.read_text().splitlines()) == 24 + 50


def test_an_array_that_was_changed_is_named_and_replaced_on_request(folder, tmp_path):
    score(folder, tmp_path / "whole.jsonl")
    score(folder, tmp_path / "out.jsonl", backend=Stops(20))
    path = tmp_path / "out-npy" / "02.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 4
    path.write_bytes(data)

    refused = score(folder, tmp_path / "out.jsonl")
    result = score(folder, tmp_path / "out.jsonl", "--overwrite")

    assert refused.exit_code == 1
    assert_facts(refused.stderr, path, "changed", "--overwrite")
    assert_facts(result.stderr, "warning", "'02'", "scored again")
    assert arrays_in(tmp_path / "out-npy") == arrays_in(tmp_path / "whole-npy")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")
@pytest.mark.parametrize("output", [("-o", "out.jsonl"), ()])
def test_two_runs_do_not_write_into_one_store_at_a_time(output, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = ("score", "--model", "fake", folder, *output, *STORED, "npy")

    with ArrayFolder("npy", []).locked():
        refused = run(*line)
        assert names(tmp_path) == ["audio", "npy"]
    done = run(*line)

    assert refused.exit_code == 1
    assert_facts(refused.stderr, "npy", "another process")
    assert done.exit_code == 3
    assert len(names(tmp_path / "npy")) == 23


def test_a_store_that_cannot_have_a_file_beside_it_can_be_locked(folder, tmp_path):
    (tmp_path / "root" / "npy").mkdir(parents=True)
    (tmp_path / "root").chmod(0o555)
    try:
        result = run("score", "-m", "fake", folder, *STORED, tmp_path / "root" / "npy")
    finally:
        (tmp_path / "root").chmod(0o755)

    assert result.exit_code == 3
    assert names(tmp_path / "root") == ["npy"]


def test_a_run_that_scores_nothing_leaves_no_store(tmp_path):
    result = run("score", "-m", "fake", tmp_path / "gone.wav", *STORED, tmp_path / "new" / "npy")

    assert result.exit_code == 3
    assert names(tmp_path) == []


def test_a_program_gets_the_same_lines_and_resumes(folder, tmp_path):
    score(folder, tmp_path / "whole.jsonl", "--frames")
    files, options = read_inputs([str(folder)]), Options(embeddings=True, frames=True)
    out = tmp_path / "out.jsonl"
    arrays = FileArrays(tmp_path / "npy", files, options, beside=[out])
    finished = []

    def engine(backend):
        return Engine(backend, granularity="frame", batch_seconds=0.2)

    with pytest.raises(KeyboardInterrupt):
        write_scores(out, files, score=engine(Stops(15)), options=options, arrays=arrays)
    write_scores(
        out,
        files,
        score=engine(FakeBackend()),
        options=options,
        arrays=arrays,
        done=lambda file, reason: finished.append((file.key, reason is None)),
    )

    assert out.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert arrays_in(tmp_path / "npy") == arrays_in(tmp_path / "whole-npy")
    assert sorted(finished) == [(f"{number:02}", number != 5) for number in range(24)]


def test_hidden_files_are_left_out(folder, tmp_path):
    for name in (".x.wav", "._00.wav", ".git/y.wav"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"RIFF")

    result = run("score", "--model", "fake", folder)

    assert len(result.stdout.splitlines()) == 24
    assert_facts(result.stderr, folder, "3 hidden files")


SLOW = """
import time
from support.cli_runner import FakeModels
from emo2vec_plugins.cli import main
from emo2vec_plugins import Plugins
from emo2vec_plugins import Engine, Options
from emo2vec_plugins.files import ArrayFolder
from emo2vec_plugins.integrations import FileArrays, read_inputs, write_scores
from emo2vec_plugins.testing import FakeBackend

class Slow(FakeBackend):
    def run(self, waveforms):
        time.sleep(0.1)
        return super().run(waveforms)

main(obj=Plugins([FakeModels(Slow())], installed=False))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_run_that_is_ended_by_a_signal_is_resumed(folder, tmp_path, number, status):
    out = tmp_path / "out.jsonl"
    options = ("-o", out, "--embeddings", "--store", tmp_path / "out-npy", "--batch-seconds", "0.2")
    command = [sys.executable, "-c", SLOW, "score", "--model", "fake", folder, *options]
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    journal = tmp_path / "out.jsonl.part.journal"
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        patience = time.monotonic() + 60
        while not journal.exists() or journal.read_bytes().count(b"\n") < 2:
            assert time.monotonic() < patience
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
    assert process.returncode == status
    assert not out.exists()

    score(folder, out)
    score(folder, tmp_path / "whole.jsonl")

    assert out.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert len([json.loads(line) for line in out.read_text().splitlines()]) == 24
    assert names(tmp_path) == ["audio", "out-npy", "out.jsonl", "whole-npy", "whole.jsonl"]
