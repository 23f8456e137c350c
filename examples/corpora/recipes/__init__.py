"""Recipes: one module for each corpus, and what they share."""

from recipes import (
    cremad,
    emodb,
    emogator,
    emospeech,
    iemocap,
    meld,
    msp_podcast,
    mycroft,
    nemo,
    picovoice,
    ravdess,
)

_MODULES = (
    *(emodb, cremad, ravdess, emogator, nemo, emospeech, msp_podcast, iemocap, meld),
    *(picovoice, mycroft),
)

CORPORA = {module.CORPUS.name: module.CORPUS for module in _MODULES}
"""Every corpus by its name."""
