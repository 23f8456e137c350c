"""Emotions as JSON lines: one line per turn, with everything except arrays.

Each line is complete by itself and names the model, so that files can be concatenated, filtered
and sorted with ordinary tools. docs/results.md and the JSON Schema beside this file describe the
fields.

A line has the recording's fields, followed by `turn_record`. Tables split the mappings of that
record into columns; fields for toolkits are its names with a prefix. Formats that store these
values under other names rename them first and then read the record with `read_turn`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from importlib import resources
from typing import Any, cast

from emo2vec_plugins.core import Dialogue, Emotion, Format, Provenance, ScoredTurn, Turn, shown
from emo2vec_plugins.errors import FormatError, InvalidTurnError
from emo2vec_plugins.files import from_json
from emo2vec_plugins.formats.fidelity import FIELDS
from emo2vec_plugins.formats.json_values import Fields

SCHEMA = "emo2vec-emotions/1"
"""Part of every line. The number changes with every incompatible change of the lines."""

_OF_TURNS = (
    *("start", "end", "speaker", "channel", "emotion", "score", "scores", "logits"),
    *("flags", "reason", "duration", "overlap_ratio", "provenance"),
)

# Surrogates cannot be encoded, and some readers treat the other characters as line ends.
_UNSAFE = re.compile("[\ud800-\udfff\x85\u2028\u2029]")


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a line, for validating files."""
    file = resources.files(__package__) / "emotions-1.schema.json"
    return cast("dict[str, Any]", json.loads(file.read_text("utf-8")))


def dumps(dialogues: Sequence[Dialogue]) -> str:
    """Return one line for each turn, in order, and one for a dialogue without turns.

    Raises:
        FormatError: If a number is NaN or infinite, which JSON cannot store.
    """
    return "".join(_line(row) for dialogue in dialogues for row in rows(dialogue))


def loads(text: str) -> list[Dialogue]:
    """Return the dialogues in JSON lines; consecutive turns of a recording form one dialogue.

    Raises:
        FormatError: If a line does not follow the schema; names the line.
    """
    found: list[tuple[Dialogue, list[ScoredTurn]]] = []
    last: float = math.inf
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        head, index, scored = _parsed(number, line)
        # Files may be concatenated: turn numbers that restart begin another dialogue.
        if scored is None or index <= last or head != found[-1][0]:
            found.append((head, []))
        if scored:
            found[-1][1].append(scored)
        last = index
    return [replace(head, turns=tuple(turns)) for head, turns in found]


def rows(dialogue: Dialogue) -> list[dict[str, Any]]:
    """Return the lines of one dialogue as JSON-serialisable values."""
    head = {
        "schema": SCHEMA,
        "recording": dialogue.recording,
        "audio": dialogue.audio,
        "recording_duration": dialogue.duration,
    }
    # A recording without speech is still a result.
    if not dialogue.turns:
        return [head | {"turn": None}]
    return [
        head | {"turn": index} | turn_record(scored) for index, scored in enumerate(dialogue.turns)
    ]


EMOTIONS_JSONL = Format(
    name="emotions.jsonl",
    suffixes=(".emotions.jsonl",),
    description="JSON lines, one per turn, with all scores, flags and the model; only arrays are lost",
    dumps=dumps,
    loads=loads,
    by_line=True,
    holds=frozenset(FIELDS),
)


def _line(row: Mapping[str, Any]) -> str:
    try:
        text = json.dumps(row, ensure_ascii=False, allow_nan=False, default=_plain)
    except ValueError as error:
        where = f"recording {shown(row['recording'])}, turn {row['turn']}"
        raise FormatError(f"{where}: JSON cannot store NaN or infinity") from error
    return _UNSAFE.sub(lambda found: f"\\u{ord(found.group()):04x}", text) + "\n"


