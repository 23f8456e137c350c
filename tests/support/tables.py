"""Dialogues for tests of tables."""

from __future__ import annotations

from emo2vec_plugins import Dialogue, Emotion, Provenance, ScoredTurn, Turn

ANGRY = ScoredTurn(
    turn=Turn(start=6.69, end=7.12, speaker='Ann "A"', channel=0),
    emotion=Emotion(
        label="angry",
        score=0.75,
        scores={"angry": 0.75, "sad": 0.25},
        logits={"angry": 1.5, "sad": 0.4},
        flags=("short", "overlapped"),
        duration=0.43,
        overlap_ratio=0.5,
        provenance=Provenance(
            model="tiny",
            sha256="ab",
            tokens=("生气/angry", "a b"),
            version="0.1.0",
            trust="a demo, no more",
        ),
    ),
)


SILENT = ScoredTurn(
    turn=Turn(start=8, end=8.5, speaker="", channel=(0, 1)), emotion=Emotion(reason="no audio")
)


TALK = Dialogue(recording="talk", turns=(ANGRY, SILENT), audio="talk.wav", duration=30.0)


QUIET = Dialogue(recording="quiet")
