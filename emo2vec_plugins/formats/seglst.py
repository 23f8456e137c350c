"""SegLST: the JSON list of segments that MeetEval and the CHiME challenges score.

A turn is a segment with ``session_id``, ``start_time``, ``end_time``, ``speaker`` and ``words``,
which MeetEval asks for and which is empty here, and with keys of our own beside them; MeetEval
keeps such keys. A turn without a speaker has no key ``speaker``: scoring then stops and says so,
where an invented name would be scored.

In files of other tools times may be strings of decimals, as MeetEval writes them, and names may be
whole numbers. Segments of a session need not stand together. Their words are left out, with a
warning: a `Dialogue` holds none.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from emo2vec_plugins.core import Dialogue, Emotion, Format, ScoredTurn, Turn
from emo2vec_plugins.errors import FormatError, InvalidTurnError, warn
from emo2vec_plugins.formats.fidelity import distinct
from emo2vec_plugins.formats.json_values import Fields, finite, parsed


def dumps(dialogues: Sequence[Dialogue]) -> str:
    """Return the segments of all dialogues, in order.

    Raises:
        FormatError: If two recordings have one name, or a number is NaN or infinite.
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
        FormatError: If it is something else; names the segment.
    """
    segments = parsed(text)
    if not isinstance(segments, list):
        raise FormatError("expected SegLST, a list of segments [...]")
    turns: dict[str, list[ScoredTurn]] = {}
    spoken = 0
    for number, value in enumerate(segments, 1):
        segment = Fields.of(value, f"segment {number}")
        turns.setdefault(_name(segment, "session_id"), []).append(_scored(segment))
        spoken += bool(segment.values.get("words"))
    if spoken:
        warn(f"the words of {spoken} segments are left out: results hold emotions, no transcript")
    return [Dialogue(recording=name, turns=tuple(found)) for name, found in turns.items()]


SEGLST = Format(
    name="seglst",
    suffixes=(".seglst.json",),
    description="segments for MeetEval; loses channels, logits, overlap and the model",
    dumps=dumps,
    loads=loads,
    holds=frozenset(
        {
            *("several", "order", "recording", "speaker"),
            *("label", "score", "scores", "flags", "reason"),
        }
    ),
)


def _segment(where: str, dialogue: Dialogue, scored: ScoredTurn) -> dict[str, Any]:
    turn, emotion = scored.turn, scored.emotion
    segment: dict[str, Any] = {
        "session_id": dialogue.recording,
        "start_time": float(turn.start),
        "end_time": float(turn.end),
        **({} if turn.speaker is None else {"speaker": turn.speaker}),
        "words": "",
        "emotion": emotion.label,
    }
    if emotion.score is not None:
        segment["emotion_score"] = finite(emotion.score, where)
    if emotion.scores:
        segment["emotion_scores"] = {
            name: finite(each, where) for name, each in emotion.scores.items()
        }
    if emotion.flags:
        segment["emotion_flags"] = list(emotion.flags)
    if emotion.reason is not None:
        segment["emotion_reason"] = emotion.reason
    return segment


def _scored(segment: Fields) -> ScoredTurn:
    there = segment.values.keys()
    emotion = Emotion(
        label=segment.maybe_text("emotion"),
        score=segment.maybe_number("emotion_score"),
        scores=segment.numbers("emotion_scores") if "emotion_scores" in there else {},
        flags=segment.texts("emotion_flags") if "emotion_flags" in there else (),
        reason=segment.maybe_text("emotion_reason"),
    )
    speaker = None if segment.values.get("speaker") is None else _name(segment, "speaker")
    start, end = _seconds(segment, "start_time"), _seconds(segment, "end_time")
    try:
        return ScoredTurn(turn=Turn(start=start, end=end, speaker=speaker), emotion=emotion)
    except InvalidTurnError as error:
        raise FormatError(f"{segment.where}: {error}") from error


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
