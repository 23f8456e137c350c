"""The artefacts of these tests do what they say if something executes them."""

from __future__ import annotations

import pickle
import runpy
import subprocess

import pytest
import torch
import yaml

UNSAFE = {
    "pickle": lambda marker, path: pickle.loads(marker.pickle(path).read_bytes()),
    "torch": lambda marker, path: torch.load(marker.torch(path), weights_only=False),  # noqa: TID251
    "yaml": lambda marker, path: yaml.unsafe_load(marker.yaml(path).read_text()),
    "module": lambda marker, path: runpy.run_path(str(marker.module(path))),
    "expression": lambda marker, _: eval(marker.python),
    "command": lambda marker, _: subprocess.run(marker.command, shell=True, check=True),
    "name of a file": lambda *_: subprocess.run("sph2pipe x;touch executed;.sph", shell=True),
}


@pytest.mark.parametrize("way", UNSAFE)
def test_an_artefact_creates_the_marker(marker, tmp_path, way):
    UNSAFE[way](marker, tmp_path / "artefact")

    assert marker.exists
