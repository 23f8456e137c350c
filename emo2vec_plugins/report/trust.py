"""How far the models of a recording can be trusted, as far as their names tell."""

from __future__ import annotations

from emo2vec_plugins.core import Dialogue
from emo2vec_plugins.models import known_trust


def trust_in(dialogue: Dialogue) -> dict[str, str]:
    """Return how far each known model of a recording can be trusted, by its name.

    Models are not loaded, so only the embedded and the published ones are known.
    """
    models = (each.emotion.provenance for each in dialogue.turns)
    names = dict.fromkeys(each.model for each in models if each is not None)
    known = {name: known_trust(name) for name in names}
    return {name: trust for name, trust in known.items() if trust is not None}
