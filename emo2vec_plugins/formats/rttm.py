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
from pathlib import Path

from emo2vec_plugins.dialogue import Dialogue, Emotion, ScoredTurn, Turn
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats import Format
from emo2vec_plugins.formats.escaping import Escaping
from emo2vec_plugins.labels import UNSCORED

LEAST_SECONDS = 0.001
"""Shortest duration that is written: a turn of no length is dropped, or fatal, in some readers."""

NOT_APPLICABLE = "<NA>"

NOBODY = "?"
"""Stands for a turn without a speaker: ``<NA>`` there is no name but a missing value to pyannote."""

# What pandas, and so pyannote, reads as a missing value.
_MISSING = frozenset(
    {
        "#N/A",
        "#NA",
        "-1.#IND",
        "-1.#QNAN",
        "-NaN",
        "-nan",
        "1.#IND",
        "1.#QNAN",
        "<NA>",
        "N/A",
        "NA",
        "NULL",
        "NaN",
        "None",
        "n/a",
        "nan",
        "null",
    }
)

# A quotation mark is printable, but pandas takes what follows it for one field, lines and all.
NAMES = Escaping(lambda c: c.isprintable() and c not in ' "', _MISSING | {NOBODY})
LABELS = Escaping(
    lambda c: c.isascii() and c.isprintable() and c not in ' "+', _MISSING | {NOBODY, UNSCORED}
)

