"""Writer for Label Studio's tasks and labelling configuration.

A recording is a task, and a turn is a region of its audio. Two results with the region's id describe
it: ``labels`` for the control ``speaker`` and ``choices`` for the control ``emotion``, both defined by
`labelling_config`. So is the control ``reviewed``, with which a person marks the region. Tasks contain
predictions; exports from Label Studio (as JSON) contain annotations.
`emo2vec_plugins.formats.labelstudio.reading` describes which of them are read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle
from typing import Any
from xml.sax.saxutils import escape

from emo2vec_plugins.core import COLOURS, EMOTIONS, Dialogue, Format, ScoredTurn
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats.fidelity import FIELDS
from emo2vec_plugins.formats.json_values import finite
from emo2vec_plugins.formats.jsonl import turn_record
from emo2vec_plugins.formats.labelstudio.reading import (
    CLASSES,
    REVIEWED,
    SPEAKERS,
    read_export,
)
from emo2vec_plugins.formats.marks import YES
from emo2vec_plugins.formats.rttm import NO_SPEAKER


def dumps(dialogues: Sequence[Dialogue]) -> str:
    """Return a list of tasks with the turns as predictions.

    Without known audio, a task has no ``audio``, and Label Studio does not import it.

    Raises:
        FormatError: If a turn begins before its recording, or a number is NaN or infinite.
    """
    tasks = [_task(dialogue) for dialogue in dialogues]
    return json.dumps(tasks, ensure_ascii=False, indent=1) + "\n"


def _task(dialogue: Dialogue) -> dict[str, Any]:
    where = f"recording {dialogue.recording!r}"
    data = {
        "audio": dialogue.audio,
        "recording": dialogue.recording,
        "recording_duration": finite(dialogue.duration, where),
        "exported": dialogue.exported,
    }
    results = [
        result
        for index, scored in enumerate(dialogue.turns)
        for result in _region(index, scored, f"{where}, turn {index}")
    ]
    prediction = {"model_version": _model(dialogue), "score": _confidence(dialogue)}
    return {"data": _known(data), "predictions": [_known(prediction) | {"result": results}]}


def _region(index: int, scored: ScoredTurn, where: str) -> Iterator[dict[str, Any]]:
    """Yield the results of one turn."""
    turn, emotion = scored.turn, scored.emotion
    if turn.start < 0:
        raise FormatError(f"{where}: expected a start from 0 in Label Studio, got {turn.start}")
    meta = _meta(scored)
    shared = {"id": f"turn-{index}", "to_name": AUDIO} | ({"meta": meta} if meta else {})
    place = {
        "start": float(turn.start),
        "end": float(turn.end),
        # Label Studio draws a region in one channel; meta stores several.
        "channel": turn.channel if isinstance(turn.channel, int) else 0,
    }
    name = NO_SPEAKER if turn.speaker is None else SPEAKERS.escape(turn.speaker)
    yield shared | {"from_name": SPEAKER, "type": "labels", "value": place | {"labels": [name]}}
    if emotion.label is not None:
        value = place | {"choices": [CLASSES.escape(emotion.label)]}
        score = _known({"score": finite(emotion.score, where)})
        yield shared | {"from_name": EMOTION, "type": "choices", "value": value} | score
    if emotion.reviewed:
        value = place | {"choices": [YES]}
        yield shared | {"from_name": REVIEWED, "type": "choices", "value": value}


def _meta(scored: ScoredTurn) -> dict[str, Any]:
    """Return data that Label Studio keeps with a region unchanged; it displays the ``text``."""
    record = turn_record(scored)
    notes = [*record["flags"], *([record["reason"]] if record["reason"] else [])]
    kept = {name: record[name] for name in ("flags", "reason", "channel")}
    return ({"text": [", ".join(notes)]} if notes else {}) | _known(kept)


def _model(dialogue: Dialogue) -> str | None:
    """Return the model name for Label Studio: the model of the first scored turn."""
    models = (scored.emotion.provenance for scored in dialogue.turns)
    first = next(filter(None, models), None)
    return " ".join(filter(None, (first.model, first.sha256[:12]))) if first else None


def _confidence(dialogue: Dialogue) -> float | None:
    """Return the mean score of the labels, which Label Studio can sort tasks by.

    A withheld label counts as 0, so that people can begin with these tasks.
    """
    emotions = [scored.emotion for scored in dialogue.turns]
    given = [0.0 if each.withheld else each.score for each in emotions]
    scores = [float(score) for score in given if score is not None]
    return round(sum(scores) / len(scores), 6) if scores else None


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, [])}


LABELSTUDIO = Format(
    name="labelstudio",
    suffixes=(".labelstudio.json",),
    description="tasks for Label Studio, and its JSON export; scores of other classes are lost",
    dumps=dumps,
    loads=read_export,
    holds=frozenset(FIELDS)
    - {"scores", "logits", "duration", "overlap_ratio", "doubt", "provenance"},
)


AUDIO, SPEAKER, EMOTION = "audio", "speaker", "emotion"
"""Names of the configuration's tags, which results of tasks refer to."""


