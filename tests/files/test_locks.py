"""Locks between processes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from support.facts import assert_facts

from emo2vec_plugins.errors import OverwriteError, ResumeError
from emo2vec_plugins.files import Lock, lock_path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")


def test_an_output_is_locked_once(tmp_path):
    with Lock(tmp_path / "out"), pytest.raises(ResumeError) as caught, Lock(tmp_path / "out"):
        pass

    assert_facts(str(caught.value), tmp_path / "out", "another process")
    with Lock(tmp_path / "out"):
        pass
    assert not list(tmp_path.iterdir())


def test_the_owner_of_an_output_is_kept_until_it_is_finished(tmp_path):
    with Lock(tmp_path / "store") as lock:
        lock.own("me")
    with Lock(tmp_path / "store") as lock:
        assert lock.owner == "me"
        lock.own("you")
        assert "you" in lock_path(tmp_path / "store").read_text()
        lock.disown()

    assert not list(tmp_path.iterdir())


def test_a_damaged_owner_is_found(tmp_path):
    with Lock(tmp_path / "store") as lock:
        lock.own("me")
    path = lock_path(tmp_path / "store")
    path.write_bytes(path.read_bytes().replace(b"me", b"ma"))

    with Lock(tmp_path / "store") as lock:
        assert lock.owner is None
        lock.disown()


def test_a_huge_file_is_not_read_as_a_whole(tmp_path):
    path = lock_path(tmp_path / "out")
    path.touch()
    os.truncate(path, 1 << 40)

    with Lock(tmp_path / "out") as lock:
        assert lock.owner is None


def test_a_lock_ends_although_a_forked_process_has_a_copy_of_it(tmp_path, child):
    with Lock(tmp_path / "out") as lock:
        lock.own("me")
        child()

    with Lock(tmp_path / "out") as lock:
        assert lock.owner == "me"


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_a_file_that_is_no_lock_is_left_alone(kind, tmp_path):
    path, precious = lock_path(tmp_path / "out"), tmp_path / "precious"
    make = {"link": lambda: path.symlink_to(precious), "pipe": lambda: os.mkfifo(path)}
    make.get(kind, path.mkdir)()

    with pytest.raises(OverwriteError) as caught, Lock(tmp_path / "out"):
        pass

    assert_facts(str(caught.value), path, "remove")
    assert not precious.exists()
    assert [*tmp_path.iterdir()] == [path]


def test_a_killed_process_leaves_no_lock(tmp_path):
    script = """
import os, signal, sys
from pathlib import Path
from emo2vec_plugins.files import Lock
with Lock(Path(sys.argv[1])) as lock:
    lock.own("the dead")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script, tmp_path / "out"], check=False)

    with Lock(tmp_path / "out") as lock:
        assert lock.owner == "the dead"


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_lock_that_is_no_regular_file_is_not_opened(tmp_path, kind):
    path = lock_path(tmp_path / "out")
    (tmp_path / "precious").write_text("data")
    path.symlink_to(tmp_path / "precious") if kind == "link" else os.mkfifo(path)

    with pytest.raises(OverwriteError) as caught, Lock(tmp_path / "out"):
        pass

    assert_facts(str(caught.value), path, "remove it")
    assert (tmp_path / "precious").read_text() == "data"
