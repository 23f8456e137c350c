"""WebVTT captions for video players: one cue per turn, which shows the speaker and the emotion.

::

    00:00:01.500 --> 00:00:03.000
    <v SPEAKER_00><c.angry.score_0_873421>SPEAKER_00: angry (87 %)</c></v>

The annotation of the voice span is the speaker. The span has no classes, because many caption readers
search for ``<v `` and would miss the name. The first class of the inner span is the emotion, the
second its score; the visible text is not read back. Other tools use classes for styling, so a class
is an emotion only if it is one of emotion2vec+'s nine; any other label is written as
``emotion_bored``. A style block gives the nine their colours, each with a contrast of at least 3 to
the usual black background. A note stores the recording's name, audio and duration.

The reader accepts what players accept, but reports errors that players ignore: text without times
and malformed times. As in the standard, a line with an arrow begins a cue, and an empty line ends a
block. Each voice span of a cue is a turn; a cue without a voice span is a turn without a speaker.
Transcripts are dropped with a warning, because a turn has no text. Cue settings, style sheets and
regions only affect appearance and are skipped.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emo2vec_plugins.core import (
    COLOURS,
    UNSCORED,
    Dialogue,
    Emotion,
    Format,
    ScoredTurn,
    Turn,
    counted,
    shown,
)
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
    """One caption.

    Attributes:
        line: Line number of the times, from 1.
        start: In seconds.
        end: In seconds.
        text: The raw text with tags; lines end with a line feed.
    """

    line: int
    start: float
    end: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A comment.

    Attributes:
        title: The text after the word NOTE.
        lines: The lines after the first.
    """

    title: str
    lines: tuple[str, ...]


def timings(start: int, end: int) -> str:
    """Return a cue's line of times; *start* and *end* are in milliseconds.

    >>> timings(1_500, 360_000_000)
    '00:00:01.500 --> 100:00:00.000'
    """
    return f"{_timestamp(start)} --> {_timestamp(end)}"


def blocks(text: str) -> Iterator[Cue | Note]:
    """Yield the cues and notes of a WebVTT file.

    Raises:
        FormatError: If a line is malformed; names the line.
    """
    lines = _LINE_END.split(text.removeprefix("\ufeff"))
    if not re.fullmatch(r"WEBVTT(?:[ \t].*)?", lines[0]):
        raise FormatError(f"line 1: expected WEBVTT, found {shown(lines[0])}")
    index = _end_of_block(lines, 1)
    while index < len(lines):
        line = lines[index]
        # In the standard, a line of blanks does not end a block, but people separate blocks with it.
        if not line.strip():
            index += 1
            continue
        end = _end_of_block(lines, index + 1)
        note = re.fullmatch(r"NOTE(?:[ \t](.*))?", line)
        if note:
            yield Note(title=note[1] or "", lines=tuple(lines[index + 1 : end]))
        elif "-->" in line:
            yield _cue(index + 1, line, "\n".join(lines[index + 1 : end]))
        elif not re.fullmatch(r"(?:STYLE|REGION)[ \t]*", line):
            _expect_timings(lines, index + 1)  # the line is a cue's identifier
        index = end


def _end_of_block(lines: Sequence[str], index: int) -> int:
    """Return the index of the next line that ends a block; the number of lines if none does."""
    while index < len(lines) and lines[index] and "-->" not in lines[index]:
        index += 1
    return index


def _expect_timings(lines: Sequence[str], index: int) -> None:
    if index >= len(lines) or "-->" not in lines[index]:
        found = f"text without times: {shown(lines[index - 1])}"
        raise FormatError(f"line {index}: expected a cue, NOTE, STYLE or REGION, found {found}")


def _cue(number: int, line: str, text: str) -> Cue:
    found = _TIMINGS.fullmatch(line)
    if found is None:
        expected = "times such as 00:00:01.500 --> 00:00:03.000"
        raise FormatError(f"line {number}: expected {expected}, found {shown(line)}")
    start, end = _seconds(found.groups()[:4]), _seconds(found.groups()[4:])
    if end < start:
        raise FormatError(f"line {number}: expected an end after the start, found {shown(line)}")
    return Cue(line=number, start=start, end=end, text=text)


def _seconds(fields: Sequence[str | None]) -> float:
    hours, minutes, seconds, milliseconds = (int(field or 0) for field in fields)
    return (((hours * 60 + minutes) * 60 + seconds) * 1_000 + milliseconds) / 1_000


def _timestamp(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1_000)
    return f"{seconds // 3_600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"


LEAST_TICKS = 1  # a cue must end after its start

# In CSS and in tags, any character other than letters, digits, "-" and "_" ends a class.
# Two dashes at the end of a tag would form an arrow with its ">".
CLASSES = Escaping(lambda c: c.isalnum() or c in "-_", taken=re.compile("(?<=-)-$"))
VALUES = Escaping(lambda c: c.isprintable() and c != ">")
# Players drop outer spaces and collapse runs of spaces.
_NAMES = Escaping(str.isprintable, taken=re.compile("^ | $|(?<= ) |(?<=-)-$"))

