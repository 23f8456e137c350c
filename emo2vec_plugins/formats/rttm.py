"""RTTM: speaker turns as the tools of diarization write them, and our two flavours with emotions.

Exactly ten fields a line, because an eleventh silently empties pyannote's annotations and
makes Lhotse fail, and no comments or line types of our own, because readers crash on them or
take them for turns:

====================  ================================  ====================
format                name field                        confidence field
====================  ================================  ====================
``rttm``              the speaker                       ``<NA>``
``emotion.rttm``      the emotion, or ``unscored``      its probability
``spkemo.rttm``       ``SPEAKER_00+angry``              its probability
====================  ================================  ====================

Reading is tolerant where files of other tools differ: a byte order mark, CRLF, comments (``;;``),
blank lines, other line types, and lines of nine fields, which is what NIST wrote before 2009.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path

from emo2vec_plugins.core import UNSCORED, Dialogue, Emotion, Format, ScoredTurn, Turn
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files import read_text
from emo2vec_plugins.formats.fidelity import MICROSECONDS, decimal, distinct, finite_number, grid
from emo2vec_plugins.formats.jsonl import by_recording
from emo2vec_plugins.formats.names import Escaping

LEAST_TICKS = 1_000
"""Shortest duration that is written: a turn of no length is dropped, or fatal, in some readers."""

NOT_APPLICABLE = "<NA>"

NOBODY = "?"
"""Stands for a turn without a speaker: ``<NA>`` there is no name but a missing value to pyannote."""

# What pandas, and so pyannote, reads as a missing value.
_MISSING = (
    *("#N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>"),
    *("N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)

# A quotation mark is printable, but pandas takes what follows it for one field, lines and all.
NAMES = Escaping(lambda c: c.isprintable() and c not in ' "', frozenset([*_MISSING, NOBODY]))
LABELS = Escaping(
    lambda c: c.isascii() and c.isprintable() and c not in ' "+',
    frozenset([*_MISSING, NOBODY, UNSCORED]),
)

_OTHER_TYPES = (
    *("A/P", "CB", "EDIT", "FILLER", "IP", "LEXEME", "NO_RT_METADATA", "NON-LEX"),
    *("NON-SPEECH", "NOSCORE", "SEGMENT", "SPKR-INFO", "SU"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One SPEAKER line.

    Attributes:
        number: Of the line, from 1.
        line: All of it, its end included.
        recording: Its name, unescaped.
        name: As it stands there; `speaker_of` and `emotion` read it.
        channel_field: As it stands there.
        confidence: As it stands there.
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
        """Return what is to be raised where something else was *expected* in this line."""
        return _error(self.number, self.line, expected)

    def channel(self) -> int:
        """Return the channel, counted from 0."""
        if not re.fullmatch("0*[1-9][0-9]*", self.channel_field):
            raise self.error(f"a channel number from 1, found {self.channel_field!r}")
        return int(self.channel_field) - 1

    def emotion(self, label: str) -> Emotion:
        """Return the emotion that *label*, from the name field, and the confidence stand for."""
        if label == UNSCORED:
            return Emotion()
        score = finite_number(self.confidence)
        if score is None and self.confidence != NOT_APPLICABLE:
            raise self.error(f"a score or <NA> as confidence, found {self.confidence!r}")
        return Emotion(label=LABELS.unescape(label), score=score)


def rows(text: str) -> Iterator[Row]:
    """Yield the SPEAKER lines of an RTTM; raise `FormatError` at what is no line of one."""
    # With newline="", lines end as in a file opened for text, and keep their ends.
    for number, line in enumerate(io.StringIO(text.removeprefix("\ufeff"), newline=""), 1):
        fields = re.split(r"[ \t]+", line.strip(" \t\r\n"))
        if fields == [""] or fields[0].startswith(";") or fields[0] in _OTHER_TYPES:
            continue
        yield _row(number, line, fields)


def _row(number: int, line: str, fields: list[str]) -> Row:
    error = partial(_error, number, line)
    if fields[0] != "SPEAKER":
        raise error(f"SPEAKER or another type of RTTM line, found {fields[0]!r}")
    if len(fields) not in (9, 10):
        raise error(f"ten fields (names hold no spaces; nine in old files), found {len(fields)}")
    start, duration = finite_number(fields[3]), finite_number(fields[4])
    if start is None:
        raise error(f"a start in seconds, found {fields[3]!r}")
    if duration is None or duration < 0 or math.isinf(start + duration):
        raise error(f"a duration in seconds, not negative, found {fields[4]!r}")
    return Row(
        number=number,
        line=line,
        recording=NAMES.unescape(fields[1]),
        start=start,
        end=max(start, float(Decimal(fields[3]) + Decimal(fields[4]))),  # no noise of a float sum
        name=fields[7],
        channel_field=fields[2],
        confidence=fields[8],
    )


def _error(number: int, line: str, expected: str) -> FormatError:
    return FormatError(f"line {number}: expected {expected}: {line.rstrip()[:200]!r}")


def dump_line(recording: str, turn: Turn, name: str, score: float | None) -> str:
    """Return the line of a turn, its end included; *name* is escaped already."""
    # RTTM counts channels from 1; a turn of several has no number there.
    channel = turn.channel + 1 if isinstance(turn.channel, int) else 1
    start, end = grid(turn, rate=MICROSECONDS, least=LEAST_TICKS)
    # Three decimals at least, as NIST's own files have them.
    times = [decimal(each, rate=MICROSECONDS, least=3) for each in (start, end - start)]
    confidence = NOT_APPLICABLE if score is None else f"{score:.6f}"
    return f"SPEAKER {NAMES.escape(recording)} {channel} {times[0]} {times[1]} <NA> <NA> {name} {confidence} <NA>\n"


def speaker_of(field: str) -> str | None:
    """Return the speaker that a name field stands for, None for nobody."""
    return None if field in (NOBODY, NOT_APPLICABLE) else NAMES.unescape(field)


def speaker_field(turn: Turn) -> str:
    """Return what stands for the turn's speaker in a name field."""
    return NOBODY if turn.speaker is None else NAMES.escape(turn.speaker)


