"""Reader for WebVTT: each voice span of a cue is a turn, as is a cue without a voice span.

A turn without a voice span has no speaker. Transcripts are dropped with a warning, because a turn has
no text. `emo2vec_plugins.formats.webvtt.writing` describes the spans and their classes.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from emo2vec_plugins.core import (
    COLOURS,
    WITHHELD,
    Dialogue,
    Emotion,
    ScoredTurn,
    Turn,
    counted,
    shown,
)
from emo2vec_plugins.errors import FormatError, warn
from emo2vec_plugins.formats.fidelity import DIGITS
from emo2vec_plugins.formats.names import Escaping
from emo2vec_plugins.formats.placeholders import placeholder, unlabelled
from emo2vec_plugins.formats.spelling import maybe_seconds
from emo2vec_plugins.formats.webvtt.blocks import Cue, Note, blocks

# In CSS and in tags, any character other than letters, digits, "-" and "_" ends a class.
# Two dashes at the end of a tag would form an arrow with its ">".
CLASSES = Escaping(lambda c: c.isalnum() or c in "-_", taken=re.compile("(?<=-)-$"))
VALUES = Escaping(lambda c: c.isprintable() and c != ">")
# Players drop outer spaces and collapse runs of spaces.
NAMES = Escaping(str.isprintable, taken=re.compile("^ | $|(?<= ) |(?<=-)-$"))

EMOTION, SCORE = "emotion_", "score_"
_SCORE_CLASS = re.compile(SCORE + "([0-9]{1,9})_([0-9]{1,9})")
# As in the standard, the end of a cue ends a tag, too. So no part of a text is searched twice.
_CLASSES = r"((?:\.[^\s.<>&]+)*)(?:[ \t\n]([^>]*))?(?:>|\Z)"
_VOICE, _STYLED = re.compile("<v" + _CLASSES), re.compile("<c" + _CLASSES)
_TAG = re.compile(r"<[^>]*(?:>|\Z)")
_LONG_REFERENCE = re.compile("&#[0-9]{9,};?")


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
    ours = [visible_text(each.turn.speaker, each.emotion).strip() for each in turns]
    return bool(text) and [text] != ours


def _emotion(cue: Cue, classes: Sequence[str]) -> Emotion:
    labels = [label for each in classes if (label := _label(each)) is not None]
    if not labels:
        return unlabelled(WITHHELD if WITHHELD in classes else "")
    if len(labels) > 1:
        raise FormatError(f"line {cue.line}: expected one emotion per voice, found {shown(labels)}")
    scores = [found for each in classes if (found := _SCORE_CLASS.fullmatch(each))]
    return Emotion(label=labels[0], score=float(".".join(scores[0].groups())) if scores else None)


def _label(class_: str) -> str | None:
    if class_.startswith(EMOTION):
        return CLASSES.unescape(class_.removeprefix(EMOTION))
    return class_ if class_ in COLOURS else None


def _speaker(annotation: str) -> str | None:
    text = re.sub(r"[ \t\n\f\r]+", " ", _unescaped(annotation)).strip(" ")
    return NAMES.unescape(text) if text else None


def _unescaped(text: str) -> str:
    """Return a text with character references replaced; those beyond Unicode become U+FFFD."""
    return html.unescape(_LONG_REFERENCE.sub("\ufffd", text))


def visible_text(speaker: str | None, emotion: Emotion) -> str:
    """Return the visible text of a cue, on one line."""
    label = placeholder(emotion) if emotion.label is None else emotion.label
    if emotion.label is not None and emotion.score is not None:
        label += f" ({100 * round(emotion.score, DIGITS):.0f} %)"
    text = label if speaker is None else f"{speaker}: {label}"
    return "".join(character if character.isprintable() else " " for character in text)
