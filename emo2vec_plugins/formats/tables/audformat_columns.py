"""The columns of a table of audformat: those of its CSV, and of tables in a database.

A turn is a segment: ``file``, ``start`` and ``end``, exact to the nanosecond. Beside them stand
``recording``, ``speaker``, ``emotion``, ``emotion_score``, one ``emotion_score_angry`` for each class,
``emotion_flags``, ``emotion_reason``, ``emotion_duration`` and ``emotion_overlap_ratio``. The file is
the recording's sound; where that is unknown, the recording's name, and ``recording`` is empty.

In tables that somebody else made there is no column ``recording``: each file is a recording.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal

from emo2vec_plugins.core import Dialogue, Emotion, ScoredTurn
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats.json_values import Fields
from emo2vec_plugins.formats.records import by_recording, emotion_record, read_turn
from emo2vec_plugins.formats.tables.csv_text import read_number, write_words

AUDFORMAT_INDEX = ("file", "start", "end")
NANOSECONDS = 1_000_000_000

_NUMBERS = ("score", "duration", "overlap_ratio")


def audformat_columns(
    emotions: Iterable[Emotion], *, field: str = "emotion"
) -> dict[str, Literal["text", "number"]]:
    """Return the columns for some emotions, in order, each with what it holds.

    Args:
        emotions: Whose classes have a column each.
        field: Name of the column with the label, and what those beside it begin with.
    """
    scores = dict.fromkeys(f"{field}_score_{name}" for each in emotions for name in each.scores)
    return {
        field: "text",
        f"{field}_score": "number",
        **dict.fromkeys(scores, "number"),
        f"{field}_flags": "text",
        f"{field}_reason": "text",
        f"{field}_duration": "number",
        f"{field}_overlap_ratio": "number",
    }


def is_audformat_column(name: str, *, field: str = "emotion") -> bool:
    """Return whether a column is one of `audformat_columns`, whatever the classes are."""
    return name in audformat_columns([], field=field) or name.startswith(f"{field}_score_")


def audformat_values(emotion: Emotion, *, field: str = "emotion") -> dict[str, Any]:
    """Return what the columns of one row hold; None is missing.

    Raises:
        FormatError: If a flag has spaces.
    """
    record = emotion_record(emotion)
    flags = write_words(record["flags"], f"{field}_flags")
    return {
        field: record["emotion"],
        **{f"{field}_score_{name}": value for name, value in record["scores"].items()},
        f"{field}_flags": flags or None,
        **{f"{field}_{name}": record[name] for name in ("reason", *_NUMBERS)},
    }


def audformat_row(
    dialogue: Dialogue, scored: ScoredTurn, *, field: str = "emotion"
) -> dict[str, Any]:
    """Return the cells of a turn, but for its times."""
    is_known = dialogue.audio is not None
    return {
        "file": dialogue.audio if is_known else dialogue.recording,
        "recording": dialogue.recording if is_known else None,
        "speaker": scored.turn.speaker,
        **audformat_values(scored.emotion, field=field),
    }


def audformat_dialogues(
    rows: Iterable[tuple[str, Mapping[str, Any]]], *, field: str = "emotion"
) -> list[Dialogue]:
    """Return the dialogues in a table, in order of first mention.

    Args:
        rows: Each with its place, as errors call it. Times are seconds, other numbers may be
            text; None is missing, as is a column that is not there.
        field: Name of the column with the label.

    Raises:
        FormatError: If a row is no turn, or two files are one recording; names the place.
    """
    sounds: dict[str, str | None] = {}

    def turns() -> Iterable[tuple[str, ScoredTurn]]:
        for where, row in rows:
            name, audio = _recording(row, where)
            # The column recording may join segments of several files by mistake.
            if audio != sounds.setdefault(name, audio):
                raise FormatError(
                    f"{where}: expected {sounds[name]!r} as the file of recording {name!r}, "
                    f"found {audio!r}"
                )
            yield name, read_turn(Fields(_record(row, field, where), where))

    return [replace(each, audio=sounds[each.recording]) for each in by_recording(turns())]


def _recording(row: Mapping[str, Any], where: str) -> tuple[str, str | None]:
    """Return the name of a row's recording, and where its sound is."""
    file = row["file"]
    if file is None:
        raise FormatError(f"{where}: expected a file, found nothing")
    if "recording" not in row:
        return file, file
    name = _text(row, "recording")
    return (file, None) if name is None else (name, file)


def _record(row: Mapping[str, Any], field: str, where: str) -> dict[str, Any]:
    prefix = f"{field}_score_"
    scores = {
        name.removeprefix(prefix): _number(row, name, where)
        for name, value in row.items()
        if name.startswith(prefix) and value is not None
    }
    numbers = {name: _number(row, f"{field}_{name}", where) for name in _NUMBERS}
    return numbers | {
        "start": row["start"],
        "end": row["end"],
        "speaker": _text(row, "speaker"),
        "emotion": _text(row, field),
        "scores": scores,
        "flags": (_text(row, f"{field}_flags") or "").split(),
        "reason": _text(row, f"{field}_reason"),
        "duration": numbers["duration"] or 0.0,
    }


def _text(row: Mapping[str, Any], column: str) -> str | None:
    value = row.get(column)
    return None if value is None else str(value)


def _number(row: Mapping[str, Any], column: str, where: str) -> float | None:
    value = row.get(column)
    try:
        return None if value is None else read_number(value)
    except (TypeError, ValueError) as error:
        raise FormatError(f"{where}: {column}: expected a number, found {value!r}") from error
