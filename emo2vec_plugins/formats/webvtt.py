"""WebVTT, the captions of video players: a cue a turn, which shows who speaks and what is heard.

::

    00:00:01.500 --> 00:00:03.000
    <v SPEAKER_00><c.angry.score_0_873421>SPEAKER_00: angry (87 %)</c></v>

The annotation of the voice span is the speaker. It has no classes, because many readers of captions
look for ``<v `` and would miss the name. The first class within is the emotion, the second its
score; what viewers read is not read back. Classes are how others style captions, too, so one is an
emotion only if it is one of the nine of emotion2vec+; any other label is written ``emotion_bored``.
A style block gives the nine their colours, each at a contrast of at least 3 to the usual black
background. A note says what the recording is called, where its sound is and how long it is.

Read is what players read, but what they would pass over in silence is an error: text without times,
and times that are none. As in the standard, any line with an arrow begins a cue, and an empty line
ends a block. Each voice span of a cue is a turn; a cue without one is a turn of nobody. What is
said is no part of a turn; where captions have it, it is left out with a warning. Cue settings, style
sheets and regions say how captions look, and are passed over.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emo2vec_plugins.core import COLOURS, UNSCORED, Dialogue, Emotion, Format, ScoredTurn, Turn
from emo2vec_plugins.errors import FormatError, warn
from emo2vec_plugins.formats.fidelity import (
    DIGITS,
    MILLISECONDS,
    grid,
    maybe_seconds,
    only,
    probability,
)
from emo2vec_plugins.formats.names import Escaping

_LINE_END = re.compile(r"\r\n|\r|\n")
_TIME = r"(?:([0-9]{1,10}):)?([0-5][0-9]):([0-5][0-9])\.([0-9]{3})"
_TIMINGS = re.compile(rf"[ \t]*{_TIME}[ \t]*-->[ \t]*{_TIME}(?:[ \t].*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """What is shown for a while.

    Attributes:
        line: Of its times, from 1.
        start: In seconds.
        end: In seconds.
        text: As it stands there, tags and all; lines end with a line feed.
    """

    line: int
    start: float
    end: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A comment.

    Attributes:
        title: What stands behind the word NOTE.
        lines: Those after its first.
    """

    title: str
    lines: tuple[str, ...]


def timings(start: int, end: int) -> str:
    """Return the line of times of a cue, given in milliseconds.

    >>> timings(1_500, 360_000_000)
    '00:00:01.500 --> 100:00:00.000'
    """
    return f"{_timestamp(start)} --> {_timestamp(end)}"


def blocks(text: str) -> Iterator[Cue | Note]:
    """Yield the cues and notes of a WebVTT file.

    Raises:
        FormatError: If a line is nothing that WebVTT knows; names the line.
    """
    lines = _LINE_END.split(text.removeprefix("\ufeff"))
    if not re.fullmatch(r"WEBVTT(?:[ \t].*)?", lines[0]):
        raise FormatError(f"line 1: expected WEBVTT, found {lines[0][:200]!r}")
    index = _end_of_block(lines, 1)
    while index < len(lines):
        line, end = lines[index], _end_of_block(lines, index + 1)
        note = re.fullmatch(r"NOTE(?:[ \t](.*))?", line)
        if note:
            yield Note(title=note[1] or "", lines=tuple(lines[index + 1 : end]))
        elif "-->" in line:
            yield _cue(index + 1, line, "\n".join(lines[index + 1 : end]))
        # Lines of blanks end nothing in the standard, but people leave them between blocks.
        elif not line.strip():
            end = index + 1
        elif not re.fullmatch(r"(?:STYLE|REGION)[ \t]*", line):
            _expect_timings(lines, index + 1)  # the line is a cue's identifier
        index = end


def _end_of_block(lines: Sequence[str], index: int) -> int:
    """Return the index of the next line that ends a block, or of no line."""
    while index < len(lines) and lines[index] and "-->" not in lines[index]:
        index += 1
    return index


