"""SegLST: the JSON list of segments that MeetEval and the CHiME challenges score.

Each turn is a segment with ``session_id``, ``start_time``, ``end_time``, ``speaker`` and ``words``,
which MeetEval requires and which is empty here. Emotions have their own keys, which MeetEval
preserves. A turn without a speaker has no ``speaker`` key: MeetEval then stops with an error
instead of scoring an invented name.

In files of other tools, times may be decimal strings, as MeetEval writes them, and names may be
whole numbers. Segments of a session need not be adjacent. Words are dropped with a warning, because
a `Dialogue` does not store them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from emo2vec_plugins.core import Dialogue, Format, ScoredTurn, counted
from emo2vec_plugins.errors import FormatError, warn
from emo2vec_plugins.files import from_json
from emo2vec_plugins.formats.fidelity import distinct
from emo2vec_plugins.formats.json_values import Fields, finite
from emo2vec_plugins.formats.jsonl import by_recording, read_turn, turn_record

_OURS = ("score", "scores", "flags", "reason", "doubt", "reviewed")
"""Fields of a record that a segment stores, if known, with the prefix ``emotion_``."""


def dumps(dialogues: Sequence[Dialogue]) -> str:
    """Return the segments of all dialogues, in order.

    Raises:
        FormatError: If two recordings have the same name, or a number is NaN or infinite.
    """
    distinct(dialogues, "SegLST")
    segments = [
        _segment(f"recording {each.recording!r}, turn {index}", each, scored)
        for each in dialogues
        for index, scored in enumerate(each.turns)
    ]
    return json.dumps(segments, ensure_ascii=False, indent=2) + "\n"


def loads(text: str) -> list[Dialogue]:
    """Return the dialogues of a SegLST, in order of first mention.

    Raises:
        FormatError: If the text is not SegLST; names the segment.
    """
    segments = from_json(text)
    if not isinstance(segments, list):
        raise FormatError("expected SegLST, a list of segments [...]")
    fields = [Fields.of(value, f"segment {number}") for number, value in enumerate(segments, 1)]
    found = by_recording((_name(each, "session_id"), _scored(each)) for each in fields)
    if spoken := sum(bool(each.values.get("words")) for each in fields):
        warn(f"dropped the words of {counted(spoken, 'segment')}: results have no transcripts")
    return found


SEGLST = Format(
    name="seglst",
    suffixes=(".seglst.json",),
    description="segments for MeetEval; channels, logits, overlap and the model are lost",
    dumps=dumps,
    loads=loads,
    holds=frozenset({"several", "order", "recording", "speaker", "label", *_OURS}),
)


def _segment(where: str, dialogue: Dialogue, scored: ScoredTurn) -> dict[str, Any]:
    record = turn_record(scored)
    known = {name: record[name] for name in _OURS if record.get(name) not in (None, {}, [])}
    return {
        "session_id": dialogue.recording,
        "start_time": float(record["start"]),
        "end_time": float(record["end"]),
        **({} if record["speaker"] is None else {"speaker": record["speaker"]}),
        "words": "",
        "emotion": record["emotion"],
        **{f"emotion_{name}": finite(value, where) for name, value in known.items()},
    }


def _scored(segment: Fields) -> ScoredTurn:
    ours = {name: f"emotion_{name}" for name in _OURS if f"emotion_{name}" in segment.values}
    record = {name: segment.values[theirs] for name, theirs in ours.items()} | {
        "start": _seconds(segment, "start_time"),
        "end": _seconds(segment, "end_time"),
        "speaker": None if segment.values.get("speaker") is None else _name(segment, "speaker"),
        "emotion": segment.values.get("emotion"),
    }
    return read_turn(Fields(record, segment.where))


def _name(segment: Fields, key: str) -> str:
    value = segment.values.get(key)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number else segment.text(key)


def _seconds(segment: Fields, key: str) -> float:
    value = segment.values.get(key)
    if not isinstance(value, str):
        return segment.number(key)
    try:
        return Fields({key: float(value)}, segment.where).number(key)
    except ValueError as error:
        raise segment.error(key, "a number of seconds", value) from error
