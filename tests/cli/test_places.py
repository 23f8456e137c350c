"""Commands need no home; in a folder that was deleted, they say so."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from support.every_command import CASES, assert_status, prepare
from support.facts import assert_facts
from support.paths import ROOT, TESTS

NOWHERE = "/dev/null/nowhere"
"""A home in which not even root can write."""

CACHING = ("cuts", "diarize", "evaluate", "export", "score")
"""Commands whose libraries keep something at home; the others import no more."""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a shell of Unix")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    prepare(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "arguments"), [case for case in CASES if case[0] in CACHING], ids=str
)
def test_commands_run_without_a_home(place, command, arguments):
    unset = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "HF_HOME", "TORCH_HOME", "MPLCONFIGDIR")
    others = {name: value for name, value in os.environ.items() if name not in unset}

    run = subprocess.run(
        [sys.executable, "-m", "emo2vec_plugins", *command.split(), *arguments],
        cwd=place,
        capture_output=True,
        text=True,
        timeout=300,
        env=others | {"HOME": NOWHERE, "PYTHONPATH": os.pathsep.join((str(ROOT), str(TESTS)))},
    )

    assert_status(command, run.returncode, run.stderr)


@pytest.mark.parametrize("command", ["models", "score a.wav -m tiny", "demo"])
def test_a_deleted_working_folder_is_an_error_in_one_line(tmp_path, command):
    folder = tmp_path / "gone"
    folder.mkdir()
    program = (
        f'cd "{folder}" && rmdir "{folder}" && exec "{sys.executable}" -m emo2vec_plugins {command}'
    )

    run = subprocess.run(
        ["sh", "-c", program],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )

    assert (run.returncode, run.stdout, len(run.stderr.splitlines())) == (1, "", 1)
    assert_facts(run.stderr, "emo2vec: error: ", "working directory")
