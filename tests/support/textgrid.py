"""TextGrids and their turns for tests."""

from __future__ import annotations

from emo2vec_plugins import Dialogue, Emotion, Plugins, ScoredTurn, Turn

PLUGINS = Plugins(installed=False)


def a_turn(start, end, speaker="A", label="sad", **more):
    return ScoredTurn(
        turn=Turn(start=start, end=end, speaker=speaker), emotion=Emotion(label=label, **more)
    )


TALK = Dialogue(
    recording="talk",
    turns=(
        a_turn(0.5, 1.25, 'the "boss"', "angry", score=0.9),
        a_turn(1.25, 2.0, 'the "boss"', None, reason="too short"),
    ),
    duration=3.0,
)
