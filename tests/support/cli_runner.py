"""Run ``emo2vec`` in this process with ``fake``, a model without weights."""

from __future__ import annotations

from click.testing import CliRunner, Result

from emo2vec_plugins import Plugins
from emo2vec_plugins.cli import main
from emo2vec_plugins.core import NamedModel, hookimpl
from emo2vec_plugins.testing import FakeBackend


class FakeModels:
    """Offers the model ``fake``, by default a `FakeBackend`."""

    def __init__(self, backend=None):
        self.backend = FakeBackend() if backend is None else backend

    @hookimpl
    def emo2vec_models(self):
        return [NamedModel(name="fake", description="for tests", load=self.load)]

    def load(self, source, *, device, dtype):
        return self.backend


def run(*arguments, plugins=(), backend=None, stdin=None) -> Result:
    """Run a command line and return its exit status, stdout and stderr."""
    own = Plugins([FakeModels(backend), *plugins], installed=False)
    return CliRunner().invoke(main, [str(each) for each in arguments], obj=own, input=stdin)
