"""Speech emotion per speaker turn: exact, batched emotion2vec+ behind pluggy hooks.

Public names are loaded on first use, so importing the package does not import torch, lhotse or
pyannote.audio. Every folder works like this one: its ``__init__.pyi`` lists the names that other
folders, plugins and users may import, and all other modules are private.
"""

import lazy_loader

import emo2vec_plugins.builtins  # noqa: F401 - registers the built-in plugins with the core
from emo2vec_plugins._version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
