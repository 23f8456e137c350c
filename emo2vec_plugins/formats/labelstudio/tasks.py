"""Label Studio: tasks for people who correct, and what they give back.

A recording is a task, a turn is a region of its audio. Two results with the region's id say what
it is: ``labels`` of the control ``speaker`` and ``choices`` of the control ``emotion``, as the
configuration of `labelling_config` has them. What is written are predictions; an export of Label
Studio (its format JSON) has annotations. `labelstudio_export` says which of them are read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from emo2vec_plugins.core import Dialogue, Format, ScoredTurn
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats.json_values import finite
from emo2vec_plugins.formats.labelstudio.config import (
    AUDIO,
    CLASSES,
    EMOTION,
    SPEAKER,
    SPEAKERS,
)
from emo2vec_plugins.formats.labelstudio.export import read_export
from emo2vec_plugins.formats.records import turn_record
from emo2vec_plugins.formats.rttm.lines import NOBODY


def dumps(dialogues: Sequence[Dialogue]) -> str:
    """Return a list of tasks, in which the turns are predictions.

    A recording whose sound is unknown gets no ``audio``, and Label Studio refuses to import it.

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
    }
    results = [
        result
        for index, scored in enumerate(dialogue.turns)
        for result in _region(index, scored, f"{where}, turn {index}")
    ]
    prediction = {"model_version": _model(dialogue), "score": _confidence(dialogue)}
    return {
        "data": _known(data),
        "predictions": [_known(prediction) | {"result": results}],
    }


def _region(index: int, scored: ScoredTurn, where: str) -> Iterator[dict[str, Any]]:
    """Yield the results of one turn."""
    turn, emotion = scored.turn, scored.emotion
    if turn.start < 0:
        raise FormatError(f"{where}: starts at {turn.start}; Label Studio has no regions before 0")
    meta = _meta(scored)
    shared = {"id": f"turn-{index}", "to_name": AUDIO} | ({"meta": meta} if meta else {})
    place = {
        "start": float(turn.start),
        "end": float(turn.end),
        # Label Studio draws a region in one channel; several are kept in meta.
        "channel": turn.channel if isinstance(turn.channel, int) else 0,
    }
    name = NOBODY if turn.speaker is None else SPEAKERS.escape(turn.speaker)
    yield shared | {
        "from_name": SPEAKER,
        "type": "labels",
        "value": place | {"labels": [name]},
    }
    if emotion.label is not None:
        chosen = shared | {
            "from_name": EMOTION,
            "type": "choices",
            "value": place | {"choices": [CLASSES.escape(emotion.label)]},
        }
        yield chosen | _known({"score": finite(emotion.score, where)})


def _meta(scored: ScoredTurn) -> dict[str, Any]:
    """Return what Label Studio keeps with a region as it is, and shows the ``text`` of."""
    record = turn_record(scored)
    said = [*record["flags"], *([record["reason"]] if record["reason"] else [])]
    kept = {name: record[name] for name in ("flags", "reason", "channel")}
    return ({"text": [", ".join(said)]} if said else {}) | _known(kept)


def _model(dialogue: Dialogue) -> str | None:
    """Return what Label Studio is to call the model by: that of the first turn."""
    for scored in dialogue.turns:
        provenance = scored.emotion.provenance
        if provenance is not None:
            return " ".join(filter(None, (provenance.model, provenance.sha256[:12])))
    return None


def _confidence(dialogue: Dialogue) -> float | None:
    """Return the mean score of the labels, by which Label Studio sorts tasks."""
    scores = [
        float(scored.emotion.score) for scored in dialogue.turns if scored.emotion.score is not None
    ]
    return round(sum(scores) / len(scores), 6) if scores else None


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, [])}


LABELSTUDIO = Format(
    name="labelstudio",
    suffixes=(".labelstudio.json",),
    description="tasks with predictions for Label Studio, and its JSON export; loses the other scores",
    dumps=dumps,
    loads=read_export,
    holds=frozenset(
        {
            *("several", "empty", "order", "recording", "audio", "recording_duration"),
            *("speaker", "channel", "label", "score", "flags", "reason"),
        }
    ),
)
