"""A turn with its emotion as one flat record: the one rendering that all others are made from.

A line of ``emotions.jsonl`` is this record behind the recording's own fields. Tables spread its
mappings over columns; toolkits' fields put a prefix before its names. Formats that hold such values
under other names bring them under these and read the record here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from emo2vec_plugins.core import Dialogue, Emotion, Provenance, ScoredTurn, Turn
from emo2vec_plugins.errors import FormatError, InvalidTurnError
from emo2vec_plugins.formats.json_values import Fields

_OF_MODELS = ("model", "sha256", "resampler", "dtype", "version")


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


def read_turn(record: Fields) -> ScoredTurn:
    """Return the turn and the emotion of a record; fields may be missing, but not its times.

    Raises:
        FormatError: If a value is of another kind, or the end before the start; names the place.
    """
    turn = turn_at(
        record.where,
        start=record.number("start"),
        end=record.number("end"),
        speaker=record.maybe_text("speaker"),
        channel=record.maybe_channel("channel"),
    )
    there = record.values
    emotion = Emotion(
        label=record.maybe_text("emotion"),
        score=record.maybe_number("score"),
        scores=record.numbers("scores") if "scores" in there else {},
        logits=record.numbers("logits") if "logits" in there else {},
        flags=record.texts("flags") if "flags" in there else (),
        reason=record.maybe_text("reason"),
        duration=record.number("duration") if "duration" in there else 0.0,
        overlap_ratio=record.maybe_number("overlap_ratio"),
        provenance=_provenance(record.maybe_fields("provenance")),
    )
    return ScoredTurn(turn=turn, emotion=emotion)


def turn_at(
    where: str,
    *,
    start: float,
    end: float,
    speaker: str | None = None,
    channel: int | tuple[int, ...] | None = None,
) -> Turn:
    """Return a turn that was read.

    Raises:
        FormatError: If its times are not finite or not in order; begins with *where*.
    """
    try:
        return Turn(start=start, end=end, speaker=speaker, channel=channel)
    except InvalidTurnError as error:
        raise FormatError(f"{where}: {error}") from error


def by_recording(turns: Iterable[tuple[str, ScoredTurn]]) -> list[Dialogue]:
    """Return the dialogues of turns with the names of their recordings, by first mention."""
    found: dict[str, list[ScoredTurn]] = {}
    for name, scored in turns:
        found.setdefault(name, []).append(scored)
    return [Dialogue(recording=name, turns=tuple(scored)) for name, scored in found.items()]


def _provenance(record: Fields | None) -> Provenance | None:
    if record is None:
        return None
    record.require("model")
    known = {name: record.text(name) for name in _OF_MODELS if name in record.values}
    # The one part of a model that may be null: folders have no revision.
    revision = {"revision": record.maybe_text("revision")}
    tokens = {"tokens": record.texts("tokens")} if "tokens" in record.values else {}
    return Provenance.from_dict({**known, **revision, **tokens})