# Paul Tol's muted colours, which differ from the colours of all classes.
_SPEAKER_COLOURS = (
    *("#332288", "#88ccee", "#44aa99", "#117733", "#999933"),
    *("#ddcc77", "#cc6677", "#882255", "#aa4499"),
)


def labelling_config(dialogues: Iterable[Dialogue]) -> str:
    """Return the labelling configuration of a Label Studio project for dialogues.

    It contains their speakers, ``?`` for an unknown speaker, the nine emotions, any other
    emotions of the dialogues, and the mark of a reviewed region. Keys 1 to 9 choose an emotion for
    the selected region, and 0 marks it.
    """
    scored = [each for dialogue in dialogues for each in dialogue.turns]
    turns = [(each.turn, each.emotion.label) for each in scored]
    lines = [
        "<View>",
        f'  <Audio name="{AUDIO}" value="$audio" hotkey="space" zoom="true" speed="true"/>',
        '  <Header value="Who speaks?" size="5"/>',
        f'  <Labels name="{SPEAKER}" toName="{AUDIO}" choice="single">',
        *_labels(turn.speaker for turn, _ in turns if turn.speaker is not None),
        "  </Labels>",
        '  <Header value="Which emotion? (select a region)" size="5"/>',
        f'  <Choices name="{EMOTION}" toName="{AUDIO}" perRegion="true" required="true"',
        '           requiredMessage="Choose an emotion for every region" choice="single"',
        '           showInline="true">',
        *_choices([*EMOTIONS, *(label for _, label in turns if label is not None)]),
        "  </Choices>",
        '  <Header value="Is the emotion right?" size="5"/>',
        f'  <Choices name="{REVIEWED}" toName="{AUDIO}" perRegion="true" choice="multiple"',
        '           showInline="true">',
        f'    <Choice value="{YES}" hotkey="0"/>',
        "  </Choices>",
        "</View>",
    ]
    return "".join(f"{line}\n" for line in lines)


def _labels(speakers: Iterable[str]) -> Iterator[str]:
    for name, colour in zip(dict.fromkeys(speakers), cycle(_SPEAKER_COLOURS), strict=False):
        yield f'    <Label value={_attribute(SPEAKERS.escape(name))} background="{colour}"/>'
    yield f'    <Label value="{NO_SPEAKER}" background="#dddddd"/>'


def _choices(classes: Iterable[str]) -> Iterator[str]:
    for number, name in enumerate(dict.fromkeys(classes), 1):
        colour = f' background="{COLOURS[name]}"' if name in COLOURS else ""
        hotkey = f' hotkey="{number}"' if number < 10 else ""
        yield f"    <Choice value={_attribute(CLASSES.escape(name))}{colour}{hotkey}/>"


def _attribute(value: str) -> str:
    return '"' + escape(value, {'"': "&quot;"}) + '"'
