"""Dialogues as rows of one flat table, shared by the CSV and the Parquet format.

Each turn is a row; a recording without turns is a row without a turn. Every class has two columns,
``score_angry`` and ``logit_angry``, so that cells have no nested values. Only arrays are lost. The
column ``reviewed`` exists only if a person marked turns; annotators add it and write ``yes``.

In tables of other tools, columns may have any order, and all except the recording, the start and the
end may be missing. Turns are sorted by the column ``turn``, so the rows may have any order. If that
column is empty in any row of a recording, its turns keep the order of the rows.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from emo2vec_plugins.core import Dialogue, shown
from emo2vec_plugins.errors import FormatError, warn
from emo2vec_plugins.formats.fidelity import distinct
from emo2vec_plugins.formats.json_values import Fields
from emo2vec_plugins.formats.jsonl import read_turn, turn_record
from emo2vec_plugins.formats.marks import YES, mark_of

Kind = Literal["text", "number", "count", "words", "counts", "texts"]
"""Type of a column; the last three are lists: of flags, of channels, of any strings."""

Row = Mapping[str, Any]

NEEDED = ("recording", "start", "end")
SCORE, LOGIT = "score_", "logit_"

_BEFORE = (
    *("recording", "turn", "start", "end", "speaker", "channel", "channels", "emotion", "score"),
)
_REVIEWED = "reviewed"
_AFTER = (
    *("flags", "reason", "scored_seconds", "overlap_ratio", "doubt", "audio"),
    "recording_duration",
)
_MODEL = (*("model", "sha256", "revision", "resampler", "dtype", "version", "tokens", "trust"),)
_NUMBERS = (
    *("start", "end", "score", "scored_seconds", "overlap_ratio", "doubt", "recording_duration"),
)
_KINDS: dict[str, Kind] = {
    **dict.fromkeys((*_BEFORE, *_AFTER, *_MODEL, _REVIEWED), "text"),
    **dict.fromkeys(_NUMBERS, "number"),
    "turn": "count",
    "channel": "count",
    "channels": "counts",
    "flags": "words",
    "tokens": "texts",
}
_PLACE = ("turn", "start", "end")
_SAME = ("start", "end", "speaker", "emotion", "score", "reason", "overlap_ratio", "doubt")
"""Columns with the same names as fields of a turn's record."""


def kind_of(column: str) -> Kind | None:
    """Return the type of a column; None if the column is unknown."""
    return "number" if column.startswith((SCORE, LOGIT)) else _KINDS.get(column)


def columns(dialogues: Sequence[Dialogue]) -> list[str]:
    """Return the columns of a table of dialogues, in order."""
    emotions = [scored.emotion for dialogue in dialogues for scored in dialogue.turns]
    scores = dict.fromkeys(SCORE + name for emotion in emotions for name in emotion.scores)
    logits = dict.fromkeys(LOGIT + name for emotion in emotions for name in emotion.logits)
    marks = [_REVIEWED] if any(emotion.reviewed for emotion in emotions) else []
    return [*_BEFORE, *marks, *scores, *_AFTER, *logits, *_MODEL]


