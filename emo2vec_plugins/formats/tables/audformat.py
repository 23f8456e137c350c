"""audformat tables: the CSV format, and the columns, which tables in a database share.

A turn is a segment: ``file``, ``start`` and ``end``, exact to the nanosecond. Other columns are
``recording``, ``speaker``, ``emotion``, ``emotion_score``, one ``emotion_score_angry`` for each class,
``emotion_flags``, ``emotion_reason``, ``emotion_duration``, ``emotion_overlap_ratio`` and
``emotion_doubt``. The file is the recording's audio; if that is unknown, it is the recording's name,
and ``recording`` is empty.

Tables of other tools have no column ``recording``; there, each file is a recording. Unknown columns
are dropped with a warning. Segments must have an end: audformat allows segments that last to the end
of the file, but the file's duration is unknown here. CSV stores times as pandas writes a Timedelta.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from emo2vec_plugins.core import Dialogue, Emotion, Format, ScoredTurn, shown
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats.fidelity import FIELDS, NANOSECONDS, distinct, grid
from emo2vec_plugins.formats.json_values import Fields
from emo2vec_plugins.formats.jsonl import by_recording, emotion_record, read_turn
from emo2vec_plugins.formats.tables.csv import (
    read_number,
    read_table,
    table,
    with_formula,
    without_formula,
    write_number,
    write_words,
)
from emo2vec_plugins.formats.tables.flat import check_columns

AUDFORMAT_INDEX = ("file", "start", "end")

_NUMBERS = ("score", "duration", "overlap_ratio", "doubt")


def audformat_columns(
    emotions: Iterable[Emotion], *, field: str = "emotion"
) -> dict[str, Literal["text", "number"]]:
    """Return the columns for emotions, in order, with the type of each.

    Args:
        emotions: Each of their classes gets a column.
        field: Name of the label column, and prefix of the other columns.
    """
    scores = dict.fromkeys(f"{field}_score_{name}" for each in emotions for name in each.scores)
    return {
        field: "text",
        **dict.fromkeys([f"{field}_score", *scores], "number"),
        **dict.fromkeys([f"{field}_flags", f"{field}_reason"], "text"),
        **dict.fromkeys([f"{field}_{name}" for name in _NUMBERS if name != "score"], "number"),
    }


def is_audformat_column(name: str, *, field: str = "emotion") -> bool:
    """Return whether a column is one of `audformat_columns`, for any classes."""
    return name in audformat_columns([], field=field) or name.startswith(f"{field}_score_")


def audformat_values(emotion: Emotion, *, field: str = "emotion") -> dict[str, Any]:
    """Return the values of an emotion by column; None is a missing value.

    Raises:
        FormatError: If a flag contains spaces.
    """
    record = emotion_record(emotion)
    flags = write_words(record["flags"], f"{field}_flags")
    return {
        field: record["emotion"],
        **{f"{field}_score_{name}": value for name, value in record["scores"].items()},
        f"{field}_flags": flags or None,
        **{f"{field}_{name}": record.get(name) for name in ("reason", *_NUMBERS)},
    }


def audformat_row(
    dialogue: Dialogue, scored: ScoredTurn, *, field: str = "emotion"
) -> dict[str, Any]:
    """Return the cells of a turn, except its times."""
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
        rows: Pairs of a place, for error messages, and a row. Times are in seconds; other numbers
            may be text. None and absent columns are missing values.
        field: Name of the label column.

    Raises:
        FormatError: If a row is not a turn, or a recording has two files; names the place.
    """
    sounds: dict[str, str | None] = {}

    def turns() -> Iterable[tuple[str, ScoredTurn]]:
        for where, row in rows:
            name, audio = _recording(row, where)
            # The column recording may combine segments of several files by mistake.
            if audio != sounds.setdefault(name, audio):
                expected = f"{shown(sounds[name])} as the file of recording {shown(name)}"
                raise FormatError(f"{where}: expected {expected}, found {shown(audio)}")
            yield name, read_turn(Fields(_record(row, field, where), where))

    return [replace(each, audio=sounds[each.recording]) for each in by_recording(turns())]


