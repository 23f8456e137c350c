"""RTTM, the format of diarization tools, and two variants with emotions.

Each line has exactly ten fields, because an eleventh silently empties pyannote's annotations and
makes Lhotse fail. There are no comments and no new line types, because readers crash on them or
read them as turns:

====================  ================================  ====================
format                name field                        confidence field
====================  ================================  ====================
``rttm``              the speaker                       ``<NA>``
``emotion.rttm``      the emotion, or a placeholder     its probability
``spkemo.rttm``       ``SPEAKER_00+angry``              its probability
====================  ================================  ====================

The reader accepts the variations of other tools: a byte order mark, CRLF, comments (``;;``), blank
lines, other line types, and lines of nine fields, as NIST wrote them before 2009.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path

from emo2vec_plugins.core import PLACEHOLDERS, Dialogue, Emotion, Format, ScoredTurn, Turn, shown
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files import read_text
from emo2vec_plugins.formats.fidelity import MICROSECONDS, distinct, grid
from emo2vec_plugins.formats.jsonl import by_recording
from emo2vec_plugins.formats.names import Escaping
from emo2vec_plugins.formats.placeholders import placeholder, unlabelled
from emo2vec_plugins.formats.spelling import decimal, finite_number

LEAST_TICKS = 1_000
"""Shortest duration written: some readers drop turns of zero length or fail on them."""

NOT_APPLICABLE = "<NA>"

NO_SPEAKER = "?"
"""Name field of a turn without a speaker. pyannote reads ``<NA>`` there as a missing value."""

# pandas, and so pyannote, reads these as missing values.
_MISSING = (
    *("#N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>"),
    *("N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)

# A quotation mark is printable, but pandas reads all that follows, even line ends, as one field.
NAMES = Escaping(lambda c: c.isprintable() and c not in ' "', frozenset([*_MISSING, NO_SPEAKER]))
LABELS = Escaping(
    lambda c: c.isascii() and c.isprintable() and c not in ' "+',
    frozenset([*_MISSING, NO_SPEAKER, *PLACEHOLDERS]),
)

_OTHER_TYPES = (
    *("A/P", "CB", "EDIT", "FILLER", "IP", "LEXEME", "NO_RT_METADATA", "NON-LEX"),
    *("NON-SPEECH", "NOSCORE", "SEGMENT", "SPKR-INFO", "SU"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One SPEAKER line.

    Attributes:
        number: The line number, from 1.
        line: The whole line with its line end.
        recording: The recording's name, unescaped.
        name: The raw name field; `speaker_of` and `emotion` parse it.
        channel_field: The raw channel field.
        confidence: The raw confidence field.
    """

    number: int
    line: str
    recording: str
    start: float
    end: float
    name: str
    channel_field: str
    confidence: str

    def error(self, expected: str) -> FormatError:
        """Return the error to raise if this line is not as *expected*."""
        return _error(self.number, self.line, expected)

    def channel(self) -> int:
        """Return the channel, counted from 0."""
        if not re.fullmatch("0{,9}[1-9][0-9]{,8}", self.channel_field):
            raise self.error(f"a channel number from 1, found {shown(self.channel_field)}")
        return int(self.channel_field) - 1

    def emotion(self, label: str) -> Emotion:
        """Return the emotion of *label*, taken from the name field, and the confidence field."""
        if label in PLACEHOLDERS:
            return unlabelled(label)
        score = finite_number(self.confidence)
        if score is None and self.confidence != NOT_APPLICABLE:
            raise self.error(f"a score or <NA> as confidence, found {shown(self.confidence)}")
        return Emotion(label=LABELS.unescape(label), score=score)


def rows(text: str) -> Iterator[Row]:
    """Yield the SPEAKER lines of an RTTM; raise `FormatError` at a malformed line."""
    # newline="" splits lines as in a file opened for text, and keeps the line ends.
    for number, line in enumerate(io.StringIO(text.removeprefix("\ufeff"), newline=""), 1):
        fields = re.split(r"[ \t]+", line.strip(" \t\r\n"))
        if fields == [""] or fields[0].startswith(";") or fields[0] in _OTHER_TYPES:
            continue
        yield _row(number, line, fields)


def _row(number: int, line: str, fields: list[str]) -> Row:
    error = partial(_error, number, line)
    if fields[0] != "SPEAKER":
        raise error(f"SPEAKER or another RTTM line type, found {shown(fields[0])}")
    if len(fields) not in (9, 10):
        raise error(f"10 fields (or 9 in old files; names have no spaces), found {len(fields)}")
    start, duration = finite_number(fields[3]), finite_number(fields[4])
    if start is None:
        raise error(f"a start in seconds, found {shown(fields[3])}")
    if duration is None or duration < 0 or math.isinf(start + duration):
        raise error(f"a duration of at least 0 seconds, found {shown(fields[4])}")
    return Row(
        number=number,
        line=line,
        recording=NAMES.unescape(fields[1]),
        start=start,
        end=max(start, _sum(fields[3], fields[4])),
        name=fields[7],
        channel_field=fields[2],
        confidence=fields[8],
    )


def _sum(start: str, duration: str) -> float:
    """Return the sum of two numbers, without the rounding error of a sum of floats."""
    try:
        return float(Decimal(start) + Decimal(duration))
    except InvalidOperation:  # an exponent beyond the range of decimals
        return float(start) + float(duration)


def _error(number: int, line: str, expected: str) -> FormatError:
    return FormatError(f"line {number}: expected {expected}: {shown(line.rstrip())}")


