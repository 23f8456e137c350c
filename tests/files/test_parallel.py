"""Processes that write into one folder at the same time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.facts import assert_facts
from support.paths import ROOT, names_in

from emo2vec_plugins.errors import ResumeError
from emo2vec_plugins.files import digests, exclusive, write_whole
from emo2vec_plugins.files.digests import RECORD, Record, record_of
from emo2vec_plugins.files.outputs import remove

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


def test_a_folder_stays_exclusive_while_many_others_are_written(tmp_path, monkeypatch):
    monkeypatch.setattr("emo2vec_plugins.files.digests.PATIENCE", 0.1)

    with exclusive(tmp_path):
        for number in range(50):
            record_of(str(tmp_path / f"{number}"))
        write_whole(tmp_path / "a", "some")

    assert names_in(tmp_path) == ["a"]


def test_threads_share_the_record_of_a_folder(tmp_path, monkeypatch):
    class Slow(Record):
        def __init__(self, folder):
            time.sleep(0.05)
            super().__init__(folder)

    monkeypatch.setattr(digests, "Record", Slow)

    with ThreadPoolExecutor(4) as threads:
        found = [*threads.map(record_of, [str(tmp_path)] * 4)]

    assert {*map(id, found)} == {id(found[0])}


def test_a_folder_is_free_although_a_forked_process_has_a_copy_of_its_lock(
    tmp_path, monkeypatch, child
):
    monkeypatch.setattr("emo2vec_plugins.files.digests.PATIENCE", 0.1)

    with exclusive(tmp_path):
        write_whole(tmp_path / "a", "some")
        child()
    write_whole(tmp_path / "b", "some")

    assert names_in(tmp_path) == ["a", "b"]


def test_a_forked_process_has_no_lock_of_its_parent(tmp_path, monkeypatch, child):
    monkeypatch.setattr("emo2vec_plugins.files.digests.PATIENCE", 0.1)

    def write():
        with pytest.raises(ResumeError):
            write_whole(tmp_path / "a", "some")

    with exclusive(tmp_path):
        assert child(write)

    assert names_in(tmp_path) == []


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
