"""What every test may use; no test may reach the network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import settings
from pytest_socket import disable_socket, enable_socket
from support.browser import chromium, opened, talk  # noqa: F401 - fixtures

from emo2vec_plugins import Engine
from emo2vec_plugins.testing import FakeBackend

ROOT = Path(__file__).parents[1]

settings.register_profile("default", deadline=None)  # machines differ; nothing here is timed
settings.load_profile("default")


@pytest.fixture(autouse=True)
def no_network():
    """Refuse every socket but those of this machine's own file system."""
    disable_socket(allow_unix_socket=True)
    yield
    enable_socket()


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of public recordings for development; tests that need it are skipped without it."""
    path = ROOT.parent / "shared" / "data"
    if not path.is_dir():
        pytest.skip("there is no ../shared/data beside the checkout")
    return path


@pytest.fixture
def noise():
    """A maker of noise, as float32 of shape (samples,) or (channels, samples)."""

    def make(samples: int, *, channels: int | None = None, seed: int = 0) -> np.ndarray:
        shape = samples if channels is None else (channels, samples)
        values = np.random.default_rng(seed).uniform(-0.5, 0.5, shape)
        return values.astype(np.float32)

    return make


@pytest.fixture
def write(tmp_path):
    """A writer of audio files by libsndfile, which gives the path."""

    def save(name: str, samples: np.ndarray, rate: int, **kind: str) -> Path:
        path = tmp_path / name
        soundfile.write(path, np.asarray(samples).T, rate, **kind)
        return path

    return save


@pytest.fixture
def engine() -> Engine:
    """An engine whose scores depend on the sound, and which is quick."""
    return Engine(FakeBackend())


@pytest.fixture(scope="module")
def one_thread():
    """Sums in one order, so that training twice gives the same weights to the last bit."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
