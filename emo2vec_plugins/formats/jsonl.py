"""Emotions as JSON lines: one turn a line, nothing lost but the arrays.

Every line stands alone, with the model that spoke, so that files may be concatenated, filtered
and sorted with everyday tools. docs/results.md describes the fields, and so does a JSON Schema
that lies beside this file.

A line is `turn_record` behind the recording's own fields. Tables spread the mappings of that record
over columns; toolkits' fields put a prefix before its names. Formats that hold such values under
other names bring them under these and read the record with `read_turn`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from importlib import resources
from typing import Any, cast

from emo2vec_plugins.core import Dialogue, Emotion, Format, Provenance, ScoredTurn, Turn
from emo2vec_plugins.errors import FormatError, InvalidTurnError
from emo2vec_plugins.formats.fidelity import FIELDS
from emo2vec_plugins.formats.json_values import Fields

SCHEMA = "emo2vec-emotions/1"
"""Stands in every line. The number changes when lines can no longer be read as before."""

_OF_TURNS = (
    *("start", "end", "speaker", "channel", "emotion", "score", "scores", "logits"),
    *("flags", "reason", "duration", "overlap_ratio", "provenance"),
)

# Surrogates cannot be encoded, and the others end a line in some readers.
_UNSAFE = re.compile("[\ud800-\udfff\x85\u2028\u2029]")


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a line, for those who check files with it."""
    file = resources.files(__package__) / "emotions-1.schema.json"
    return cast("dict[str, Any]", json.loads(file.read_text("utf-8")))


def dumps(dialogues: Sequence[Dialogue]) -> str:
    """Return one line for each turn, in order; a dialogue without turns has one line, too.

    Raises:
        FormatError: If a number is NaN or infinite, which JSON cannot hold.
    """
    return "".join(_line(row) for dialogue in dialogues for row in rows(dialogue))


def loads(text: str) -> list[Dialogue]:
    """Return the dialogues of some lines; consecutive turns of one recording are one dialogue.

    Raises:
        FormatError: If a line is not of this schema; names the line.
    """
    found: list[tuple[Dialogue, list[ScoredTurn]]] = []
    last: float = math.inf
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        if not line.strip():
            continue
        head, index, scored = _parsed(number, line)
        # Files may be concatenated: turns that begin anew are another dialogue.
        if scored is None or index <= last or head != found[-1][0]:
            found.append((head, []))
        if scored:
            found[-1][1].append(scored)
        last = index
    return [replace(head, turns=tuple(turns)) for head, turns in found]


def rows(dialogue: Dialogue) -> list[dict[str, Any]]:
    """Return what the lines of one dialogue hold, as JSON-serialisable values."""
    head = {
        "schema": SCHEMA,
        "recording": dialogue.recording,
        "audio": dialogue.audio,
        "recording_duration": dialogue.duration,
    }
    # A recording in which nobody talks is still a result.
    if not dialogue.turns:
        return [head | {"turn": None}]
    return [
        head | {"turn": index} | turn_record(scored) for index, scored in enumerate(dialogue.turns)
    ]


EMOTIONS_JSONL = Format(
    name="emotions.jsonl",
    suffixes=(".emotions.jsonl",),
    description="one turn a line with all scores, flags and provenance; only arrays are lost",
    dumps=dumps,
    loads=loads,
    holds=frozenset(FIELDS),
)


def _line(row: Mapping[str, Any]) -> str:
    try:
        text = json.dumps(row, ensure_ascii=False, allow_nan=False, default=_plain)
    except ValueError as error:
        where = f"recording {row['recording']!r}, turn {row['turn']}"
        raise FormatError(f"{where}: JSON holds no NaN or infinity") from error
    return _UNSAFE.sub(lambda found: f"\\u{ord(found.group()):04x}", text) + "\n"


def _plain(value: Any) -> Any:
    """Return the Python number that a numpy scalar stands for."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} is not JSON-serialisable")


def _parsed(number: int, line: str) -> tuple[Dialogue, int, ScoredTurn | None]:
    """Return the recording, the turn's index in it, and the turn; None where there is none."""
    where = f"line {number}"
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{where}: not JSON: {error}: {line[:200]!r}") from error
    found = value.get("schema") if isinstance(value, dict) else None
    if found != SCHEMA:
        raise FormatError(f"{where}: expected schema {SCHEMA!r}, found {found!r}")
    row = Fields(value, where)
    row.require("recording", "turn")
    # Files of the first version have neither audio nor duration.
    head = Dialogue(
        recording=row.text("recording"),
        audio=row.maybe_text("audio"),
        duration=row.maybe_number("recording_duration"),
    )
    if row.values["turn"] is None:
        return head, 0, None
    index = row.count("turn")
    row.require(*_OF_TURNS)
    return head, index, read_turn(row)


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
