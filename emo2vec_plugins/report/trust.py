"""How far the models of a recording can be trusted, as its results say."""

from __future__ import annotations

from emo2vec_plugins.core import Dialogue
from emo2vec_plugins.models import as_trust


def trust_in(dialogue: Dialogue) -> list[str]:
    """Return a line for each model of a recording that says how far it can be trusted."""
    models = (each.emotion.provenance for each in dialogue.turns)
    known = ((each.model, as_trust(each.trust)) for each in models if each is not None)
    return list(dict.fromkeys(f"{model}: {trust}" for model, trust in known if trust is not None))