def _expect_timings(lines: Sequence[str], index: int) -> None:
    if index >= len(lines) or "-->" not in lines[index]:
        found = f"text without times: {lines[index - 1][:200]!r}"
        raise FormatError(f"line {index}: expected a cue, NOTE, STYLE or REGION, found {found}")


def _cue(number: int, line: str, text: str) -> Cue:
    found = _TIMINGS.fullmatch(line)
    if found is None:
        expected = "times such as 00:00:01.500 --> 00:00:03.000"
        raise FormatError(f"line {number}: expected {expected}: {line[:200]!r}")
    start, end = _seconds(found.groups()[:4]), _seconds(found.groups()[4:])
    if end < start:
        raise FormatError(f"line {number}: expected an end after the start: {line[:200]!r}")
    return Cue(line=number, start=start, end=end, text=text)


def _seconds(fields: Sequence[str | None]) -> float:
    hours, minutes, seconds, milliseconds = (int(field or 0) for field in fields)
    return (((hours * 60 + minutes) * 60 + seconds) * 1_000 + milliseconds) / 1_000


def _timestamp(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1_000)
    return f"{seconds // 3_600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"


LEAST_TICKS = 1  # a cue's end is to be after its start

# CSS and the tag end a class at any other character that is no letter.
# Two dashes at the end would be an arrow, with the end of the tag.
CLASSES = Escaping(lambda c: c.isalnum() or c in "-_", taken=re.compile("(?<=-)-$"))
VALUES = Escaping(lambda c: c.isprintable() and c != ">")
# Players drop outer spaces, and all but one of a row.
_NAMES = Escaping(str.isprintable, taken=re.compile("^ | $|(?<= ) |(?<=-)-$"))

_EMOTION, _SCORE = "emotion_", "score_"
_SCORE_CLASS = re.compile(_SCORE + "([0-9]{1,9})_([0-9]{1,9})")
_CLASSES = r"((?:\.[^\s.<>&]+)*)(?:[ \t\n]([^>]*))?>"
_VOICE, _STYLED = re.compile("<v" + _CLASSES), re.compile("<c" + _CLASSES)
_TAG = re.compile("<[^>]*>")


def dumps(dialogues: Sequence[Dialogue]) -> str:
    """Return a cue for each turn of the one recording, sorted by start.

    Raises:
        FormatError: If there is another number of recordings, a turn starts before 0, or a score
            is no finite number from 0.
    """
    dialogue = only(dialogues, "a WebVTT file")
    turns = sorted(dialogue.turns, key=_span)
    head = ["WEBVTT\n", _note(dialogue), *_styles(dialogue)]
    return "\n".join([*head, *map(_cue_of, turns)])


def loads(text: str) -> list[Dialogue]:
    """Return the one recording of a WebVTT file, a turn for each voice span or cue.

    Raises:
        FormatError: If it is no WebVTT; names the line.
    """
    turns: list[ScoredTurn] = []
    said = 0
    known: dict[str, str] = {}
    for block in blocks(text):
        match block:
            case Note(title="emo2vec", lines=lines):  # ours, on the recording
                pairs = (line.partition(": ") for line in lines)
                known = {key: VALUES.unescape(value) for key, _, value in pairs}
            case Cue():
                found = list(_turns(block))
                said += _says_more(block, found)
                turns.extend(found)
    if said:
        warn(f"a turn has a speaker and an emotion; left out is what is said in {said} cues")
    return [
        Dialogue(
            recording=known.get("recording", ""),
            turns=tuple(turns),
            audio=known.get("audio"),
            duration=maybe_seconds(known.get("duration"), "the note on the recording"),
        )
    ]


WEBVTT = Format(
    name="webvtt",
    suffixes=(".vtt",),
    description="captions for video players, coloured by emotion; the other scores are lost",
    dumps=dumps,
    loads=loads,
    holds=frozenset(
        {"empty", "recording", "audio", "recording_duration", "speaker", "label", "score"}
    ),
    ticks=MILLISECONDS,
    least=LEAST_TICKS,
)


