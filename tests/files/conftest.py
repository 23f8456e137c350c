"""Fixtures for tests of files."""

from __future__ import annotations

import pytest

from emo2vec_plugins.files import bounded


@pytest.fixture(autouse=True)
def default_limit(monkeypatch):
    """No limit of the environment, and no limit that outlives a test."""
    monkeypatch.delenv(bounded.VARIABLE, raising=False)
    yield
    bounded.set_read_limit(None)
