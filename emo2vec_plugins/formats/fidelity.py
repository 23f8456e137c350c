"""Which parts of a dialogue a format stores, and the check that it does.

A format declares its fields and its time grid. Dialogues that are written and read back must
equal the result of `held`: declared fields are kept, times are rounded to the grid, and all other
fields have their defaults.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from emo2vec_plugins.core import Dialogue, Emotion, Format, ScoredTurn, Turn, counted, shown
from emo2vec_plugins.errors import FormatError

OF_FILES = {
    "several": "several recordings in one file",
    "empty": "recordings without turns",
    "order": "the order of the turns; otherwise they are sorted",
}
OF_RECORDINGS = {
    "recording": "the recording's name; otherwise the file's name is used",
    "audio": "the path or URL of the audio",
    "recording_duration": "the recording's duration",
}
OF_TURNS = {"speaker": "the speaker", "channel": "the channel"}
OF_EMOTIONS = {
    "label": "the label",
    "score": "the label's probability",
    "scores": "the probability of every class",
    "logits": "the logits",
    "flags": "the flags",
    "reason": "the reason for a missing label",
    "duration": "the number of seconds scored",
    "overlap_ratio": "the share of overlap",
    "doubt": "the doubt",
    "provenance": "the model",
    "reviewed": "the marks of turns that a person reviewed",
}
FIELDS = OF_FILES | OF_RECORDINGS | OF_TURNS | OF_EMOTIONS
"""The fields that a format may store besides the times of turns, with descriptions."""

MILLISECONDS, MICROSECONDS, NANOSECONDS = 1_000, 1_000_000, 1_000_000_000
"""Ticks per second of the formats' time grids."""

DIGITS = 6
"""Decimals to which numbers must be equal after a round trip."""


def ticks(seconds: float, rate: int) -> int:
    """Return the tick nearest to a time, at *rate* ticks per second.

    >>> ticks(1.2346, 1000), ticks(-0.5, 1)
    (1235, 0)

    Raises:
        FormatError: If the time is beyond the range of numbers.
    """
    try:
        return round(seconds * rate)
    except OverflowError as error:
        raise FormatError(f"expected a time that can be written, got {seconds} seconds") from error


def grid(turn: Turn, *, rate: int, least: int = 0) -> tuple[int, int]:
    """Return a turn's start and end in ticks, lengthened to at least *least* ticks."""
    start = ticks(turn.start, rate)
    return start, max(ticks(turn.end, rate), start + least)


def as_dialogues(given: Iterable[Any]) -> list[Dialogue]:
    """Return an iterable of dialogues as a list.

    Raises:
        FormatError: If an item is not a `Dialogue`.
    """
    if isinstance(given, Dialogue) or not isinstance(given, Iterable):
        raise FormatError(f"expected a list of dialogues, got one {type(given).__name__}")
    found = list(given)
    for each in found:
        if not isinstance(each, Dialogue):
            hint = "; pass its .emotions" if hasattr(each, "emotions") else ""
            raise FormatError(f"expected a Dialogue, got {type(each).__name__}{hint}")
    return found


def only(dialogues: Sequence[Dialogue], what: str) -> Dialogue:
    """Return the one dialogue to write to *what*, a file that stores a single recording.

    Raises:
        FormatError: If there is not exactly one dialogue.
    """
    if len(dialogues) != 1:
        # Two files of one recording, such as its RTTM and its TextGrid, are read as two.
        names = shown([dialogue.recording for dialogue in dialogues])[1:-1]
        which = f" ({names}); leave files out, or" if dialogues else ";"
        raise FormatError(
            f"{what} stores one recording, got {len(dialogues)}{which} write to a folder, with a path "
            "that ends in '/'"
        )
    return dialogues[0]


def distinct(dialogues: Iterable[Dialogue], what: str) -> None:
    """Check that no two dialogues have the same name, because *what* would merge them.

    Raises:
        FormatError: If two dialogues have the same name.
    """
    for name, count in Counter(dialogue.recording for dialogue in dialogues).items():
        if count > 1:
            raise FormatError(
                f"expected distinct recording names in {what}, got {count} recordings {shown(name)}"
            )


def held(dialogues: Iterable[Dialogue], format_: Format) -> list[Dialogue]:
    """Return dialogues as they are after being written in a format and read back.

    Raises:
        FormatError: If the format does not declare what it stores.
    """
    fields = _fields(format_)
    return [
        _held(dialogue, format_, fields)
        for dialogue in dialogues
        if dialogue.turns or "empty" in fields
    ]


def lost(dialogues: Sequence[Dialogue], format_: Format) -> list[str]:
    """Return the names of the `FIELDS` that dialogues have and the format does not store.

    Raises:
        FormatError: If the format does not declare what it stores.
    """
    fields = _fields(format_)
    return [name for name in FIELDS if name not in fields and _has(name, dialogues)]


