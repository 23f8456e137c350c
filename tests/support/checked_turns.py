"""Turns as the checks of training data see them, made without audio."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from emo2vec_plugins.training.data_check.sound import Sound
from emo2vec_plugins.training.data_check.turns import CheckedTurn

LABELS = ("angry", "happy", "neutral", "sad")


def sound(name: str, rng: np.random.Generator, **changes) -> Sound:
    """Return the sound of a turn, drawn without regard to its label."""
    level = float(rng.normal(-25, 4))
    values = {
        "digest": hashlib.sha256(name.encode()).hexdigest(),
        "level": level,
        "peak": min(0.0, level + float(rng.normal(15, 2))),
        "floor": float(rng.normal(-30, 4)),
        "high": float(rng.normal(-18, 3)),
        "zeros": 0.0,
        "clipped": 0.0,
        "loudest": level + 6,
    }
    return Sound(**{**values, **changes})


def balanced(*, each: int = 6, speakers: int = 8, seed: int = 0) -> list[CheckedTurn]:
    """Return turns of speakers of two corpora, languages and sexes, who all have all labels."""
    rng = np.random.default_rng(seed)
    turns = []
    for who in range(speakers):
        for label in LABELS:
            for number in range(each):
                name = f"{who}-{label}-{number}"
                turns.append(
                    CheckedTurn(
                        id=name,
                        label=label,
                        seconds=float(rng.uniform(1, 4)),
                        speaker=f"speaker{who}",
                        corpus=("one", "two")[who % 2],
                        language=("de", "en")[who // 2 % 2],
                        sex=("female", "male")[who // 4 % 2],
                        rate=16_000,
                        file=f"audio/{name}.wav",
                        place=name,
                        sound=sound(name, rng),
                    )
                )
    return turns


def changed(turns: list[CheckedTurn], change) -> list[CheckedTurn]:
    """Return turns with the changes that ``change(turn)`` returns; ``sound`` may be a mapping."""
    found = []
    for turn in turns:
        changes = dict(change(turn))
        if isinstance(changes.get("sound"), dict):
            changes["sound"] = replace(turn.sound, **changes["sound"])
        found.append(replace(turn, **changes))
    return found
