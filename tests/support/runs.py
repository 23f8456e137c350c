"""Runs of `annotate_manifest` with a fake model, some of which are interrupted."""

from __future__ import annotations

import errno
from pathlib import Path

from emo2vec_plugins import Engine, Options, Plugins
from emo2vec_plugins.files import disk
from emo2vec_plugins.integrations.lhotse.resumable_run import annotate_manifest
from emo2vec_plugins.testing import FakeBackend

BARE = Plugins(installed=False)
STORES = {"lilcom_chunky": "arrays.lca", "numpy_hdf5": "arrays.h5", "numpy_files": "arrays"}
DIGESTS = ".emo2vec.sha256"


class Stops:
    """An engine that fails at a clip, once."""

    def __init__(self, at):
        self.engine = Engine(FakeBackend(), granularity="frame", batch_seconds=0.5)
        self.identity = self.engine.identity
        self.granularity = "frame"
        self.batch_seconds = self.engine.batch_seconds
        self.left = at

    def __call__(self, items):
        for result in self.engine(items):
            if self.left == 0:
                raise KeyboardInterrupt
            self.left -= 1
            yield result


def engine():
    return Engine(FakeBackend(), granularity="frame", batch_seconds=0.5)


def run(source, target, *, score=None, plugins=BARE, store=None, **more):
    arrays = {"embeddings": True, "frames": True} if store else {}
    options = more.pop("options", Options(**arrays))
    return annotate_manifest(
        source,
        target,
        score=score or engine(),
        plugins=plugins,
        store=store,
        options=options,
        **more,
    )


def contents(folder):
    """Return the bytes of all files of a folder, except for the digests of our outputs."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != DIGESTS
    }


def fail_at(monkeypatch, operation, name):
    """Let an operation on the files of this name fail."""
    original = getattr(disk, operation)

    def failing(path, *rest):
        if name in {Path(each).name for each in (path, *rest)}:
            raise OSError(errno.EIO, "Input/output error", name)
        return original(path, *rest)

    monkeypatch.setattr(disk, operation, failing)
