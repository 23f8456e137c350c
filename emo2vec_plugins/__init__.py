"""Emotion in speech, per speaker turn: exact batched emotion2vec+ behind pluggy hooks.

The public names are loaded when they are first used: importing the package imports neither
torch nor lhotse nor pyannote.audio.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from emo2vec_plugins.backend import Backend, NamedModel
    from emo2vec_plugins.dialogue import Dialogue, Emotion, Provenance, ScoredTurn, Turn
    from emo2vec_plugins.engine import Engine
    from emo2vec_plugins.errors import Emo2vecError, Emo2vecWarning
    from emo2vec_plugins.formats import Format
    from emo2vec_plugins.hookspecs import hookimpl
    from emo2vec_plugins.integrations.lhotse_cuts import annotate_cuts
    from emo2vec_plugins.integrations.pyannote_diarization import annotate_diarization
    from emo2vec_plugins.labels import EMOTIONS, LabelSet
    from emo2vec_plugins.loading import load_model
    from emo2vec_plugins.pipeline import annotate
    from emo2vec_plugins.plugins import Plugins
    from emo2vec_plugins.session import Clip, Options, Recording, Session

_HOMES = {
    "Backend": "backend",
    "Clip": "session",
    "Dialogue": "dialogue",
    "EMOTIONS": "labels",
    "Emo2vecError": "errors",
    "Emo2vecWarning": "errors",
    "Emotion": "dialogue",
    "Engine": "engine",
    "Format": "formats",
    "LabelSet": "labels",
    "NamedModel": "backend",
    "Options": "session",
    "Plugins": "plugins",
    "Provenance": "dialogue",
    "Recording": "session",
    "ScoredTurn": "dialogue",
    "Session": "session",
    "Turn": "dialogue",
    "annotate": "pipeline",
    "annotate_cuts": "integrations.lhotse_cuts",
    "annotate_diarization": "integrations.pyannote_diarization",
    "hookimpl": "hookspecs",
    "load_model": "loading",
}

__all__ = [
    "EMOTIONS",
    "Backend",
    "Clip",
    "Dialogue",
    "Emo2vecError",
    "Emo2vecWarning",
    "Emotion",
    "Engine",
    "Format",
    "LabelSet",
    "NamedModel",
    "Options",
    "Plugins",
    "Provenance",
    "Recording",
    "ScoredTurn",
    "Session",
    "Turn",
    "__version__",
    "annotate",
    "annotate_cuts",
    "annotate_diarization",
    "hookimpl",
    "load_model",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
