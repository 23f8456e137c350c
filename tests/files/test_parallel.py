"""Processes that write into one folder at the same time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest
from support.facts import assert_facts
from support.paths import ROOT, names_in

from emo2vec_plugins.errors import ResumeError
from emo2vec_plugins.files import exclusive, remove, write_whole
from emo2vec_plugins.files.digests import RECORD, Record

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")

START = """
import os, sys
from pathlib import Path
from emo2vec_plugins.files import Together, exclusive, write_whole
folder, name = Path(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
"""


def start(folder, name, body):
    process = subprocess.Popen(
        [sys.executable, "-c", START + textwrap.dedent(body), folder, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    process.stdout.readline()
    return process


def together(folder, names, body):
    """Run one process for each name, all from the same moment; return what went wrong."""
    processes = [start(folder, name, body) for name in names]
    for each in processes:
        each.stdin.write("\n")
        each.stdin.flush()
    errors = [each.communicate()[1] for each in processes]
    return [error for error in errors if error]


def test_files_of_two_processes_are_not_mixed(tmp_path):
    writes = """
        for round in range(40):
            with Together() as files:
                files.remove(folder / "lines")
                for each in ("a", "b", "c", "lines"):
                    files.open(folder / each).write(f"{name} {round}".encode())
            with exclusive(folder):
                found = {(folder / each).read_text() for each in ("a", "b", "c", "lines")}
            assert len(found) == 1, found
        """

    assert not together(tmp_path, ["one", "two", "three"], writes)

    assert names_in(tmp_path) == ["a", "b", "c", "lines"]


def test_no_digest_is_lost(tmp_path):
    writes = """
        for round in range(40):
            write_whole(folder / f"{name}-{round}", name * round)
        """

    assert not together(tmp_path, ["one", "two", "three"], writes)

    record = Record(str(tmp_path))
    assert len(names_in(tmp_path)) == 120
    assert all(record.has(name) for name in names_in(tmp_path))
    assert len((tmp_path / RECORD).read_bytes().splitlines()) == 120


def test_a_process_waits_for_another_and_not_longer_than_it_lives(tmp_path):
    holds = start(tmp_path, "one", "with exclusive(folder): print('in', flush=True); input()")
    holds.stdin.write("\n")
    holds.stdin.flush()
    holds.stdout.readline()
    waits = start(tmp_path, "two", "write_whole(folder / name, name); print('done', flush=True)")
    waits.stdin.write("\n")
    waits.stdin.flush()
    with pytest.raises(subprocess.TimeoutExpired):
        waits.wait(0.3)

    os.kill(holds.pid, signal.SIGKILL)
    holds.communicate()

    assert waits.communicate() == ("done\n", "")


def test_a_process_does_not_wait_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr("emo2vec_plugins.files.digests.PATIENCE", 0.1)
    holds = start(tmp_path, "one", "with exclusive(folder): print('in', flush=True); input()")
    holds.stdin.write("\n")
    holds.stdin.flush()
    holds.stdout.readline()

    with pytest.raises(ResumeError) as caught:
        write_whole(tmp_path / "a", "some")

    assert_facts(str(caught.value), tmp_path, "another process")
    holds.communicate("\n")
    assert names_in(tmp_path) == []


def test_a_folder_is_exclusive_for_a_thread_that_has_it_already(tmp_path):
    with exclusive(tmp_path / "new"), exclusive(tmp_path / "new", tmp_path):
        write_whole(tmp_path / "new" / "a", "some")
    with exclusive(tmp_path / "other"):
        pass

    assert names_in(tmp_path) == ["new"]
    assert names_in(tmp_path / "new") == ["a"]


def test_a_file_that_another_process_removes_at_this_moment_is_no_obstacle(tmp_path, monkeypatch):
    path = tmp_path / "a"
    write_whole(path, "one")

    def removed(target):
        target.unlink()
        return target.stat()

    with monkeypatch.context() as during:
        during.setattr("emo2vec_plugins.files.outputs.sha256_of", removed)
        remove(path)
    write_whole(path, "two")

    assert path.read_text() == "two"
