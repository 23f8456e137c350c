"""Dialogues as the rows of one flat table, whatever file it is kept in.

A turn is a row; a recording without turns is a row without a turn. Every class has columns of its
own, ``score_angry`` and ``logit_angry``, so that tools for tables need not look into cells. Nothing
but arrays is lost.

Of tables that somebody else made, columns may be missing, but for the recording, the start and the
end, and may stand in any order. Turns are put in the order of the column ``turn``, wherever a sort
has left their rows, unless a row of the recording has none there: then in the order of the rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from emo2vec_plugins.core import Dialogue, Emotion, Provenance, ScoredTurn, Turn
from emo2vec_plugins.errors import FormatError, InvalidTurnError, warn
from emo2vec_plugins.formats.fidelity import distinct

Kind = Literal["text", "number", "count", "words", "counts", "texts"]
"""Of a column; the last three are lists: of flags, of channels, of anything."""

Row = Mapping[str, Any]

NEEDED = ("recording", "start", "end")
SCORE, LOGIT = "score_", "logit_"

_BEFORE: dict[str, Kind] = {
    "recording": "text",
    "turn": "count",
    "start": "number",
    "end": "number",
    "speaker": "text",
    "channel": "count",
    "channels": "counts",
    "emotion": "text",
    "score": "number",
}
_AFTER: dict[str, Kind] = {
    "flags": "words",
    "reason": "text",
    "scored_seconds": "number",
    "overlap_ratio": "number",
    "audio": "text",
    "recording_duration": "number",
}
_MODEL: dict[str, Kind] = {
    "model": "text",
    "sha256": "text",
    "revision": "text",
    "resampler": "text",
    "dtype": "text",
    "version": "text",
    "tokens": "texts",
}
_FIXED = _BEFORE | _AFTER | _MODEL


def kind_of(column: str) -> Kind | None:
    """Return what a column holds; None if it is not ours."""
    return "number" if column.startswith((SCORE, LOGIT)) else _FIXED.get(column)


def columns(dialogues: Sequence[Dialogue]) -> list[str]:
    """Return the columns of the table of some dialogues, in order."""
    emotions = [scored.emotion for dialogue in dialogues for scored in dialogue.turns]
    scores = dict.fromkeys(SCORE + name for emotion in emotions for name in emotion.scores)
    logits = dict.fromkeys(LOGIT + name for emotion in emotions for name in emotion.logits)
    return [*_BEFORE, *scores, *_AFTER, *logits, *_MODEL]


def rows(dialogues: Sequence[Dialogue]) -> Iterator[dict[str, Any]]:
    """Yield a row for each turn; cells that are missing are null.

    Raises:
        FormatError: If two recordings have one name, or a number is NaN or infinite.
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
            row = head | {"turn": index} | _turn(scored.turn) | _emotion(scored.emotion)
            _refuse_odd_numbers(row)
            yield row


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A row that was read.

    Attributes:
        where: What errors call it, such as ``line 3``.
        row: Cells of the kinds that the columns have, or None.
    """

    where: str
    row: Row


def dialogues(found: Iterable[Found], names: Sequence[str]) -> list[Dialogue]:
    """Return the dialogues of a table, in order of first mention.

    Columns that are not ours are left out, with a warning.

    Args:
        found: The rows.
        names: The table's columns.

    Raises:
        FormatError: If a column is missing or there twice, or a row is no turn; names the row.
    """
    _check(names)
    recordings: dict[str, list[Found]] = {}
    for each in found:
        recordings.setdefault(_needed(each, "recording"), []).append(each)
    return [_dialogue(name, rows_) for name, rows_ in recordings.items()]


def _turn(turn: Turn) -> dict[str, Any]:
    several = isinstance(turn.channel, tuple)
    return {
        "start": turn.start,
        "end": turn.end,
        "speaker": turn.speaker,
        "channel": None if several else turn.channel,
        "channels": turn.channel if several else None,
    }


def _emotion(emotion: Emotion) -> dict[str, Any]:
    return {
        "emotion": emotion.label,
        "score": emotion.score,
        **{SCORE + name: value for name, value in emotion.scores.items()},
        **{LOGIT + name: value for name, value in emotion.logits.items()},
        "flags": emotion.flags or None,
        "reason": emotion.reason,
        "scored_seconds": emotion.duration,
        "overlap_ratio": emotion.overlap_ratio,
        **_model(emotion.provenance),
    }


def _model(provenance: Provenance | None) -> dict[str, Any]:
    if provenance is None:
        return {}
    return {
        "model": provenance.model,
        "sha256": provenance.sha256 or None,
        "revision": provenance.revision,
        "resampler": provenance.resampler or None,
        "dtype": provenance.dtype,
        "version": provenance.version or None,
        "tokens": provenance.tokens or None,
    }


def _refuse_odd_numbers(row: Row) -> None:
    for name, value in row.items():
        if value is not None and kind_of(name) == "number" and not math.isfinite(value):
            raise FormatError(
                f"recording {row['recording']!r}, turn {row['turn']}: {name} is {value}; "
                "tables hold no NaN or infinity, which tools take for missing"
            )


def _check(names: Sequence[str]) -> None:
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise FormatError(
            f"expected the columns {', '.join(NEEDED)} and more, "
            f"found no {', '.join(missing)} among {', '.join(map(repr, names))[:200]}"
        )
    twice = [name for name in dict.fromkeys(names) if list(names).count(name) > 1]
    if twice:
        raise FormatError(f"columns are there twice: {', '.join(twice)}")
    others = [name for name in names if kind_of(name) is None]
    if others:
        warn(f"columns that say nothing of turns are left out: {', '.join(map(repr, others))}")


def _dialogue(name: str, found: list[Found]) -> Dialogue:
    head = found[0].row
    for each in found:
        for column in ("audio", "recording_duration"):
            if each.row.get(column) != head.get(column):
                raise FormatError(
                    f"{each.where}: expected {head.get(column)!r} as {column} of recording "
                    f"{name!r}, as in {found[0].where}, found {each.row.get(column)!r}"
                )
    spoken = [each for each in found if _is_turn(each)]
    return Dialogue(
        recording=name,
        turns=tuple(_scored(each) for each in _in_order(spoken)),
        audio=head.get("audio"),
        duration=head.get("recording_duration"),
    )


def _is_turn(found: Found) -> bool:
    return any(found.row.get(name) is not None for name in ("turn", "start", "end"))


def _in_order(found: list[Found]) -> list[Found]:
    places: dict[Any, Found] = {}
    for each in found:
        turn = each.row.get("turn")
        if turn is None:
            return found
        if turn in places:
            raise FormatError(
                f"{each.where}: recording {each.row['recording']!r} has turn {turn} already, in "
                f"{places[turn].where}; are these two recordings, or the rows there twice?"
            )
        places[turn] = each
    return [places[turn] for turn in sorted(places)]


def _scored(found: Found) -> ScoredTurn:
    row = found.row
    channels = row.get("channels")
    try:
        turn = Turn(
            start=_needed(found, "start"),
            end=_needed(found, "end"),
            speaker=row.get("speaker"),
            channel=row.get("channel") if channels is None else tuple(channels),
        )
    except InvalidTurnError as error:
        raise FormatError(f"{found.where}: {error}") from error
    emotion = Emotion(
        label=row.get("emotion"),
        score=row.get("score"),
        scores=_of_classes(row, SCORE),
        logits=_of_classes(row, LOGIT),
        flags=tuple(row.get("flags") or ()),
        reason=row.get("reason"),
        duration=row.get("scored_seconds") or 0.0,
        overlap_ratio=row.get("overlap_ratio"),
        provenance=_provenance(row),
    )
    return ScoredTurn(turn=turn, emotion=emotion)


def _of_classes(row: Row, prefix: str) -> dict[str, float]:
    return {
        name.removeprefix(prefix): value
        for name, value in row.items()
        if name.startswith(prefix) and value is not None
    }


def _provenance(row: Row) -> Provenance | None:
    known = {name: row[name] for name in _MODEL if row.get(name) is not None}
    return Provenance.from_dict(known) if "model" in known else None


def _needed(found: Found, column: str) -> Any:
    value = found.row.get(column)
    if value is None:
        raise FormatError(f"{found.where}: expected a {column}, found nothing")
    return value
