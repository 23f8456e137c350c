r"""Label tracks of Audacity: a line a turn, its start, end and text between tabs.

The text is ``SPEAKER_00 @angry 0.873421``: the speaker, the emotion behind an ``@``, and its score.
What is not known is left out, so a turn without an emotion is its speaker alone, and one without
a speaker begins with the ``@``. In labels of others, a last word with an ``@`` before it is an emotion,
too; any other text is the speaker as a whole, whatever it says. There is no guessing.

Read are also decimal commas, which Audacity wrote in some languages, labels of one time, which are
turns of no length, and lines that begin with a backslash, which hold frequencies and are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from emo2vec_plugins.core import Dialogue, Emotion, Format, ScoredTurn, Turn
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats.fidelity import (
    MICROSECONDS,
    decimal,
    finite_number,
    grid,
    only,
    probability,
)
from emo2vec_plugins.formats.names import Escaping

SPEAKERS = Escaping(lambda character: character.isprintable() and character != "@")
LABELS = Escaping(lambda character: character.isprintable() and character not in " @")

_LINE_END = re.compile(r"\r\n|\r|\n")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d*)?(?:[eE][+-]?\d+)?", re.ASCII)
_TEXT = re.compile(
    r"(?:(?P<speaker>.*) )?@(?P<label>[^ @]+)(?: (?P<score>\d{1,9}(?:\.\d+)?))?",
    re.ASCII | re.DOTALL,
)


def dumps(dialogues: Sequence[Dialogue]) -> str:
    """Return one line for each turn of the one recording, in order.

    Raises:
        FormatError: If there is another number of recordings, or a score is no finite number from 0.
    """
    return "".join(map(_line, only(dialogues, "a label track").turns))


def loads(text: str) -> list[Dialogue]:
    """Return the one recording of a label track, its turns in the order of the lines.

    Raises:
        FormatError: If a line is no label; names the line.
    """
    turns: list[ScoredTurn] = []
    for number, line in enumerate(_LINE_END.split(text.removeprefix("\ufeff")), 1):
        # Of a label with frequencies the second line holds these; it belongs to the turn before.
        if line.strip() and not (turns and line.startswith("\\")):
            turns.append(_scored(number, line))
    return [Dialogue(recording="", turns=tuple(turns))]


AUDACITY = Format(
    name="audacity",
    suffixes=(".audacity.txt",),
    description="label track of Audacity, 'SPEAKER_00 @angry 0.87'; the other scores are lost",
    dumps=dumps,
    loads=loads,
    holds=frozenset({"empty", "order", "speaker", "label", "score"}),
    ticks=MICROSECONDS,
)


def _line(scored: ScoredTurn) -> str:
    # Audacity writes times in microseconds.
    span = grid(scored.turn, rate=MICROSECONDS)
    times = [decimal(time, rate=MICROSECONDS, least=6) for time in span]
    return "\t".join([*times, " ".join(_words(scored))]) + "\n"


def _words(scored: ScoredTurn) -> Iterator[str]:
    speaker, label, score = scored.turn.speaker, scored.emotion.label, probability(scored)
    if speaker is not None:
        yield SPEAKERS.escape(speaker)
    if label is not None:
        yield f"@{LABELS.escape(label)}"
        if score is not None:
            yield score


def _scored(number: int, line: str) -> ScoredTurn:
    first, *others = line.split("\t")
    start = _time(first)
    if start is None or not others:
        expected = "a start in seconds, an end and a text with tabs between them"
        raise FormatError(f"line {number}: expected {expected}: {line[:200]!r}")
    end = _time(others[0])
    text = "\t".join(others if end is None else others[1:])
    if end is None:  # of one time, as Audacity 1.2 wrote them and all versions read them
        end = start
    if end < start:
        raise FormatError(f"line {number}: expected an end after the start: {line[:200]!r}")
    speaker, emotion = _parsed(text)
    return ScoredTurn(turn=Turn(start=start, end=end, speaker=speaker), emotion=emotion)


def _time(field: str) -> float | None:
    """Return the seconds that a field stands for, None if it is no finite number."""
    spelt = field.strip(" ")
    return finite_number(spelt.replace(",", ".")) if _NUMBER.fullmatch(spelt) else None


def _parsed(text: str) -> tuple[str | None, Emotion]:
    """Return the speaker and the emotion that a label names."""
    found = _TEXT.fullmatch(text)
    if found is None:
        return (SPEAKERS.unescape(text) if text else None), Emotion()
    speaker, label, score = found["speaker"], LABELS.unescape(found["label"]), found["score"]
    emotion = Emotion(label=label, score=None if score is None else float(score))
    return None if speaker is None else SPEAKERS.unescape(speaker), emotion
