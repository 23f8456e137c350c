"""Emotion in speech, per speaker turn: exact batched emotion2vec+ behind pluggy hooks.

The public names are loaded when they are first used: importing the package imports neither
torch nor lhotse nor pyannote.audio. Every folder works like this one: its ``__init__.pyi`` lists
the names that other folders, plugins and users may import; all other modules are private.
"""

import lazy_loader

import emo2vec_plugins.builtins  # noqa: F401 - the composition root: gives the core what lies above it
from emo2vec_plugins._version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
