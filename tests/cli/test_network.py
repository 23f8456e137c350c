"""No command connects to anything by itself, and none reports its use."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache

import pytest
from support.every_command import CASES, COMMANDS, assert_status, leaves, prepare
from support.paths import ROOT, TESTS

from emo2vec_plugins.core.telemetry import VARIABLES

TRACED = '''
"""Imported by Python itself: writes every attempt to connect to a file, and refuses it."""
import os, socket

def refuse(name):
    def attempt(*arguments, **more):
        if name != "connect" or arguments[0].family != socket.AF_UNIX:
            with open(os.environ["TRACE"], "a") as file:
                print(name, arguments[-1:], file=file)
            raise OSError("no network")
        return connect(*arguments)
    return attempt

connect = socket.socket.connect
for name in ("connect", "connect_ex", "sendto"):
    setattr(socket.socket, name, refuse(name))
for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
    setattr(socket, name, refuse(name))
'''

OPT_OUTS = (*VARIABLES, "DISABLE_TELEMETRY", "DO_NOT_TRACK", "HF_HUB_OFFLINE", "CI")
"""Settings that this test must not depend on; OpenVINO is silent in CI."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    prepare(folder)
    return folder


@cache
def strace() -> tuple[str, ...]:
    """Return a command that traces system calls, which C code makes; () where that is not allowed."""
    line = ("strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o")
    if shutil.which("strace") is None:
        return ()
    return line if not subprocess.run([*line, os.devnull, "true"], check=False).returncode else ()


def test_every_command_is_tested():
    assert sorted(COMMANDS) == sorted(leaves())


@pytest.mark.slow
@pytest.mark.parametrize(("command", "arguments"), CASES, ids=str)
def test_no_command_connects(place, tmp_path, command, arguments):
    home, trace, calls = tmp_path / "home", tmp_path / "trace", tmp_path / "calls"
    home.mkdir()
    calls.touch()
    (tmp_path / "sitecustomize.py").write_text(TRACED)
    others = {name: value for name, value in os.environ.items() if name not in OPT_OUTS}
    tracer = [*strace(), str(calls)] if strace() else []

    run = subprocess.run(
        [*tracer, sys.executable, "-m", "emo2vec_plugins", *command.split(), *arguments],
        cwd=place,
        capture_output=True,
        text=True,
        timeout=300,
        env=others
        | {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "TRACE": str(trace)}
        | {"PYTHONPATH": os.pathsep.join(map(str, (tmp_path, ROOT, TESTS)))},
    )

    assert_status(command, run.returncode, run.stderr)
    assert not trace.exists(), trace.read_text()
    assert [line for line in calls.read_text().splitlines() if "AF_INET" in line] == []
    # ONNX Runtime collects events there, and OpenVINO an identifier, to send them later.
    assert not (home / ".cache" / "Microsoft").exists()
    assert not (home / "intel").exists()