_OTHER_TYPES = frozenset(
    {
        "A/P",
        "CB",
        "EDIT",
        "FILLER",
        "IP",
        "LEXEME",
        "NO_RT_METADATA",
        "NON-LEX",
        "NON-SPEECH",
        "NOSCORE",
        "SEGMENT",
        "SPKR-INFO",
        "SU",
    }
)
_FIELDS = (9, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class RttmRecording:
    """What an RTTM says of one recording.

    Attributes:
        name: Its file field, the URI of pyannote.
        turns: In the order of the file.
        lines: Its SPEAKER lines, character for character, line ends included.
    """

    name: str
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
    data = Path(path).read_bytes()
    try:
        return parse_rttm(data.decode("utf-8"), use_channels=use_channels)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FormatError(
            f"{path}: line {line}: byte {data[error.start]:#04x} is not UTF-8; "
            "convert the file, for instance with 'iconv -f latin1 -t utf8'"
        ) from error
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error


def parse_rttm(text: str, *, use_channels: bool = False) -> list[RttmRecording]:
    """Return the recordings in the text of an RTTM, as `read_rttm` does with a file.

    Raises:
        FormatError: If it is not RTTM; names the line.
    """
    turns: dict[str, list[Turn]] = {}
    lines: dict[str, list[str]] = {}
    for row in _rows(text):
        channel = row.channel() if use_channels else None
        turn = Turn(start=row.start, end=row.end, speaker=_speaker(row.name), channel=channel)
        turns.setdefault(row.recording, []).append(turn)
        lines.setdefault(row.recording, []).append(row.line)
    return [
        RttmRecording(name=name, turns=tuple(turns[name]), lines="".join(lines[name]))
        for name in turns
    ]


def _dump_speakers(dialogues: Sequence[Dialogue]) -> str:
    return _dumps(dialogues, lambda scored: (_name(scored.turn), None))


def _dump_emotions(dialogues: Sequence[Dialogue]) -> str:
    return _dumps(dialogues, lambda scored: (_label(scored.emotion), scored.emotion.score))


def _dump_both(dialogues: Sequence[Dialogue]) -> str:
    return _dumps(
        dialogues,
        lambda scored: (f"{_name(scored.turn)}+{_label(scored.emotion)}", scored.emotion.score),
    )


def _load_speakers(text: str) -> list[Dialogue]:
    return _loads(text, lambda row: (_speaker(row.name), Emotion()))


def _load_emotions(text: str) -> list[Dialogue]:
    return _loads(text, lambda row: (None, row.emotion(row.name)))


def _load_both(text: str) -> list[Dialogue]:
    def split(row: _Row) -> tuple[str | None, Emotion]:
        speaker, plus, label = row.name.rpartition("+")
        if not plus:
            raise row.error(f"a name such as SPEAKER_00+angry, found {row.name!r}")
        return _speaker(speaker), row.emotion(label)

    return _loads(text, split)


RTTM = Format(
    name="rttm",
    suffixes=(".rttm",),
    description="speaker turns, as diarization tools write them; emotions are lost",
    dumps=_dump_speakers,
    loads=_load_speakers,
)
EMOTION_RTTM = Format(
    name="emotion.rttm",
    suffixes=(".emotion.rttm",),
    description="RTTM with the emotion as name, its score as confidence; speakers are lost",
    dumps=_dump_emotions,
    loads=_load_emotions,
)
SPKEMO_RTTM = Format(
    name="spkemo.rttm",
    suffixes=(".spkemo.rttm",),
    description="RTTM with SPEAKER_00+angry as name; the other classes' scores are lost",
    dumps=_dump_both,
    loads=_load_both,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One SPEAKER line."""

    number: int
    line: str
    recording: str
    start: float
    end: float
    name: str
    channel_field: str
    confidence: str

    def error(self, expected: str) -> FormatError:
        return _error(self.number, expected, self.line)

    def channel(self) -> int:
        if not (self.channel_field.isascii() and self.channel_field.isdigit()):
            raise self.error(f"a channel number from 1, found {self.channel_field!r}")
        channel = int(self.channel_field)
        if channel < 1:
            raise self.error("a channel number from 1, found 0")
        return channel - 1

    def emotion(self, label: str) -> Emotion:
        if label == UNSCORED:
            return Emotion()
        score = None
        if self.confidence != NOT_APPLICABLE:
            score = _number(self.confidence)
            if score is None:
                raise self.error(f"a score or <NA> as confidence, found {self.confidence!r}")
        return Emotion(label=LABELS.unescape(label), score=score)


def _rows(text: str) -> Iterator[_Row]:
    # With newline="", lines end as in a file opened for text, and keep their ends.
    for number, line in enumerate(io.StringIO(text.removeprefix("\ufeff"), newline=""), 1):
        fields = re.split(r"[ \t]+", line.strip(" \t\r\n"))
        if fields == [""] or fields[0].startswith(";") or fields[0] in _OTHER_TYPES:
            continue
        yield _row(number, line, fields)


def _row(number: int, line: str, fields: list[str]) -> _Row:
    if fields[0] != "SPEAKER":
        raise _error(number, f"SPEAKER or another type of RTTM line, found {fields[0]!r}", line)
    if len(fields) not in _FIELDS:
        raise _error(
            number,
            f"ten fields (names hold no spaces; nine in old files), found {len(fields)}",
            line,
        )
    start, duration = _number(fields[3]), _number(fields[4])
    if start is None:
        raise _error(number, f"a start in seconds, found {fields[3]!r}", line)
    if duration is None or duration < 0 or math.isinf(start + duration):
        raise _error(number, f"a duration in seconds, not negative, found {fields[4]!r}", line)
    return _Row(
        number=number,
        line=line,
        recording=NAMES.unescape(fields[1]),
        start=start,
        end=start + duration,
        name=fields[7],
        channel_field=fields[2],
        confidence=fields[8],
    )


def _error(number: int, expected: str, line: str) -> FormatError:
    return FormatError(f"line {number}: expected {expected}: {line.rstrip()[:200]!r}")


def _number(field: str) -> float | None:
    try:
        value = float(field)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _loads(text: str, read: Callable[[_Row], tuple[str | None, Emotion]]) -> list[Dialogue]:
    dialogues: dict[str, list[ScoredTurn]] = {}
    for row in _rows(text):
        speaker, emotion = read(row)
        turn = Turn(start=row.start, end=row.end, speaker=speaker)
        scored = ScoredTurn(turn=turn, emotion=emotion)
        dialogues.setdefault(row.recording, []).append(scored)
    return [Dialogue(recording=name, turns=tuple(turns)) for name, turns in dialogues.items()]


def _dumps(
    dialogues: Sequence[Dialogue], fields: Callable[[ScoredTurn], tuple[str, float | None]]
) -> str:
    return "".join(
        _line(dialogue.recording, scored.turn, *fields(scored))
        for dialogue in dialogues
        for scored in dialogue.turns
    )


def _line(recording: str, turn: Turn, name: str, score: float | None) -> str:
    channel = turn.channel + 1 if isinstance(turn.channel, int) else 1
    duration = max(turn.duration, LEAST_SECONDS)
    confidence = NOT_APPLICABLE if score is None else f"{score:.6f}"
    return (
        f"SPEAKER {NAMES.escape(recording)} {channel} {_seconds(turn.start)} "
        f"{_seconds(duration)} <NA> <NA> {name} {confidence} <NA>\n"
    )


def _seconds(value: float) -> str:
    """Return microseconds' precision, at least three decimals, and never a negative zero."""
    whole, _, decimals = f"{round(value, 6) + 0.0:.6f}".partition(".")
    return f"{whole}.{decimals[:3]}{decimals[3:].rstrip('0')}"


def _speaker(field: str) -> str | None:
    return None if field in (NOBODY, NOT_APPLICABLE) else NAMES.unescape(field)


def _name(turn: Turn) -> str:
    return NOBODY if turn.speaker is None else NAMES.escape(turn.speaker)


def _label(emotion: Emotion) -> str:
    return UNSCORED if emotion.label is None else LABELS.escape(emotion.label)
