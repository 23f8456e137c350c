"""Fixtures for tests of files."""

from __future__ import annotations

import os
import signal

import pytest

from emo2vec_plugins.files import bounded


@pytest.fixture(autouse=True)
def default_limit(monkeypatch):
    """No limit of the environment, and no limit that outlives a test."""
    monkeypatch.delenv(bounded.VARIABLE, raising=False)
    yield
    bounded.set_read_limit(None)


@pytest.fixture
def child():
    """A function that forks a process, which calls a function and then lives until the test ends.

    It returns whether the function succeeded in the process.
    """
    if not hasattr(os, "fork"):
        pytest.skip("needs os.fork")
    started = []

    def fork(work=lambda: None):
        reading, writing = os.pipe()
        process = os.fork()
        if process == 0:
            try:
                work()
                os.write(writing, b"1")
            finally:
                os.close(writing)
                signal.pause()
        started.append(process)
        os.close(writing)
        with os.fdopen(reading, "rb") as file:
            return file.read() == b"1"

    yield fork
    for process in started:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
