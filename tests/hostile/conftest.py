"""Files that create a marker if anything in them is executed."""

from __future__ import annotations

import json
import pickle
import shlex
import shutil
import sys

import pytest
import yaml
from support.reference import SMALL, save_reference


class Marker:
    """A file that hostile input creates if it is executed.

    The working directory is its folder, because a name in a shell command cannot contain a slash.
    """

    def __init__(self, folder):
        self.path = folder / "executed"
        self.command = f"touch {shlex.quote(str(self.path))}"
        self.python = f"__import__('pathlib').Path({str(self.path)!r}).touch()"

    @property
    def exists(self):
        return self.path.exists()

    def module(self, path):
        """Write a Python module that creates the marker when it is imported."""
        path.write_text(f"{self.python}\n", "utf-8")
        return path

    def pickle(self, path):
        """Write a pickle that creates the marker when it is loaded."""
        path.write_bytes(pickle.dumps(_Evaluated(self.python)))
        return path

    def torch(self, path):
        """Write the same with torch."""
        import torch

        torch.save({"model": _Evaluated(self.python)}, path)
        return path

    def yaml(self, path):
        """Write YAML with tags that create the marker with an unsafe loader."""
        path.write_text(f"!!python/object/apply:eval [{json.dumps(self.python)}]\n", "utf-8")
        return path


class _Evaluated:
    def __init__(self, code):
        self.code = code

    def __reduce__(self):
        return eval, (self.code,)


@pytest.fixture
def marker(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])  # FunASR appends to it
    found = Marker(tmp_path)
    yield found
    found.path.unlink(missing_ok=True)


@pytest.fixture
def speech(write, noise):
    """A second of audio."""
    return write("speech.wav", noise(16_000), 16_000)


@pytest.fixture(scope="session")
def reference(tmp_path_factory):
    """A model folder in the published layout."""
    path = tmp_path_factory.mktemp("models") / "reference"
    save_reference(path, SMALL)
    return path


@pytest.fixture
def folder(reference, tmp_path):
    """A copy of the model folder, to change."""
    return shutil.copytree(reference, tmp_path / "model")


@pytest.fixture
def with_spec(folder):
    """A function that changes the layers of the front end, which FunASR evaluates."""

    def change(spec):
        path = folder / "config.yaml"
        document = yaml.safe_load(path.read_text())
        document["model_conf"]["modalities"]["audio"]["feature_encoder_spec"] = spec
        path.write_text(yaml.safe_dump(document))

    return change