def label_field(emotion: Emotion) -> str:
    """Return what stands for the emotion in a name field."""
    return UNSCORED if emotion.label is None else LABELS.escape(emotion.label)


_Write = Callable[[ScoredTurn], tuple[str, float | None]]
"""Returns what is in the name and the confidence field."""

_Read = Callable[[Row], tuple[str | None, Emotion]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RttmRecording:
    """What an RTTM says of one recording.

    Attributes:
        recording: Its name: the file field, the URI of pyannote.
        turns: In the order of the file.
        lines: Its SPEAKER lines, character for character, line ends included.
    """

    recording: str
    turns: tuple[Turn, ...]
    lines: str


def read_rttm(path: str | Path, *, use_channels: bool = False) -> list[RttmRecording]:
    """Return the recordings of an RTTM file, in order of first mention.

    Args:
        path: UTF-8, with or without a byte order mark.
        use_channels: Take the channel field, which counts from 1, for the turn's channel. Most
            tools write 1 whatever the audio is, so it means nothing unless you know it does.

    Raises:
        FormatError: If it is not RTTM; names the file and the line.
        OSError: If it cannot be read.
    """
    text = read_text(Path(path))
    try:
        return parse_rttm(text, use_channels=use_channels)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error


def parse_rttm(text: str, *, use_channels: bool = False) -> list[RttmRecording]:
    """Return the recordings in the text of an RTTM, as `read_rttm` does with a file.

    Raises:
        FormatError: If it is not RTTM; names the line.
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
    # Labels have their + escaped, speakers keep it: the last one is ours.
    speaker, plus, label = row.name.rpartition("+")
    if not plus:
        raise row.error(f"a name such as SPEAKER_00+angry, found {row.name!r}")
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
    )


RTTM = _format(
    "rttm",
    "speaker turns, as diarization tools write them; emotions are lost",
    "speaker",
    write=lambda scored: (speaker_field(scored.turn), None),
    read=lambda row: (speaker_of(row.name), Emotion()),
)
EMOTION_RTTM = _format(
    "emotion.rttm",
    "RTTM with the emotion as name, its score as confidence; speakers are lost",
    *("label", "score"),
    write=lambda scored: (label_field(scored.emotion), scored.emotion.score),
    read=lambda row: (None, row.emotion(row.name)),
)
SPKEMO_RTTM = _format(
    "spkemo.rttm",
    "RTTM with SPEAKER_00+angry as name; the other classes' scores are lost",
    *("speaker", "label", "score"),
    write=lambda scored: (
        f"{speaker_field(scored.turn)}+{label_field(scored.emotion)}",
        scored.emotion.score,
    ),
    read=_read_both,
)
