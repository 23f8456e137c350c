"""ELAN documents and their turns for tests."""

from __future__ import annotations

from xml.etree import ElementTree

from emo2vec_plugins import Dialogue, Emotion, Plugins, ScoredTurn, Turn
from emo2vec_plugins.formats.elan.writing import dumps

PLUGINS = Plugins(installed=False)


def a_turn(start, end, speaker="A", label="sad", **more):
    return ScoredTurn(
        turn=Turn(start=start, end=end, speaker=speaker), emotion=Emotion(label=label, **more)
    )


TALK = Dialogue(
    recording="talk",
    turns=(a_turn(0.5, 1.25, "A & B", "angry", score=0.9), a_turn(1.25, 2.0, "A & B", None)),
    audio="http://example.org/talk.wav?a=1&b=2",
    duration=3.0,
)


def media_of(audio):
    document = ElementTree.fromstring(dumps([Dialogue(recording="x", audio=audio)]))
    return [
        (each.get("MEDIA_URL"), each.get("RELATIVE_MEDIA_URL"), each.get("MIME_TYPE"))
        for each in document.iter("MEDIA_DESCRIPTOR")
    ]