_EMOTION, _SCORE = "emotion_", "score_"
_SCORE_CLASS = re.compile(_SCORE + "([0-9]{1,9})_([0-9]{1,9})")
# As in the standard, the end of a cue ends a tag, too. So no part of a text is searched twice.
_CLASSES = r"((?:\.[^\s.<>&]+)*)(?:[ \t\n]([^>]*))?(?:>|\Z)"
_VOICE, _STYLED = re.compile("<v" + _CLASSES), re.compile("<c" + _CLASSES)
_TAG = re.compile(r"<[^>]*(?:>|\Z)")
_LONG_REFERENCE = re.compile("&#[0-9]{9,};?")


def dumps(dialogues: Sequence[Dialogue]) -> str:
    """Return a cue for each turn of the one recording, sorted by start.

    Raises:
        FormatError: If there is not exactly one recording, a turn starts before 0, or a score is
            negative or not finite.
    """
    dialogue = only(dialogues, "a WebVTT file")
    turns = sorted(dialogue.turns, key=_span)
    head = ["WEBVTT\n", _note(dialogue), *_styles(dialogue)]
    return "\n".join([*head, *map(_cue_of, turns)])


def loads(text: str) -> list[Dialogue]:
    """Return the one recording of a WebVTT file, with a turn for each voice span or cue.

    Raises:
        FormatError: If the text is not WebVTT; names the line.
    """
    turns: list[ScoredTurn] = []
    spoken = 0
    known: dict[str, str] = {}
    for block in blocks(text):
        match block:
            case Note(title="emo2vec", lines=lines):  # our note about the recording
                pairs = (line.partition(": ") for line in lines)
                known = {key: VALUES.unescape(value) for key, _, value in pairs}
            case Cue():
                found = list(_turns(block))
                spoken += _has_other_text(block, found)
                turns.extend(found)
    if spoken:
        warn(
            f"dropped the text of {counted(spoken, 'cue')}: a turn has only a speaker and an emotion"
        )
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
    description="captions for video players, coloured by emotion; scores of other classes are lost",
    dumps=dumps,
    loads=loads,
    holds=frozenset(
        {"empty", "recording", "audio", "recording_duration", "speaker", "label", "score"}
    ),
    ticks=MILLISECONDS,
    least=LEAST_TICKS,
    by_line=True,
)


def _span(scored: ScoredTurn) -> tuple[int, int]:
    span = grid(scored.turn, rate=MILLISECONDS, least=LEAST_TICKS)
    if span[0] < 0:
        raise FormatError(f"expected no times before 0 in WebVTT, got {scored.turn}")
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
    text = re.sub(r"[ \t\n\f\r]+", " ", _unescaped(annotation)).strip(" ")
    return _NAMES.unescape(text) if text else None


def _unescaped(text: str) -> str:
    """Return a text with character references replaced; those beyond Unicode become U+FFFD."""
    return html.unescape(_LONG_REFERENCE.sub("\ufffd", text))


def _shown(speaker: str | None, emotion: Emotion) -> str:
    """Return the visible text of a cue, on one line."""
    label = UNSCORED if emotion.label is None else emotion.label
    if emotion.label is not None and emotion.score is not None:
        label += f" ({100 * round(emotion.score, DIGITS):.0f} %)"
    text = label if speaker is None else f"{speaker}: {label}"
    return "".join(character if character.isprintable() else " " for character in text)


def _turns(cue: Cue) -> Iterator[ScoredTurn]:
    first, *rest = _VOICE.split(cue.text)
    voices = zip(rest[::3], rest[1::3], rest[2::3], strict=True)
    # A cue without a voice span is a turn without a speaker.
    for classes, annotation, text in list(voices) or [("", "", first)]:
        # Other tools put the class on the voice span itself.
        styled = [classes, *(inner for inner, _ in _STYLED.findall(text))]
        yield ScoredTurn(
            turn=Turn(start=cue.start, end=cue.end, speaker=_speaker(annotation or "")),
            emotion=_emotion(cue, ".".join(styled).split(".")),
        )


def _has_other_text(cue: Cue, turns: Sequence[ScoredTurn]) -> bool:
    """Return whether a cue's visible text differs from the text of its turns."""
    text = _unescaped(_TAG.sub("", cue.text)).strip()
    shown = [_shown(each.turn.speaker, each.emotion).strip() for each in turns]
    return bool(text) and [text] != shown


def _emotion(cue: Cue, classes: Sequence[str]) -> Emotion:
    labels = [label for each in classes if (label := _label(each)) is not None]
    if not labels:
        return Emotion()
    if len(labels) > 1:
        raise FormatError(f"line {cue.line}: expected one emotion per voice, found {shown(labels)}")
    scores = [found for each in classes if (found := _SCORE_CLASS.fullmatch(each))]
    return Emotion(label=labels[0], score=float(".".join(scores[0].groups())) if scores else None)


def _label(class_: str) -> str | None:
    if class_.startswith(_EMOTION):
        return CLASSES.unescape(class_.removeprefix(_EMOTION))
    return class_ if class_ in COLOURS else None
