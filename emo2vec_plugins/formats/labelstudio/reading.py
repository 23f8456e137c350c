"""Label Studio's export: what people made of the tasks.

Regions are turns, in the order in which they first occur. Results of one id are one region: the
label of a ``labels`` result is its speaker, the choice of a ``choices`` result its emotion,
whatever the controls are called. Which results are read:

- A task with the key ``annotations`` was worked on, or is to be. Cancelled annotations do not
  count; of several the one that was changed last does, with a warning. A task that has none is not
  annotated yet and left out, with a warning.
- A task without that key was never in Label Studio; its predictions are read.
- The score of an annotation is not read: Label Studio keeps the model's where people chose another
  emotion. Nor is its channel, which is 0 whatever the audio is; ours lies in ``meta``.
- What is neither label nor choice of a region (transcripts, relations, choices for the whole task)
  is left out, with a warning.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from emo2vec_plugins.core import Dialogue, Emotion, ScoredTurn
from emo2vec_plugins.errors import FormatError, warn
from emo2vec_plugins.formats.json_values import Fields, parsed
from emo2vec_plugins.formats.jsonl import turn_at
from emo2vec_plugins.formats.names import Escaping
from emo2vec_plugins.formats.rttm import NOBODY

# Label Studio knows a label by its text, so names are spelt in tasks as in the configuration, whose
# XML attributes hold neither control characters nor, for sure, spaces but the ordinary one.
SPEAKERS = Escaping(str.isprintable, frozenset({NOBODY}))
CLASSES = Escaping(str.isprintable)


def read_export(text: str, *, annotator: int | str | None = None) -> list[Dialogue]:
    """Return the dialogues in Label Studio's JSON: an export, or tasks to import.

    Args:
        text: JSON, not JSON-MIN, which does not say which choice belongs to which region.
        annotator: Whose annotations to read, by the number or the address in ``completed_by``;
            others are left out.

    Raises:
        FormatError: If it is something else; names the task and the region.
    """
    given = parsed(text)
    tasks = [given] if isinstance(given, dict) else given
    if not isinstance(tasks, list):
        raise FormatError("expected a list of Label Studio's tasks [...]")
    notes = _Notes()
    found = [_dialogue(_fields(task, n), annotator, notes) for n, task in enumerate(tasks, 1)]
    notes.warn()
    return [dialogue for dialogue in found if dialogue is not None]


@dataclass
class _Notes:
    """What was left out, for one warning each.

    Attributes:
        waiting: Tasks that nobody has annotated.
        chosen: Tasks with several annotations.
        kinds: How many results of each kind that is not read.
    """

    waiting: list[str] = field(default_factory=list)
    chosen: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)

    def warn(self) -> None:
        if self.waiting:
            warn(f"{_first(self.waiting)} not annotated yet, and left out")
        if self.chosen:
            warn(f"{_first(self.chosen)} annotated several times; the latest was read")
        if self.kinds:
            listed = ", ".join(f"{count} of {kind}" for kind, count in self.kinds.items())
            warn(f"results that are neither speaker nor emotion of a region are left out: {listed}")


def _first(names: list[str]) -> str:
    if len(names) == 1:
        return f"{names[0]} is"
    return f"{len(names)} tasks (first {names[0]}) are"


def refuse_unseen(text: str) -> None:
    """Refuse tasks that were never in Label Studio, where people's annotations are expected.

    Raises:
        FormatError: If a task has predictions alone.
    """
    for number, task in enumerate(parsed(text), 1):
        if "annotations" not in task:
            found = "expected annotations, found a model's predictions alone"
            raise FormatError(f"task {number}: {found}; give what Label Studio exports as JSON")


def _fields(task: Any, number: int) -> Fields:
    fields = Fields.of(task, f"task {number}")
    if "data" not in fields.values:
        hint = "JSON-MIN does not say which region an emotion is of, so export as JSON"
        raise FormatError(f"task {number}: has no 'data'; {hint}")
    identity = fields.values.get("id")
    return fields if identity is None else Fields(fields.values, f"task {number} (id {identity})")


def _dialogue(task: Fields, annotator: int | str | None, notes: _Notes) -> Dialogue | None:
    by_people = "annotations" in task.values
    candidates = list(_candidates(task, annotator, by_people=by_people))
    if not candidates:
        notes.waiting.append(task.where)
        return None
    if len(candidates) > 1:
        notes.chosen.append(task.where)
    # The last to be changed: ISO 8601 in UTC sorts as text.
    latest = max(
        candidates,
        key=lambda each: each.maybe_text("updated_at") or each.maybe_text("created_at") or "",
    )
    results = [Fields.of(each, task.where) for each in latest.list("result")]
    regions = _regions(results, task, notes)
    data = task.fields("data")
    return Dialogue(
        recording=_recording(data),
        turns=tuple(_scored(region, by_people=by_people) for region in regions),
        audio=data.maybe_text("audio"),
        duration=data.maybe_number("recording_duration"),
    )


def _candidates(task: Fields, annotator: int | str | None, *, by_people: bool) -> Iterator[Fields]:
    """Yield the annotations that count, or the predictions."""
    key = "annotations" if by_people else "predictions"
    for value in task.list(key) if key in task.values else ():
        each = Fields.of(value, f"{task.where}, {key}")
        # Skipped by an annotator; Label Studio exports it all the same.
        if by_people and each.values.get("was_cancelled"):
            continue
        who = each.values.get("completed_by")
        names = [who.get("id"), who.get("email")] if isinstance(who, Mapping) else [who]
        if annotator is None or str(annotator) in map(str, names):
            yield Fields(each.values, task.where)


def _recording(data: Fields) -> str:
    """Return the recording's name; without one, that of the file that it is in.

    >>> _recording(Fields({"audio": "/data/upload/1/0a1b2c3d-talk.wav"}, "task 1"))
    'talk'
    """
    named = data.maybe_text("recording")
    if named is not None:
        return named
    audio = data.maybe_text("audio") or ""
    stem = re.sub(r"\.\w+$", "", re.split(r"[/\\=]", audio.partition("#")[0])[-1])
    return re.sub(r"^[0-9a-f]{8}-", "", stem) if "/upload/" in audio else stem


@dataclass
class _Region:
    """What the results of one id say.

    Attributes:
        first: The first of them, whose times count.
        found: By type, what is chosen.
        score: Of the choice.
    """

    first: Fields
    found: dict[str, str] = field(default_factory=dict)
    score: float | None = None


def _regions(results: list[Fields], task: Fields, notes: _Notes) -> list[_Region]:
    regions: dict[str, _Region] = {}
    for number, each in enumerate(results):
        identity = each.maybe_text("id") or f"without id, the result {number}"
        result = Fields(each.values, f"{task.where}, region {identity!r}")
        kind = result.text("type")
        # The type is also the name of the field of the value that is read.
        if kind not in ("labels", "choices") or "start" not in result.fields("value").values:
            notes.kinds[kind] += 1
            continue
        region = regions.setdefault(identity, _Region(result))
        chosen = result.fields("value").texts(kind)
        if len(chosen) > 1:
            raise result.error("value", f"one of the {kind}", list(chosen))
        if chosen and kind in region.found:
            raise result.error("value", f"one result with {kind}, not another", chosen[0])
        if chosen:
            region.found[kind] = chosen[0]
            region.score = result.maybe_number("score") if kind == "choices" else region.score
    return list(regions.values())


def _scored(region: _Region, *, by_people: bool) -> ScoredTurn:
    meta = region.first.maybe_fields("meta") or Fields({}, region.first.where)
    label = region.found.get("choices")
    emotion = Emotion(
        label=None if label is None else CLASSES.unescape(label),
        # Label Studio keeps the model's score beside the class that a person chose.
        score=None if by_people else region.score,
        flags=meta.texts("flags") if "flags" in meta.values else (),
        reason=meta.maybe_text("reason") if label is None or not by_people else None,
    )
    value = region.first.fields("value")
    speaker = region.found.get("labels", NOBODY)
    turn = turn_at(
        region.first.where,
        start=value.number("start"),
        end=value.number("end"),
        speaker=None if speaker == NOBODY else SPEAKERS.unescape(speaker),
        channel=meta.maybe_channel("channel"),
    )
    return ScoredTurn(turn=turn, emotion=emotion)