def dump_line(recording: str, turn: Turn, name: str, score: float | None) -> str:
    """Return the RTTM line of a turn, with its line end; *name* must be escaped."""
    # RTTM counts channels from 1 and cannot store several.
    channel = turn.channel + 1 if isinstance(turn.channel, int) else 1
    start, end = grid(turn, rate=MICROSECONDS, least=LEAST_TICKS)
    # At least three decimals, as in NIST's files.
    times = [decimal(each, rate=MICROSECONDS, least=3) for each in (start, end - start)]
    confidence = NOT_APPLICABLE if score is None else f"{score:.6f}"
    return f"SPEAKER {NAMES.escape(recording)} {channel} {times[0]} {times[1]} <NA> <NA> {name} {confidence} <NA>\n"


def speaker_of(field: str) -> str | None:
    """Return the speaker in a name field; None for ``?`` and ``<NA>``."""
    return None if field in (NO_SPEAKER, NOT_APPLICABLE) else NAMES.unescape(field)


def speaker_field(turn: Turn) -> str:
    """Return the name field for the turn's speaker."""
    return NO_SPEAKER if turn.speaker is None else NAMES.escape(turn.speaker)


def label_field(emotion: Emotion) -> str:
    """Return the name field for the emotion."""
    return placeholder(emotion) if emotion.label is None else LABELS.escape(emotion.label)


_Write = Callable[[ScoredTurn], tuple[str, float | None]]
"""Returns the name field and the value of the confidence field."""

_Read = Callable[[Row], tuple[str | None, Emotion]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RttmRecording:
    """One recording in an RTTM.

    Attributes:
        recording: The recording's name: the file field, which is pyannote's URI.
        turns: In the order of the file.
        lines: The recording's SPEAKER lines, unchanged, with line ends.
    """

    recording: str
    turns: tuple[Turn, ...]
    lines: str


def read_rttm(path: str | Path, *, use_channels: bool = False) -> list[RttmRecording]:
    """Return the recordings of an RTTM file, in order of first mention.

    Args:
        path: UTF-8, with or without a byte order mark.
        use_channels: Use the channel field, which counts from 1, as the turn's channel. Most tools
            always write 1, so set this only if you know that the field is meaningful.

    Raises:
        FormatError: If the file is not RTTM; names the file and the line.
        OSError: If the file cannot be read.
    """
    text = read_text(Path(path), by_line=True)
    try:
        return parse_rttm(text, use_channels=use_channels)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error


def parse_rttm(text: str, *, use_channels: bool = False) -> list[RttmRecording]:
    """Return the recordings in the text of an RTTM, as `read_rttm` does for a file.

    Raises:
        FormatError: If the text is not RTTM; names the line.
    """
    turns: dict[str, list[Turn]] = {}
    lines: dict[str, list[str]] = {}
    for row in rows(text):
        channel = row.channel() if use_channels else None
        turn = Turn(start=row.start, end=row.end, speaker=speaker_of(row.name), channel=channel)
        turns.setdefault(row.recording, []).append(turn)
        lines.setdefault(row.recording, []).append(row.line)
    return [
        RttmRecording(recording=name, turns=tuple(turns[name]), lines="".join(lines[name]))
        for name in turns
    ]


def _read_both(row: Row) -> tuple[str | None, Emotion]:
    # A + is escaped in labels but not in speakers, so the last + is the separator.
    speaker, plus, label = row.name.rpartition("+")
    if not plus:
        raise row.error(f"a name such as SPEAKER_00+angry, found {shown(row.name)}")
    return speaker_of(speaker), row.emotion(label)


def _loads(text: str, *, read: _Read) -> list[Dialogue]:
    def scored(row: Row) -> ScoredTurn:
        speaker, emotion = read(row)
        return ScoredTurn(turn=Turn(start=row.start, end=row.end, speaker=speaker), emotion=emotion)

    return by_recording((row.recording, scored(row)) for row in rows(text))


def _dumps(dialogues: Sequence[Dialogue], *, write: _Write) -> str:
    distinct(dialogues, "an RTTM")
    return "".join(
        dump_line(dialogue.recording, scored.turn, *write(scored))
        for dialogue in dialogues
        for scored in dialogue.turns
    )


def _format(name: str, description: str, *fields: str, write: _Write, read: _Read) -> Format:
    return Format(
        name=name,
        suffixes=(f".{name}",),
        description=description,
        dumps=partial(_dumps, write=write),
        loads=partial(_loads, read=read),
        holds=frozenset({"several", "order", "recording", *fields}),
        ticks=MICROSECONDS,
        least=LEAST_TICKS,
        by_line=True,
    )


RTTM = _format(
    "rttm",
    "speaker turns without emotions, for diarization tools",
    "speaker",
    write=lambda scored: (speaker_field(scored.turn), None),
    read=lambda row: (speaker_of(row.name), Emotion()),
)
EMOTION_RTTM = _format(
    "emotion.rttm",
    "RTTM with the emotion as name and its score as confidence; speakers are lost",
    *("label", "score"),
    write=lambda scored: (label_field(scored.emotion), scored.emotion.score),
    read=lambda row: (None, row.emotion(row.name)),
)
SPKEMO_RTTM = _format(
    "spkemo.rttm",
    "RTTM with SPEAKER_00+angry as name; scores of other classes are lost",
    *("speaker", "label", "score"),
    write=lambda scored: (
        f"{speaker_field(scored.turn)}+{label_field(scored.emotion)}",
        scored.emotion.score,
    ),
    read=_read_both,
)