def _recording(row: Mapping[str, Any], where: str) -> tuple[str, str | None]:
    """Return the name of a row's recording and its audio."""
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
        raise FormatError(f"{where}: {column}: expected a number, found {shown(value)}") from error


_TIMEDELTA = re.compile(
    r"(?:(-?\d{1,9}) days? ?)?\+?(?:(\d{1,9}):(\d\d):(\d\d)(?:\.(\d{1,9}))?)?", re.ASCII
)


def dumps(dialogues: Sequence[Dialogue]) -> str:
    """Return a CSV table with a line of column names.

    Raises:
        FormatError: If two recordings have the same name, a score is NaN or infinite, a flag
            contains spaces, or a name contains the character NUL.
    """
    distinct(dialogues, "an audformat table")
    columns = audformat_columns(each.emotion for one in dialogues for each in one.turns)
    names = [*AUDFORMAT_INDEX, "recording", "speaker", *columns]
    rows = (_cells(each, scored) for each in dialogues for scored in each.turns)
    return table(names, rows)


def loads(text: str) -> list[Dialogue]:
    """Return the dialogues of an audformat table, in order of first mention.

    Raises:
        FormatError: If the text is not such a table; names the line.
    """
    names, found = read_table(text)
    expected = "a segmented audformat table with the columns file, start and end"
    own = (*AUDFORMAT_INDEX, "recording", "speaker")
    ours = [name for name in names if name in own or is_audformat_column(name)]
    check_columns(names, AUDFORMAT_INDEX, expected=expected, ours=ours)

    def texts(row: Mapping[str, str | None]) -> dict[str, Any]:
        return {name: cell and with_formula(cell) for name, cell in row.items()}

    return audformat_dialogues(
        (where, texts(row) | {name: _seconds(row[name], name, where) for name in ("start", "end")})
        for where, row in found
    )


def _cells(dialogue: Dialogue, scored: ScoredTurn) -> dict[str, str | None]:
    start, end = grid(scored.turn, rate=NANOSECONDS)
    row = audformat_row(dialogue, scored)
    written = {
        name: write_number(value, name)
        for name, value in row.items()
        if value is not None and not isinstance(value, str)
    }
    texts = {name: without_formula(text) for name, text in row.items() if isinstance(text, str)}
    return row | texts | written | {"start": _timedelta(start), "end": _timedelta(end)}


def _timedelta(nanoseconds: int) -> str:
    """Return a time as pandas writes it.

    >>> _timedelta(6_690_000_000), _timedelta(-500_000_000)
    ('0 days 00:00:06.690000', '-1 days +23:59:59.500000')
    """
    days, rest = divmod(nanoseconds, 86_400 * NANOSECONDS)
    seconds, fraction = divmod(rest, NANOSECONDS)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    decimals = f"{fraction:09}".removesuffix("000")
    sign = "+" if days < 0 else ""
    return f"{days} days {sign}{hours:02}:{minutes:02}:{seconds:02}.{decimals}"


def _seconds(cell: str | None, column: str, where: str) -> float:
    """Return a cell, a Timedelta or a number of seconds, as seconds."""
    cell = cell or ""
    found = _TIMEDELTA.fullmatch(cell.strip())
    if found is not None and cell.strip():
        days, hours, minutes, seconds, decimals = (part or "0" for part in found.groups())
        whole = int(days) * 86_400 + int(hours) * 3600 + int(minutes) * 60 + int(seconds)
        return (whole * NANOSECONDS + int(decimals.ljust(9, "0"))) / NANOSECONDS
    try:
        return read_number(cell)
    except ValueError as error:
        expected = f"a time as {column}, such as '0 days 00:00:06.690000'"
        raise FormatError(f"{where}: expected {expected}, found {shown(cell)}") from error


AUDFORMAT = Format(
    name="audformat",
    suffixes=(".audformat.csv",),
    description="audformat segmented table; channels, logits and the model are lost",
    dumps=dumps,
    loads=loads,
    by_line=True,
    holds=frozenset(FIELDS)
    - {"empty", "recording_duration", "channel", "logits", "provenance", "reviewed"},
    ticks=NANOSECONDS,
)
