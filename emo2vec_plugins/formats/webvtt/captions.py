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
and times that are none. Each voice span of a cue is a turn; a cue without one is a turn of nobody.
What is said is no part of a turn; where captions have it, it is left out with a warning.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from emo2vec_plugins.core import COLOURS, UNSCORED, Dialogue, Emotion, Format, ScoredTurn, Turn
from emo2vec_plugins.errors import FormatError, warn
from emo2vec_plugins.formats.escaping import Escaping
from emo2vec_plugins.formats.fidelity import DIGITS, grid, only
from emo2vec_plugins.formats.numbers import maybe_seconds, probability
from emo2vec_plugins.formats.webvtt.cues import Cue, Note, blocks, timings

MILLISECONDS = 1_000
"""Ticks a second in which times are written."""

LEAST_TICKS = 1
"""Shortest cue: its end is to be after its start."""

NOTE = "emo2vec"
"""First line of the note on the recording."""

# CSS and the tag end a class at any other character that is no letter.
# Two dashes at the end would be an arrow, with the end of the tag.
CLASSES = Escaping(
    lambda character: character.isalnum() or character in "-_", taken=re.compile("(?<=-)-$")
)
VALUES = Escaping(lambda character: character.isprintable() and character != ">")
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
    return "\n".join([*head, *map(_cue, turns)])


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
            case Note(title=title, lines=lines) if title == NOTE:
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
    lines = [
        f"{key}: {VALUES.escape(value)}\n" for key, value in values.items() if value is not None
    ]
    return f"NOTE {NOTE}\n{''.join(lines)}"


def _styles(dialogue: Dialogue) -> list[str]:
    found = {scored.emotion.label for scored in dialogue.turns}
    rules = [
        f"::cue(.{label}) {{ color: {colour}; }}\n"
        for label, colour in COLOURS.items()
        if label in found
    ]
    return [f"STYLE\n{''.join(rules)}"] if rules else []


def _cue(scored: ScoredTurn) -> str:
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
