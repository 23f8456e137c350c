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
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from emo2vec_plugins.core import Dialogue, Emotion, Format, ScoredTurn, Turn
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats.fidelity import distinct
from emo2vec_plugins.formats.files import read_text
from emo2vec_plugins.formats.records import by_recording
from emo2vec_plugins.formats.rttm.lines import (
    LEAST_TICKS,
    MICROSECONDS,
    Row,
    dump_line,
    label_field,
    rows,
    speaker_field,
    speaker_of,
)

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


def _name_of_speaker(scored: ScoredTurn) -> tuple[str, float | None]:
    return speaker_field(scored.turn), None


def _name_of_emotion(scored: ScoredTurn) -> tuple[str, float | None]:
    return label_field(scored.emotion), scored.emotion.score


def _name_of_both(scored: ScoredTurn) -> tuple[str, float | None]:
    return f"{speaker_field(scored.turn)}+{label_field(scored.emotion)}", scored.emotion.score


def _read_speaker(row: Row) -> tuple[str | None, Emotion]:
    return speaker_of(row.name), Emotion()


def _read_emotion(row: Row) -> tuple[str | None, Emotion]:
    return None, row.emotion(row.name)


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
    write=_name_of_speaker,
    read=_read_speaker,
)
EMOTION_RTTM = _format(
    "emotion.rttm",
    "RTTM with the emotion as name, its score as confidence; speakers are lost",
    *("label", "score"),
    write=_name_of_emotion,
    read=_read_emotion,
)
SPKEMO_RTTM = _format(
    "spkemo.rttm",
    "RTTM with SPEAKER_00+angry as name; the other classes' scores are lost",
    *("speaker", "label", "score"),
    write=_name_of_both,
    read=_read_both,
)
