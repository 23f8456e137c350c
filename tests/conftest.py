"""Shared fixtures; the network is disabled for all tests."""

from __future__ import annotations

import os
from pathlib import Path

# The networks of tests are small: more threads only wait for each other. Subprocesses inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import settings
from hypothesis.database import DirectoryBasedExampleDatabase
from pytest_socket import disable_socket, enable_socket
from support.browser import chromium, opened, talk  # noqa: F401 - fixtures

from emo2vec_plugins import Engine
from emo2vec_plugins.testing import FakeBackend

ROOT = Path(__file__).parents[1]

# Deadlines depend on the machine. The default is the same examples in every run, so that no run
# fails by chance; "pytest -m hypothesis --hypothesis-profile=random" tries new ones.
settings.register_profile("default", deadline=None, derandomize=True)
settings.register_profile(
    "random",
    deadline=None,
    derandomize=False,
    database=DirectoryBasedExampleDatabase(ROOT / ".hypothesis" / "examples"),
    max_examples=2000,
    print_blob=True,
)
settings.load_profile("default")


@pytest.fixture(autouse=True)
def no_network():
    """Block every socket except Unix sockets."""
    disable_socket(allow_unix_socket=True)
    yield
    enable_socket()


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of public recordings; tests that need it are skipped if it does not exist."""
    path = ROOT.parent / "shared" / "data"
    if not path.is_dir():
        pytest.skip("needs ../shared/data beside the checkout")
    return path


@pytest.fixture(scope="session")
def noise():
    """A function that makes float32 noise of shape (samples,) or (channels, samples)."""

    def make(samples: int, *, channels: int | None = None, seed: int = 0) -> np.ndarray:
        shape = samples if channels is None else (channels, samples)
        values = np.random.default_rng(seed).uniform(-0.5, 0.5, shape)
        return values.astype(np.float32)

    return make


@pytest.fixture
def write(tmp_path):
    """A function that writes an audio file with libsndfile and returns its path."""

    def save(name: str, samples: np.ndarray, rate: int, **kind: str) -> Path:
        path = tmp_path / name
        soundfile.write(path, np.asarray(samples).T, rate, **kind)
        return path

    return save


@pytest.fixture
def engine() -> Engine:
    """A fast engine whose scores depend on the audio."""
    return Engine(FakeBackend())


@pytest.fixture(scope="module")
def one_thread():
    """Use one thread, so that sums have a fixed order and training is bit-identical."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
