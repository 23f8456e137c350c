"""An example plugin that adds a format: SRT subtitles with the emotion of each turn."""

from __future__ import annotations

import re
from collections.abc import Sequence

from emo2vec_plugins import UNSCORED, Dialogue, Emotion, Format, ScoredTurn, Turn, hookimpl
from emo2vec_plugins.errors import FormatError

_TIME = r"(\d+):(\d\d):(\d\d)[,.](\d{3})"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}")
_TEXT = re.compile(r"(?:(?P<speaker>.+): )?(?P<label>\S+?)(?: \((?P<percent>\d+) %\))?")


@hookimpl
def emo2vec_formats() -> list[Format]:
    """Return the SRT format."""
    return [
        Format(
            name="srt",
            suffixes=(".srt",),
            description="subtitles: speaker, emotion and its percentage, in milliseconds",
            dumps=dumps,
            loads=loads,
            # Not "score": a percentage is rounded.
            holds=frozenset({"empty", "order", "speaker", "label"}),
            ticks=1000,
        )
    ]


def dumps(dialogues: Sequence[Dialogue]) -> str:
    """Return one subtitle per turn, in the order of the turns.

    Raises:
        FormatError: If there is not exactly one dialogue, or a turn starts before zero.
    """
    if len(dialogues) != 1:
        raise FormatError(f"an SRT file stores one recording, got {len(dialogues)}")
    return "\n".join(
        f"{number}\n{_clock(turn.turn.start)} --> {_clock(turn.turn.end)}\n{_caption(turn)}\n"
        for number, turn in enumerate(dialogues[0].turns, 1)
    )


def loads(text: str) -> list[Dialogue]:
    """Return the one dialogue in a text that `dumps` wrote. Its recording has no name.

    Raises:
        FormatError: If a subtitle is malformed. The message has the line.
    """
    lines = text.lstrip("\ufeff").splitlines()
    starts = [i for i, line in enumerate(lines) if line and (i == 0 or not lines[i - 1].strip())]
    return [Dialogue(recording="", turns=tuple(_turn(lines, start) for start in starts))]


def _clock(seconds: float) -> str:
    total, milliseconds = divmod(round(seconds * 1000), 1000)
    if total < 0:
        raise FormatError(f"an SRT file stores times from 0 s, got {seconds} s")
    return f"{total // 3600:02}:{total // 60 % 60:02}:{total % 60:02},{milliseconds:03}"


def _caption(scored: ScoredTurn) -> str:
    speaker, emotion = scored.turn.speaker, scored.emotion
    name = "" if speaker is None else " ".join(speaker.split()) + ": "
    if emotion.label is None:
        return name + UNSCORED
    return f"{name}{emotion.label} ({100 * (emotion.score or 0):.0f} %)"


def _turn(lines: Sequence[str], start: int) -> ScoredTurn:
    block = [*lines[start : start + 3], "", ""]
    times, caption = _TIMES.match(block[1]), _TEXT.fullmatch(block[2].strip())
    if not block[0].strip().isdigit() or times is None or caption is None:
        raise FormatError(
            f"line {start + 1}: expected a number, 'START --> END' and "
            f"'SPEAKER: emotion (87 %)' on three lines, got {lines[start : start + 3]}"
        )
    numbers = [int(number) for number in times.groups()]
    turn = Turn(
        start=_seconds(*numbers[:4]), end=_seconds(*numbers[4:]), speaker=caption["speaker"]
    )
    return ScoredTurn(turn=turn, emotion=_emotion(caption["label"], caption["percent"]))


def _emotion(label: str, percent: str | None) -> Emotion:
    if label == UNSCORED:
        return Emotion(reason="marked as unscored in the subtitle file")
    return Emotion(label=label, score=None if percent is None else int(percent) / 100)


def _seconds(hours: int, minutes: int, seconds: int, milliseconds: int) -> float:
    return (3_600_000 * hours + 60_000 * minutes + 1_000 * seconds + milliseconds) / 1000
