"""WebVTT captions for video players: one cue per turn, which shows the speaker and the emotion.

::

    00:00:01.500 --> 00:00:03.000
    <v SPEAKER_00><c.angry.score_0_873421>SPEAKER_00: angry (87 %)</c></v>

The annotation of the voice span is the speaker. The span has no classes, because many caption readers
search for ``<v `` and would miss the name. The first class of the inner span is the emotion, the
second its score; the visible text is not read back. Other tools use classes for styling, so a class
is an emotion only if it is one of emotion2vec+'s nine; any other label is written as
``emotion_bored``. A turn whose label was withheld has the class ``withheld``. A style block gives the nine their colours, each with a contrast of at least 3 to
the usual black background. A note stores the recording's name, audio and duration.

`emo2vec_plugins.formats.webvtt.reading` describes the reader.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence

from emo2vec_plugins.core import COLOURS, WITHHELD, Dialogue, Format, ScoredTurn
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats.fidelity import MILLISECONDS, grid, only
from emo2vec_plugins.formats.spelling import probability
from emo2vec_plugins.formats.webvtt.blocks import timings
from emo2vec_plugins.formats.webvtt.reading import (
    CLASSES,
    EMOTION,
    NAMES,
    SCORE,
    VALUES,
    loads,
    visible_text,
)

LEAST_TICKS = 1  # a cue must end after its start


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
    text = html.escape(visible_text(speaker, scored.emotion), quote=False)
    if classes:
        text = f"<c{classes}>{text}</c>"
    if speaker is not None:
        text = f"<v {html.escape(NAMES.escape(speaker), quote=False)}>{text}</v>"
    return f"{timings(*_span(scored))}\n{text}\n"


def _classes(scored: ScoredTurn) -> Iterator[str]:
    label, score = scored.emotion.label, probability(scored)
    if scored.emotion.withheld:
        yield WITHHELD
    if label is None:
        return
    yield label if label in COLOURS else EMOTION + CLASSES.escape(label)
    if score is not None:
        yield SCORE + score.replace(".", "_")
