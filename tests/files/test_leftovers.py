"""Temporary files of killed processes are removed, those of running ones are not."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from support.paths import ROOT, names_in

from emo2vec_plugins.files import write_whole

KILLED = """
import os, sys
from pathlib import Path
from emo2vec_plugins.files import Part, replacing
with replacing(Path(sys.argv[1])) as stream:
    stream.write(b"half")
    stream.flush()
    folder = Part(Path(sys.argv[1] + "-folder"))
    folder.path.mkdir()
    (folder.path / "inner").write_bytes(b"half")
    if sys.argv[2] == "kill":
        os.kill(os.getpid(), 9)
    print("ready", flush=True)
    sys.stdin.read()
"""


def start(path, how):
    return subprocess.Popen(
        [sys.executable, "-c", KILLED, path, how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


@pytest.fixture
def unswept(monkeypatch):
    monkeypatch.setattr("emo2vec_plugins.files.leftovers._swept", set())


@pytest.mark.usefixtures("unswept")
def test_the_next_run_removes_what_a_killed_run_left_in_the_folder(tmp_path):
    start(tmp_path / "a", "kill").communicate()
    others = [".emo2vec-0123.part", ".part", ".x.part", "emo2vec-0123456789abcdef.part"]
    for name in others:
        (tmp_path / name).write_text("")
    assert len(names_in(tmp_path)) == len(others) + 2

    write_whole(tmp_path / "b", "whole")

    assert names_in(tmp_path) == sorted(["b", *others])


@pytest.mark.usefixtures("unswept")
@pytest.mark.parametrize(("age", "stays"), [(3_600, True), (2 * 86_400, False)])
def test_temporary_files_of_another_machine_stay_for_a_day(tmp_path, age, stays):
    other = tmp_path / f".emo2vec-{'0' * 16}.part"
    other.write_text("")
    then = time.time() - age
    os.utime(other, (then, then))

    write_whole(tmp_path / "a", "whole")

    assert other.exists() == stays


@pytest.mark.usefixtures("unswept")
def test_temporary_files_of_a_running_process_are_kept(tmp_path):
    running = start(tmp_path / "a", "wait")
    running.stdout.readline()

    write_whole(tmp_path / "b", "whole")
    assert len(names_in(tmp_path)) == 3
    running.communicate("")

    assert (tmp_path / "a").read_bytes() == b"half"
    write_whole(tmp_path / "b", "again")
    assert names_in(tmp_path) == ["a", "b"]