def verify(written: Sequence[Dialogue], read: Sequence[Dialogue], format_: Format) -> None:
    """Check that a format kept every field that it declares.

    Args:
        written: The dialogues passed to the format.
        read: The dialogues read back.
        format_: The format; without a declaration, nothing is checked.

    Raises:
        FormatError: If they differ; names the first difference.
    """
    if format_.holds is None:
        return
    expected, found = held(written, format_), held(read, format_)
    if len(found) != len(expected):
        raise _broken(format_, counted(len(expected), "recording"), f"{len(found)}")
    for ours, theirs in zip(expected, found, strict=True):
        if len(ours.turns) != len(theirs.turns):
            where = f"{counted(len(ours.turns), 'turn')} of {shown(ours.recording)}"
            raise _broken(format_, where, f"{len(theirs.turns)}")
        if replace(ours, turns=()) != replace(theirs, turns=()):
            raise _broken(format_, f"{shown(ours)}", f"{shown(theirs)}")
        for turn, other in zip(ours.turns, theirs.turns, strict=True):
            same = (
                _close(getattr(turn.emotion, name), getattr(other.emotion, name))
                for name in OF_EMOTIONS
            )
            if turn.turn != other.turn or not all(same):
                raise _broken(format_, f"{turn}", f"{other}")


def _fields(format_: Format) -> frozenset[str]:
    if format_.holds is None:
        raise FormatError(f"format {format_.name!r} does not declare the fields it stores")
    return format_.holds


def _held(dialogue: Dialogue, format_: Format, fields: frozenset[str]) -> Dialogue:
    turns = [_turn(scored, format_, fields) for scored in dialogue.turns]
    duration = dialogue.duration if "recording_duration" in fields else None
    # In ticks, like turns: whole numbers compare without rounding errors.
    if duration is not None and format_.ticks:
        duration = float(ticks(duration, format_.ticks))
    return Dialogue(
        recording=dialogue.recording if "recording" in fields else "",
        turns=tuple(turns if "order" in fields else sorted(turns, key=_order)),
        audio=dialogue.audio if "audio" in fields else None,
        duration=duration,
    )


def _turn(scored: ScoredTurn, format_: Format, fields: frozenset[str]) -> ScoredTurn:
    turn, emotion = scored.turn, scored.emotion
    start, end = turn.start, turn.end
    if format_.ticks:  # in ticks: whole numbers compare without a tolerance
        start, end = map(float, grid(turn, rate=format_.ticks, least=format_.least))
    of_turn = {name: getattr(turn, name) for name in OF_TURNS if name in fields}
    of_emotion = {name: getattr(emotion, name) for name in OF_EMOTIONS if name in fields}
    if emotion.label is None and "score" in of_emotion:
        of_emotion["score"] = None  # without a label, its score is meaningless
    return ScoredTurn(turn=Turn(start=start, end=end, **of_turn), emotion=Emotion(**of_emotion))


def _order(scored: ScoredTurn) -> tuple[Any, ...]:
    turn, emotion = scored.turn, scored.emotion
    # None and a string cannot be compared, so each becomes a pair.
    names = (turn.speaker, emotion.label, emotion.reason)
    spelt = [(name is not None, name or "") for name in names]
    score = -1.0 if emotion.score is None else round(emotion.score, DIGITS)
    return turn.start, turn.end, spelt, str(turn.channel), emotion.flags, score


def _close(one: Any, other: Any) -> bool:
    """Return whether two values are equal, numbers to `DIGITS` decimals."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_close(one[key], other[key]) for key in one)
    if isinstance(one, float | int) and isinstance(other, float | int):
        return math.isclose(one, other, rel_tol=10.0**-DIGITS, abs_tol=10.0**-DIGITS)
    return bool(one == other)


def _has(name: str, dialogues: Sequence[Dialogue]) -> bool:
    """Return whether dialogues have anything that a format without the field *name* loses."""
    starts = [[scored.turn.start for scored in dialogue.turns] for dialogue in dialogues]
    of_files = {
        "several": len(dialogues) > 1,
        "empty": any(not dialogue.turns for dialogue in dialogues),
        "order": any(each != sorted(each) for each in starts),
        "recording": True,
        "recording_duration": any(dialogue.duration is not None for dialogue in dialogues),
        "audio": any(dialogue.audio is not None for dialogue in dialogues),
    }
    if name in of_files:
        return of_files[name]
    turns = [scored for dialogue in dialogues for scored in dialogue.turns]
    if name in OF_TURNS:
        return any(getattr(scored.turn, name) is not None for scored in turns)
    nothing = getattr(Emotion(), name)
    return any(getattr(scored.emotion, name) != nothing for scored in turns)


def _broken(format_: Format, expected: str, found: str) -> FormatError:
    return FormatError(
        f"format {format_.name!r} changed a field it declares: "
        f"wrote {expected}, read back {found}; no file was written"
    )
