r"""Audacity's label tracks: one line per turn, with tabs between start, end and text.

The text is ``SPEAKER_00 @angry 0.873421``: the speaker, the emotion after ``@``, and its score.
Unknown parts are omitted, so a turn without an emotion has only its speaker, and a turn without a
speaker begins with ``@``. In labels of other origin, a last word with ``@`` in front is an emotion as
well; any other text is the speaker. The reader does not guess.

The reader also accepts decimal commas, which Audacity wrote in some languages; labels with a single
time, which become turns of zero length; and lines that begin with a backslash, which store
frequencies and are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from emo2vec_plugins.core import Dialogue, Emotion, Format, ScoredTurn, Turn, shown
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats.fidelity import MICROSECONDS, grid, only
from emo2vec_plugins.formats.names import Escaping
from emo2vec_plugins.formats.spelling import LINE_END, decimal, finite_number, probability

SPEAKERS = Escaping(lambda character: character.isprintable() and character != "@")
LABELS = Escaping(lambda character: character.isprintable() and character not in " @")

_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d*)?(?:[eE][+-]?\d+)?", re.ASCII)
_TEXT = re.compile(
    r"(?:(?P<speaker>.*) )?@(?P<label>[^ @]+)(?: (?P<score>\d{1,9}(?:\.\d+)?))?",
    re.ASCII | re.DOTALL,
)


def dumps(dialogues: Sequence[Dialogue]) -> str:
    """Return one line for each turn of the one recording, in order.

    Raises:
        FormatError: If there is not exactly one recording, or a score is negative or not finite.
    """
    return "".join(map(_line, only(dialogues, "a label track").turns))


def loads(text: str) -> list[Dialogue]:
    """Return the one recording of a label track, with turns in the order of the lines.

    Raises:
        FormatError: If a line is malformed; names the line.
    """
    turns: list[ScoredTurn] = []
    for number, line in enumerate(LINE_END.split(text), 1):
        # A label with frequencies stores them in a second line, which is skipped.
        if line.strip() and not (turns and line.startswith("\\")):
            turns.append(_scored(number, line))
    return [Dialogue(recording="", turns=tuple(turns))]


AUDACITY = Format(
    name="audacity",
    suffixes=(".audacity.txt",),
    description="Audacity label track, 'SPEAKER_00 @angry 0.87'; scores of other classes are lost",
    dumps=dumps,
    loads=loads,
    by_line=True,
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
        expected = "start and end in seconds and a text, separated by tabs"
        raise FormatError(f"line {number}: expected {expected}: {shown(line)}")
    end = _time(others[0])
    text = "\t".join(others if end is None else others[1:])
    if end is None:  # one time only, as Audacity 1.2 wrote labels; all versions read them
        end = start
    if end < start:
        raise FormatError(f"line {number}: expected an end after the start: {shown(line)}")
    speaker, emotion = _parsed(text)
    return ScoredTurn(turn=Turn(start=start, end=end, speaker=speaker), emotion=emotion)


def _time(field: str) -> float | None:
    """Return the seconds in a field; None if it is not a finite number."""
    spelt = field.strip(" ")
    return finite_number(spelt.replace(",", ".")) if _NUMBER.fullmatch(spelt) else None


def _parsed(text: str) -> tuple[str | None, Emotion]:
    """Return the speaker and the emotion in a label's text."""
    found = _TEXT.fullmatch(text)
    if found is None:
        return (SPEAKERS.unescape(text) if text else None), Emotion()
    speaker, label, score = found["speaker"], LABELS.unescape(found["label"]), found["score"]
    emotion = Emotion(label=label, score=None if score is None else float(score))
    return None if speaker is None else SPEAKERS.unescape(speaker), emotion
