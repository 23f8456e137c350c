"""Emotions as JSON lines: one turn a line, nothing lost but the arrays.

Every line stands alone, with the model that spoke, so that files may be concatenated, filtered
and sorted with everyday tools. docs/results.md describes the fields.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from emo2vec_plugins.dialogue import Dialogue, Emotion, Provenance, ScoredTurn, Turn
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats import Format
from emo2vec_plugins.formats.held import FIELDS

SCHEMA = "emo2vec-emotions/1"
"""Stands in every line. The number changes when lines can no longer be read as before."""

# Surrogates cannot be encoded, and the others end a line in some readers.
_UNSAFE = re.compile("[\ud800-\udfff\x85\u2028\u2029]")


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
    if not dialogue.turns:
        return [head | {"turn": None}]
    return [head | {"turn": index} | _row(scored) for index, scored in enumerate(dialogue.turns)]


EMOTIONS_JSONL = Format(
    name="emotions.jsonl",
    suffixes=(".emotions.jsonl",),
    description="one turn a line with all scores, flags and provenance; only arrays are lost",
    dumps=dumps,
    loads=loads,
    holds=frozenset(FIELDS),
)


def _row(scored: ScoredTurn) -> dict[str, Any]:
    turn, emotion = scored.turn, scored.emotion
    return {
        "start": turn.start,
        "end": turn.end,
        "speaker": turn.speaker,
        "channel": list(turn.channel) if isinstance(turn.channel, tuple) else turn.channel,
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


def _line(row: Mapping[str, Any]) -> str:
    try:
        text = json.dumps(row, ensure_ascii=False, allow_nan=False, default=_plain)
    except ValueError as error:
        raise FormatError(
            f"recording {row['recording']!r}, turn {row['turn']}: JSON holds no NaN or infinity"
        ) from error
    return _UNSAFE.sub(lambda found: f"\\u{ord(found.group()):04x}", text) + "\n"


def _plain(value: Any) -> Any:
    """Return the Python number that a numpy scalar stands for."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} is not JSON-serialisable")


def _parsed(number: int, line: str) -> tuple[Dialogue, int, ScoredTurn | None]:
    """Return the recording, the turn's index in it, and the turn; None where there is none."""
    try:
        row = json.loads(line)
    except ValueError as error:
        raise FormatError(f"line {number}: not JSON: {error}: {line[:200]!r}") from error
    schema = row.get("schema") if isinstance(row, dict) else None
    if schema != SCHEMA:
        raise FormatError(f"line {number}: expected schema {SCHEMA!r}, found {schema!r}")
    try:
        # Files of the first version have neither of the two.
        head = Dialogue(
            recording=row["recording"],
            audio=row.get("audio"),
            duration=row.get("recording_duration"),
        )
        if row["turn"] is None:
            return head, 0, None
        return head, int(row["turn"]), _scored(row)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        problem = f"no field {error}" if isinstance(error, KeyError) else str(error)
        raise FormatError(f"line {number}: {problem}: {line[:200]!r}") from error


def _scored(row: Mapping[str, Any]) -> ScoredTurn:
    channel = row["channel"]
    turn = Turn(
        start=row["start"],
        end=row["end"],
        speaker=row["speaker"],
        channel=tuple(channel) if isinstance(channel, list) else channel,
    )
    emotion = Emotion(
        label=row["emotion"],
        score=row["score"],
        scores=row["scores"],
        logits=row["logits"],
        flags=tuple(row["flags"]),
        reason=row["reason"],
        duration=row["duration"],
        overlap_ratio=row["overlap_ratio"],
        provenance=Provenance.from_dict(row["provenance"]) if row["provenance"] else None,
    )
    return ScoredTurn(turn=turn, emotion=emotion)
