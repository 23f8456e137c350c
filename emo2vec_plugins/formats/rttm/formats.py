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


def _dump_speakers(dialogues: Sequence[Dialogue]) -> str:
    return _dumps(dialogues, lambda scored: (speaker_field(scored.turn), None))


def _dump_emotions(dialogues: Sequence[Dialogue]) -> str:
    return _dumps(dialogues, lambda scored: (label_field(scored.emotion), scored.emotion.score))


def _dump_both(dialogues: Sequence[Dialogue]) -> str:
    return _dumps(
        dialogues,
        lambda scored: (
            f"{speaker_field(scored.turn)}+{label_field(scored.emotion)}",
            scored.emotion.score,
        ),
    )


def _load_speakers(text: str) -> list[Dialogue]:
    return _loads(text, lambda row: (speaker_of(row.name), Emotion()))


def _load_emotions(text: str) -> list[Dialogue]:
    return _loads(text, lambda row: (None, row.emotion(row.name)))


def _load_both(text: str) -> list[Dialogue]:
    def split(row: Row) -> tuple[str | None, Emotion]:
        speaker, plus, label = row.name.rpartition("+")
        if not plus:
            raise row.error(f"a name such as SPEAKER_00+angry, found {row.name!r}")
        return speaker_of(speaker), row.emotion(label)

    return _loads(text, split)


RTTM = Format(
    name="rttm",
    suffixes=(".rttm",),
    description="speaker turns, as diarization tools write them; emotions are lost",
    dumps=_dump_speakers,
    loads=_load_speakers,
    holds=frozenset({"several", "order", "recording", "speaker"}),
    ticks=MICROSECONDS,
    least=LEAST_TICKS,
)
EMOTION_RTTM = Format(
    name="emotion.rttm",
    suffixes=(".emotion.rttm",),
    description="RTTM with the emotion as name, its score as confidence; speakers are lost",
    dumps=_dump_emotions,
    loads=_load_emotions,
    holds=frozenset({"several", "order", "recording", "label", "score"}),
    ticks=MICROSECONDS,
    least=LEAST_TICKS,
)
SPKEMO_RTTM = Format(
    name="spkemo.rttm",
    suffixes=(".spkemo.rttm",),
    description="RTTM with SPEAKER_00+angry as name; the other classes' scores are lost",
    dumps=_dump_both,
    loads=_load_both,
    holds=frozenset({"several", "order", "recording", "speaker", "label", "score"}),
    ticks=MICROSECONDS,
    least=LEAST_TICKS,
)


def _loads(text: str, read: Callable[[Row], tuple[str | None, Emotion]]) -> list[Dialogue]:
    def scored(row: Row) -> ScoredTurn:
        speaker, emotion = read(row)
        return ScoredTurn(turn=Turn(start=row.start, end=row.end, speaker=speaker), emotion=emotion)

    return by_recording((row.recording, scored(row)) for row in rows(text))


def _dumps(
    dialogues: Sequence[Dialogue], fields: Callable[[ScoredTurn], tuple[str, float | None]]
) -> str:
    distinct(dialogues, "an RTTM")
    return "".join(
        dump_line(dialogue.recording, scored.turn, *fields(scored))
        for dialogue in dialogues
        for scored in dialogue.turns
    )
