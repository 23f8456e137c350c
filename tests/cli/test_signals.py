"""Signals end a command without a traceback, with their exit status, after files are cleaned up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from support.cli_runner import run
from support.facts import assert_facts
from support.paths import ROOT, TESTS, names_in

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")

AT_IMPORT = """
import os, signal, sys

class Interrupting:
    def find_spec(self, name, *_):
        if name == os.environ["INTERRUPTED_IMPORT"]:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), getattr(signal, os.environ["SIGNAL"]))

sys.meta_path.insert(0, Interrupting())
# A job in the background inherits an ignored SIGINT, and Python then sets no handler.
signal.signal(signal.SIGINT, signal.default_int_handler)
"""

WHILE_SCORING = """
import os, signal, sys, time
from support.cli_runner import FakeModels
from emo2vec_plugins.cli import main
from emo2vec_plugins import Plugins
from emo2vec_plugins.testing import FakeBackend

signal.signal(signal.SIGINT, signal.default_int_handler)
number, again = getattr(signal, sys.argv.pop(1)), sys.argv.pop(1) == "again"

class Interrupted(FakeBackend):
    def run(self, waveforms):
        try:
            os.kill(os.getpid(), number)
            time.sleep(1)
        finally:
            if again:
                os.kill(os.getpid(), number)
                time.sleep(0.1)
        return super().run(waveforms)

main(obj=Plugins([FakeModels(Interrupted())], installed=False))
"""


def child(*command, **environment):
    path = os.pathsep.join((*environment.pop("path", ()), str(ROOT), str(TESTS)))
    return subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"PYTHONPATH": path} | environment,
    )


@pytest.mark.parametrize(
    ("module", "statuses"),
    [("click", {-2, 130}), ("emo2vec_plugins.core.plugins", {-2, 130}), ("torch", {130})],
)
def test_ctrl_c_during_imports_shows_no_traceback(tmp_path, write, noise, module, statuses):
    (tmp_path / "sitecustomize.py").write_text(AT_IMPORT)
    audio = write("a.wav", noise(16_000), 16_000)

    result = child(
        *("-m", "emo2vec_plugins", "score", audio, "-m", "tiny"),
        path=[str(tmp_path)],
        INTERRUPTED_IMPORT=module,
        SIGNAL="SIGINT",
    )

    assert result.returncode in statuses, result.stderr
    assert result.stderr in ("", "emo2vec: error: interrupted\n")


def test_ctrl_c_while_a_plugin_is_imported_names_it(tmp_path):
    metadata = tmp_path / "slow-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: slow\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[emo2vec_plugins]\nslow = slow\n")
    (tmp_path / "slow.py").write_text("raise KeyboardInterrupt\n")

    result = child("-m", "emo2vec_plugins", "plugins", path=[str(tmp_path)])

    assert result.returncode == 130
    assert len(result.stderr.splitlines()) == 1
    assert_facts(result.stderr, "interrupted", "'slow'")


@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_signal_ends_the_work_and_leaves_no_files(tmp_path, write, noise, name, status, workers):
    audio, out = write("a.wav", noise(16_000), 16_000), tmp_path / "out"
    out.mkdir()
    (tmp_path / "a.rttm").write_text("SPEAKER a 1 0 1 <NA> <NA> x <NA> <NA>\n")
    options = ("-m", "fake", "--workers", workers, "-o", out)
    command = ("rttm", audio, "--rttm", tmp_path / "a.rttm", *options)

    result = child("-c", WHILE_SCORING, name, "once", *command)

    assert (result.returncode, len(result.stderr.splitlines())) == (status, 1), result.stderr
    assert names_in(out) == []


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_second_signal_does_not_disturb_the_cleaning_up(tmp_path, write, noise, name):
    audio = write("a.wav", noise(16_000), 16_000)

    result = child("-c", WHILE_SCORING, name, "again", "score", "-m", "fake", audio)

    assert result.returncode == 128 + getattr(signal, name)
    assert len(result.stderr.splitlines()) == 1


def test_an_ignored_signal_stays_ignored(tmp_path, write, noise):
    """As under nohup."""
    audio = write("a.wav", noise(16_000), 16_000)
    ignoring = "import signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + WHILE_SCORING

    result = child("-c", ignoring, "SIGHUP", "once", "score", "-m", "fake", audio)

    assert result.returncode == 0, result.stderr


def test_handlers_of_a_program_are_kept():
    def own(*_):
        pass

    before = signal.signal(signal.SIGTERM, own)
    try:
        run("models")
        assert signal.getsignal(signal.SIGTERM) is own
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        run("models")
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)
