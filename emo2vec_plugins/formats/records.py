"""A turn with its emotion as one flat record: the one rendering that all others are made from.

A line of ``emotions.jsonl`` is this record behind the recording's own fields. Tables spread its
mappings over columns; toolkits' fields put a prefix before its names.
"""

from __future__ import annotations

from typing import Any

from emo2vec_plugins.core import Emotion, ScoredTurn


def turn_record(scored: ScoredTurn) -> dict[str, Any]:
    """Return a turn and its emotion as JSON-serialisable values; only arrays are left out."""
    turn = scored.turn
    return {
        "start": turn.start,
        "end": turn.end,
        "speaker": turn.speaker,
        "channel": list(turn.channel) if isinstance(turn.channel, tuple) else turn.channel,
        **emotion_record(scored.emotion),
    }


def emotion_record(emotion: Emotion) -> dict[str, Any]:
    """Return an emotion as JSON-serialisable values; only arrays are left out."""
    return {
        "emotion": emotion.label,
        "score": emotion.score,
        "scores": dict(emotion.scores),
        "logits": dict(emotion.logits),
        "flags": list(emotion.flags),
        "reason": emotion.reason,
        "duration": emotion.duration,
        "overlap_ratio": emotion.overlap_ratio,
        "provenance": emotion.provenance.to_dict() if emotion.provenance else None,
    }
