"""The CSV of an audformat table: what `audformat.utils.read_csv` and databases of audEERING read.

A turn is a segment: ``file``, ``start`` and ``end``, times as pandas writes a Timedelta, exact to the
nanosecond. Beside them stand ``recording``, ``speaker``, ``emotion``, ``emotion_score``, one
``emotion_score_angry`` for each class, ``emotion_flags`` and ``emotion_reason``. The file is the
recording's sound; where that is unknown, the recording's name, and ``recording`` is empty.

Of tables that somebody else made, the file is the sound and the recording's name, and columns that
are not ours are left out with a warning. Segments must have an end: audformat has some that go to
the end of a file, which is not known here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from emo2vec_plugins.core import Dialogue, Emotion, Format, ScoredTurn, Turn
from emo2vec_plugins.errors import FormatError, InvalidTurnError, warn
from emo2vec_plugins.formats.fidelity import distinct, grid
from emo2vec_plugins.formats.tables.csv_text import (
    line,
    read_number,
    records,
    write_number,
    write_words,
)

NANOSECONDS = 1_000_000_000
SCORE = "emotion_score_"

_NEEDED = ("file", "start", "end")
_BEFORE = (*_NEEDED, "recording", "speaker", "emotion", "emotion_score")
_AFTER = ("emotion_flags", "emotion_reason")
_TIMEDELTA = re.compile(r"(?:(-?\d+) days? ?)?\+?(?:(\d+):(\d\d):(\d\d)(?:\.(\d{1,9}))?)?")

Row = Mapping[str, str | None]


def dumps(dialogues: Sequence[Dialogue]) -> str:
    """Return a CSV table with a line of column names.

    Raises:
        FormatError: If two recordings have one name, a score is NaN or infinite, a flag has
            spaces, or a name the character NUL.
    """
    distinct(dialogues, "an audformat table")
    emotions = [scored.emotion for dialogue in dialogues for scored in dialogue.turns]
    scores = dict.fromkeys(SCORE + name for emotion in emotions for name in emotion.scores)
    names = [*_BEFORE, *scores, *_AFTER]
    rows = (_row(each, scored) for each in dialogues for scored in each.turns)
    text = "".join([line(names), *(line(map(row.get, names)) for row in rows)])
    if "\0" in text:
        raise FormatError("a name has the character NUL, which CSV cannot hold")
    return text


def loads(text: str) -> list[Dialogue]:
    """Return the dialogues of an audformat table, in order of first mention.

    Raises:
        FormatError: If it is something else; names the line.
    """
    found = records(text.removeprefix("\ufeff"))
    _, header = next(found, (1, list[str | None]()))
    names = [name or "" for name in header]
    _check(names)
    recordings: dict[str, tuple[str | None, list[ScoredTurn]]] = {}
    for number, cells in found:
        where = f"line {number}"
        if len(cells) != len(names):
            raise FormatError(f"{where}: expected {len(names)} cells, found {len(cells)}")
        row = dict(zip(names, cells, strict=True))
        name, audio = _recording(row, where)
        known, turns = recordings.setdefault(name, (audio, []))
        if audio != known:
            raise FormatError(
                f"{where}: expected {known!r} as the file of recording {name!r}, found {audio!r}"
            )
        turns.append(_scored(row, where))
    return [
        Dialogue(recording=name, turns=tuple(turns), audio=audio)
        for name, (audio, turns) in recordings.items()
    ]


def _row(dialogue: Dialogue, scored: ScoredTurn) -> dict[str, str | None]:
    emotion = scored.emotion
    start, end = grid(scored.turn, rate=NANOSECONDS)
    is_known = dialogue.audio is not None
    return {
        "file": dialogue.audio if is_known else dialogue.recording,
        "start": _timedelta(start),
        "end": _timedelta(end),
        "recording": dialogue.recording if is_known else None,
        "speaker": scored.turn.speaker,
        "emotion": emotion.label,
        "emotion_score": None
        if emotion.score is None
        else write_number(emotion.score, "emotion_score"),
        **{
            SCORE + name: write_number(value, SCORE + name)
            for name, value in emotion.scores.items()
        },
        "emotion_flags": write_words(emotion.flags, "emotion_flags") if emotion.flags else None,
        "emotion_reason": emotion.reason,
    }


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


def _check(names: Sequence[str]) -> None:
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise FormatError(
            "expected a segmented table of audformat, with the columns file, start and end, "
            f"found no {', '.join(missing)} among {', '.join(map(repr, names))[:200]}"
        )
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise FormatError(f"columns are there twice: {', '.join(twice)}")
    ours = {*_BEFORE, *_AFTER}
    others = [name for name in names if name not in ours and not name.startswith(SCORE)]
    if others:
        warn(f"columns that say nothing of turns are left out: {', '.join(map(repr, others))}")


def _recording(row: Row, where: str) -> tuple[str, str | None]:
    """Return the name of a row's recording, and where its sound is."""
    file = row["file"]
    if file is None:
        raise FormatError(f"{where}: expected a file, found nothing")
    if "recording" not in row:
        return file, file
    name = row["recording"]
    return (file, None) if name is None else (name, file)


def _scored(row: Row, where: str) -> ScoredTurn:
    label = row.get("emotion")
    emotion = Emotion(
        label=label,
        score=_number(row, "emotion_score", where),
        scores=dict(_scores(row, where)),
        flags=tuple((row.get("emotion_flags") or "").split()),
        reason=row.get("emotion_reason"),
    )
    start, end = _seconds(row, "start", where), _seconds(row, "end", where)
    try:
        turn = Turn(start=start, end=end, speaker=row.get("speaker"))
    except InvalidTurnError as error:
        raise FormatError(f"{where}: {error}") from error
    return ScoredTurn(turn=turn, emotion=emotion)


def _scores(row: Row, where: str) -> Iterator[tuple[str, float]]:
    for column in row:
        if column.startswith(SCORE):
            value = _number(row, column, where)
            if value is not None:
                yield column.removeprefix(SCORE), value


def _number(row: Row, column: str, where: str) -> float | None:
    cell = row.get(column)
    try:
        return None if cell is None else read_number(cell)
    except ValueError as error:
        raise FormatError(f"{where}: {column}: expected a number, found {cell!r}") from error


def _seconds(row: Row, column: str, where: str) -> float:
    """Return a time: a Timedelta, or seconds."""
    cell = row[column] or ""
    found = _TIMEDELTA.fullmatch(cell.strip())
    if found is not None and cell.strip():
        days, hours, minutes, seconds, decimals = (part or "0" for part in found.groups())
        whole = int(days) * 86_400 + int(hours) * 3600 + int(minutes) * 60 + int(seconds)
        return (whole * NANOSECONDS + int(decimals.ljust(9, "0"))) / NANOSECONDS
    try:
        return read_number(cell)
    except ValueError as error:
        raise FormatError(
            f"{where}: expected a time as {column}, such as '0 days 00:00:06.690000', "
            f"found {cell!r}"
        ) from error


AUDFORMAT = Format(
    name="audformat",
    suffixes=(".audformat.csv",),
    description="a segmented table of an audformat database; loses channels, logits and the model",
    dumps=dumps,
    loads=loads,
    holds=frozenset(
        {
            *("several", "order", "recording", "audio", "speaker"),
            *("label", "score", "scores", "flags", "reason"),
        }
    ),
    ticks=NANOSECONDS,
)