def rows(dialogues: Sequence[Dialogue]) -> Iterator[dict[str, Any]]:
    """Yield a row for each turn; absent cells are null.

    Raises:
        FormatError: If two recordings have the same name, or a number is NaN or infinite.
    """
    distinct(dialogues, "a table")
    for dialogue in dialogues:
        head = {
            "recording": dialogue.recording,
            "audio": dialogue.audio,
            "recording_duration": dialogue.duration,
        }
        if not dialogue.turns:
            yield head
        for index, scored in enumerate(dialogue.turns):
            row = head | {"turn": index} | _spread(turn_record(scored))
            _require_finite(row)
            yield row


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A row read from a file.

    Attributes:
        where: The row's place for error messages, such as ``line 3``.
        row: Cells of the columns' types, or None.
    """

    where: str
    row: Row


def dialogues(found: Iterable[Found], names: Sequence[str]) -> list[Dialogue]:
    """Return the dialogues of a table, in order of first mention.

    Unknown columns are dropped with a warning.

    Args:
        found: The rows.
        names: The table's columns.

    Raises:
        FormatError: If a column is missing or duplicated, or a row is not a turn; names the row.
    """
    expected = f"the columns {', '.join(NEEDED)} and more"
    check_columns(names, NEEDED, expected=expected, ours=[name for name in names if kind_of(name)])
    recordings: dict[str, list[Found]] = {}
    for each in found:
        recordings.setdefault(_needed(each, "recording"), []).append(each)
    return [_dialogue(name, rows_) for name, rows_ in recordings.items()]


def check_columns(
    names: Sequence[str], needed: Sequence[str], *, expected: str, ours: Sequence[str]
) -> None:
    """Warn about columns that are not among *ours* and will be dropped.

    Raises:
        FormatError: If a *needed* column is missing, or a column is duplicated.
    """
    missing = [name for name in needed if name not in names]
    if missing:
        found = f"missing {', '.join(missing)}, found {shown(list(names))[1:-1] or 'nothing'}"
        raise FormatError(f"expected {expected}, {found}")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise FormatError(f"duplicate columns: {shown(twice)[1:-1]}")
    known = set(ours)
    if others := [name for name in names if name not in known]:
        warn(f"dropped unknown columns: {shown(others)[1:-1]}")


def _spread(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cells of a turn's record."""
    channel, provenance = record["channel"], record["provenance"] or {}
    several = isinstance(channel, list)
    return {
        **{name: record.get(name) for name in _SAME},
        "channel": None if several else channel,
        "channels": channel if several else None,
        **{SCORE + name: value for name, value in record["scores"].items()},
        **{LOGIT + name: value for name, value in record["logits"].items()},
        "flags": record["flags"] or None,
        "scored_seconds": record["duration"],
        _REVIEWED: YES if record.get("reviewed") else None,
        # Empty values become missing cells: CSV needs quotation marks to distinguish the two.
        **{name: value or None for name, value in provenance.items()},
    }


def _gathered(row: Row) -> dict[str, Any]:
    """Return the record of the turn in a row."""
    model = {name: row[name] for name in _MODEL if row.get(name) is not None}
    mark = mark_of(row.get(_REVIEWED))
    return {
        **{name: row.get(name) for name in _SAME},
        "channel": row.get("channel") if row.get("channels") is None else row["channels"],
        "scores": _of_classes(row, SCORE),
        "logits": _of_classes(row, LOGIT),
        "flags": row.get("flags") or [],
        "duration": row.get("scored_seconds") or 0.0,
        "reviewed": row[_REVIEWED] if mark is None else mark,
        "provenance": model if "model" in model else None,
    }


def _require_finite(row: Row) -> None:
    for name, value in row.items():
        if value is not None and kind_of(name) == "number" and not math.isfinite(value):
            where = f"recording {shown(row['recording'])}, turn {row['turn']}"
            # Tools read NaN as a missing value.
            raise FormatError(f"{where}: expected a finite number as {name}, got {value}")


def _dialogue(name: str, found: list[Found]) -> Dialogue:
    head = found[0].row
    for each in found:
        for column in ("audio", "recording_duration"):
            if each.row.get(column) != head.get(column):
                expected = f"{shown(head.get(column))} as {column} of recording {shown(name)}"
                other = f"as in {found[0].where}, found {shown(each.row.get(column))}"
                raise FormatError(f"{each.where}: expected {expected}, {other}")
    spoken = [each for each in found if any(each.row.get(x) is not None for x in _PLACE)]
    for each in spoken:
        _needed(each, "start")
        _needed(each, "end")
    records = [Fields(_gathered(each.row), each.where) for each in _in_order(spoken)]
    return Dialogue(
        recording=name,
        turns=tuple(map(read_turn, records)),
        audio=head.get("audio"),
        duration=head.get("recording_duration"),
    )


def _in_order(found: list[Found]) -> list[Found]:
    places: dict[Any, Found] = {}
    for each in found:
        turn = each.row.get("turn")
        if turn is None:
            # An incomplete numbering does not define an order.
            return found
        if turn in places:
            first = f"found turn {turn} twice, first in {places[turn].where}"
            raise FormatError(f"{each.where}: recording {shown(each.row['recording'])}: {first}")
        places[turn] = each
    return [places[turn] for turn in sorted(places)]


def _of_classes(row: Row, prefix: str) -> dict[str, float]:
    return {
        name.removeprefix(prefix): value
        for name, value in row.items()
        if name.startswith(prefix) and value is not None
    }


def _needed(found: Found, column: str) -> Any:
    value = found.row.get(column)
    if value is None:
        raise FormatError(f"{found.where}: expected a {column}, found nothing")
    return value
