"""Dialogues for tests of pictures: a short talk, a meeting of two hours, difficult names."""

from __future__ import annotations

import random

from emo2vec_plugins import Dialogue, Emotion, ScoredTurn, Turn
from emo2vec_plugins.core.labels import EMOTIONS

HARD_NAMES = (
    None,
    "",
    "$x$",
    r"\frac{",
    "_a_b_",
    "^",
    "a\nb",
    "مريم",
    "张三",
    "🙂",
    "<b>&'\"",
    "\ud800",
)


def scored_turn(start, end, speaker="A", label="sad", score=0.75):
    if label is None:
        return ScoredTurn(
            turn=Turn(start=start, end=end, speaker=speaker), emotion=Emotion(reason="silent")
        )
    other = "happy" if label != "happy" else "sad"
    emotion = Emotion(label=label, score=score, scores={label: score, other: 1 - score})
    return ScoredTurn(turn=Turn(start=start, end=end, speaker=speaker), emotion=emotion)


TALK = Dialogue(
    recording="talk",
    turns=(
        scored_turn(0.5, 3.0),
        scored_turn(2.0, 5.0, label="happy", score=0.5),
        scored_turn(5.0, 9.0, "B", label=None),
        scored_turn(9.0, 9.0, "B", label="angry", score=1.0),
    ),
    duration=12.0,
)


def meeting(turns=3000, speakers=4):
    """Return a meeting of two hours, the same on every call."""
    source = random.Random(0)
    every = 7200 / turns
    return Dialogue(
        recording="meeting",
        turns=tuple(
            scored_turn(
                number * every,
                number * every + source.uniform(0.2, every),
                f"S{source.randrange(speakers)}",
                source.choice([*EMOTIONS, None]),
                source.uniform(0.3, 1.0),
            )
            for number in range(turns)
        ),
    )


def named(*names):
    """Return a dialogue with one turn for each name, which is also the label."""
    return Dialogue(
        recording="$r_1$\n",
        turns=tuple(
            scored_turn(number, number + 1.5, name, label=name) for number, name in enumerate(names)
        ),
    )