def _span(scored: ScoredTurn) -> tuple[int, int]:
    span = grid(scored.turn, rate=MILLISECONDS, least=LEAST_TICKS)
    if span[0] < 0:
        raise FormatError(f"WebVTT has no times before 0, got {scored.turn}")
    return span


def _note(dialogue: Dialogue) -> str:
    duration = None if dialogue.duration is None else repr(float(dialogue.duration))
    values = {"recording": dialogue.recording, "audio": dialogue.audio, "duration": duration}
    known = {key: value for key, value in values.items() if value is not None}
    lines = [f"{key}: {VALUES.escape(value)}\n" for key, value in known.items()]
    return f"NOTE emo2vec\n{''.join(lines)}"


def _styles(dialogue: Dialogue) -> list[str]:
    found = {scored.emotion.label for scored in dialogue.turns}
    used = {label: colour for label, colour in COLOURS.items() if label in found}
    rules = [f"::cue(.{label}) {{ color: {colour}; }}\n" for label, colour in used.items()]
    return [f"STYLE\n{''.join(rules)}"] if rules else []


def _cue_of(scored: ScoredTurn) -> str:
    speaker, classes = scored.turn.speaker, "".join(f".{each}" for each in _classes(scored))
    text = html.escape(_shown(speaker, scored.emotion), quote=False)
    if classes:
        text = f"<c{classes}>{text}</c>"
    if speaker is not None:
        text = f"<v {html.escape(_NAMES.escape(speaker), quote=False)}>{text}</v>"
    return f"{timings(*_span(scored))}\n{text}\n"


def _classes(scored: ScoredTurn) -> Iterator[str]:
    label, score = scored.emotion.label, probability(scored)
    if label is None:
        return
    yield label if label in COLOURS else _EMOTION + CLASSES.escape(label)
    if score is not None:
        yield _SCORE + score.replace(".", "_")


def _speaker(annotation: str) -> str | None:
    text = re.sub(r"[ \t\n\f\r]+", " ", html.unescape(annotation)).strip(" ")
    return _NAMES.unescape(text) if text else None


def _shown(speaker: str | None, emotion: Emotion) -> str:
    """Return what viewers read, on one line."""
    heard = UNSCORED if emotion.label is None else emotion.label
    if emotion.label is not None and emotion.score is not None:
        heard += f" ({100 * round(emotion.score, DIGITS):.0f} %)"
    text = heard if speaker is None else f"{speaker}: {heard}"
    return "".join(character if character.isprintable() else " " for character in text)


def _turns(cue: Cue) -> Iterator[ScoredTurn]:
    first, *rest = _VOICE.split(cue.text)
    voices = zip(rest[::3], rest[1::3], rest[2::3], strict=True)
    # A cue without a voice span is a turn of nobody.
    for classes, annotation, text in list(voices) or [("", "", first)]:
        # Others put the class on the voice itself.
        styled = [classes, *(inner for inner, _ in _STYLED.findall(text))]
        yield ScoredTurn(
            turn=Turn(start=cue.start, end=cue.end, speaker=_speaker(annotation or "")),
            emotion=_emotion(cue, ".".join(styled).split(".")),
        )


def _says_more(cue: Cue, turns: Sequence[ScoredTurn]) -> bool:
    """Return whether viewers read anything that is not in the turns."""
    text = html.unescape(_TAG.sub("", cue.text)).strip()
    shown = [_shown(each.turn.speaker, each.emotion).strip() for each in turns]
    return bool(text) and [text] != shown


def _emotion(cue: Cue, classes: Sequence[str]) -> Emotion:
    labels = [label for each in classes if (label := _label(each)) is not None]
    if not labels:
        return Emotion()
    if len(labels) > 1:
        raise FormatError(f"line {cue.line}: expected one emotion for a voice, found {labels}")
    scores = [found for each in classes if (found := _SCORE_CLASS.fullmatch(each))]
    return Emotion(label=labels[0], score=float(".".join(scores[0].groups())) if scores else None)


def _label(class_: str) -> str | None:
    if class_.startswith(_EMOTION):
        return CLASSES.unescape(class_.removeprefix(_EMOTION))
    return class_ if class_ in COLOURS else None