def _plain(value: Any) -> Any:
    """Return a numpy scalar as a Python number."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} is not JSON-serialisable")


def _parsed(number: int, line: str) -> tuple[Dialogue, int, ScoredTurn | None]:
    """Return a line's recording, turn index and turn; the turn is None if the line has none."""
    where = f"line {number}"
    # The writer escapes lone surrogates, which stand for the bytes of some file names.
    value = from_json(line, where=where, surrogates=True)
    found = value.get("schema") if isinstance(value, dict) else None
    if found != SCHEMA:
        raise FormatError(f"{where}: expected schema {SCHEMA!r}, found {shown(found)}")
    row = Fields(value, where)
    row.require("recording", "turn")
    # Files from the first version of this package lack audio and duration.
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
    """Return a turn and its emotion, except arrays, as JSON-serialisable values."""
    turn = scored.turn
    return {
        "start": turn.start,
        "end": turn.end,
        "speaker": turn.speaker,
        "channel": list(turn.channel) if isinstance(turn.channel, tuple) else turn.channel,
        **emotion_record(scored.emotion),
    }


def emotion_record(emotion: Emotion) -> dict[str, Any]:
    """Return an emotion, except arrays, as JSON-serialisable values."""
    return {
        "emotion": emotion.label,
        "score": emotion.score,
        "scores": dict(emotion.scores),
        "logits": dict(emotion.logits),
        "flags": list(emotion.flags),
        "reason": emotion.reason,
        "duration": emotion.duration,
        "overlap_ratio": emotion.overlap_ratio,
        # Most models have no measure of doubt, and earlier versions had none.
        **({} if emotion.doubt is None else {"doubt": emotion.doubt}),
        "provenance": emotion.provenance.to_dict() if emotion.provenance else None,
        # Only people set this mark, so the lines of a model do without it.
        **({"reviewed": True} if emotion.reviewed else {}),
    }


def read_turn(record: Fields) -> ScoredTurn:
    """Return the turn and the emotion in a record; only the start and end are required.

    Raises:
        FormatError: If a value has the wrong type, or the turn ends before it starts; names the
            place.
    """
    turn = turn_at(
        record.where,
        start=record.number("start"),
        end=record.number("end"),
        speaker=record.maybe_text("speaker"),
        channel=record.maybe_channel("channel"),
    )
    given = record.values
    emotion = Emotion(
        label=record.maybe_text("emotion"),
        score=record.maybe_number("score"),
        scores=record.numbers("scores") if "scores" in given else {},
        logits=record.numbers("logits") if "logits" in given else {},
        flags=record.texts("flags") if "flags" in given else (),
        reason=record.maybe_text("reason"),
        duration=record.number("duration") if "duration" in given else 0.0,
        overlap_ratio=record.maybe_number("overlap_ratio"),
        doubt=record.maybe_number("doubt"),
        provenance=_provenance(record.maybe_fields("provenance")),
        reviewed=record.flag("reviewed"),
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
    """Return a turn read from a file.

    Raises:
        FormatError: If its times are not finite or not in order; begins with *where*.
    """
    try:
        return Turn(start=start, end=end, speaker=speaker, channel=channel)
    except InvalidTurnError as error:
        raise FormatError(f"{where}: {error}") from error


def by_recording(turns: Iterable[tuple[str, ScoredTurn]]) -> list[Dialogue]:
    """Group pairs of a recording's name and a turn into dialogues, in order of first mention."""
    found: dict[str, list[ScoredTurn]] = {}
    for name, scored in turns:
        found.setdefault(name, []).append(scored)
    return [Dialogue(recording=name, turns=tuple(scored)) for name, scored in found.items()]


def _provenance(record: Fields | None) -> Provenance | None:
    if record is None:
        return None
    record.require("model")
    known = {name: record.text(name) for name in _OF_MODELS if name in record.values}
    # Folders have no revision, and results of earlier versions say nothing about trust.
    maybe = {name: record.maybe_text(name) for name in ("revision", "trust")}
    tokens = {"tokens": record.texts("tokens")} if "tokens" in record.values else {}
    return Provenance.from_dict({**known, **maybe, **tokens})
