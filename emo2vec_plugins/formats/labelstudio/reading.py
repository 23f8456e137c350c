"""Reader for Label Studio's exports and tasks.

Regions are turns, in order of first occurrence. Results with the same id form one region: the label of
a ``labels`` result is its speaker, and the choice of a ``choices`` result is its emotion. The names of
the controls do not matter, except ``reviewed``, whose choice marks a region that a person reviewed. A
file is a list of tasks or a single task. The rules:

- A task with the key ``annotations`` has been in Label Studio. Cancelled annotations are ignored. If
  there are several, the one changed last is used, with a warning. A task without annotations is not
  annotated yet and is dropped with a warning.
- A task without that key has not been in Label Studio; its predictions are read, as those of a model.
- The score of an annotation is ignored, because Label Studio keeps the model's score even if people
  choose another emotion. Its channel is ignored as well, because it is always 0; ``meta`` has ours.
- Results that are neither label nor choice of a region (transcripts, relations, choices for the whole
  task) are dropped with a warning, as are notes that people wrote to regions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from emo2vec_plugins.core import Dialogue, Emotion, Provenance, ScoredTurn, counted, shown
from emo2vec_plugins.errors import FormatError, warn
from emo2vec_plugins.files import from_json
from emo2vec_plugins.formats.json_values import Fields
from emo2vec_plugins.formats.jsonl import turn_at
from emo2vec_plugins.formats.marks import mark_of
from emo2vec_plugins.formats.names import Escaping
from emo2vec_plugins.formats.rttm import NO_SPEAKER

# Label Studio identifies labels by their text, so names are escaped in tasks as in the configuration.
# Its XML attributes cannot store control characters, or reliably any space except the ordinary one.
SPEAKERS = Escaping(str.isprintable, frozenset({NO_SPEAKER}))
CLASSES = Escaping(str.isprintable)

REVIEWED = "reviewed"
"""Name of the control that marks reviewed regions."""


def read_export(text: str, *, annotator: int | str | None = None) -> list[Dialogue]:
    """Return the dialogues in Label Studio's JSON: an export, or tasks to import.

    Args:
        text: JSON, not JSON-MIN, which does not link choices to regions.
        annotator: Read only the annotations of this person, identified by the number or the email
            address in ``completed_by``.

    Raises:
        FormatError: If the text has another format; names the task and the region.
    """
    given = from_json(text)
    tasks = [given] if isinstance(given, dict) else given
    if not isinstance(tasks, list):
        raise FormatError("expected a list of Label Studio's tasks [...]")
    notes = _Notes()
    found = [_dialogue(_fields(task, n), annotator, notes) for n, task in enumerate(tasks, 1)]
    notes.warn()
    return [dialogue for dialogue in found if dialogue is not None]


@dataclass
class _Notes:
    """Dropped items, each group for one warning.

    Attributes:
        waiting: Tasks without annotations.
        drafts: Tasks with work that nobody submitted.
        chosen: Tasks with several annotations, and the people who made them.
        kinds: Number of dropped results of each type.
        texts: Notes of people to regions.
    """

    waiting: list[str] = field(default_factory=list)
    drafts: list[str] = field(default_factory=list)
    chosen: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    texts: list[str] = field(default_factory=list)

    def warn(self) -> None:
        if self.waiting:
            warn(f"{_first(self.waiting)} not annotated yet, dropped")
        if self.drafts:
            warn(f"{_first(self.drafts)} edited in a draft that was not submitted, ignored")
        if self.chosen:
            warn(f"{_first(self.chosen)} annotated several times, using the latest")
        if self.kinds:
            listed = ", ".join(f"{count} x {kind:.50}" for kind, count in self.kinds.most_common(9))
            warn(f"dropped results that are not the speaker or emotion of a region: {listed}")
        if self.texts:
            found = f"{counted(len(self.texts), 'region')}, first {shown(self.texts[0])}"
            warn(f"dropped the notes of {found}")


def _first(names: list[str]) -> str:
    if len(names) == 1:
        return f"{names[0]} is"
    return f"{len(names)} tasks (first {names[0]}) are"


def _fields(task: Any, number: int) -> Fields:
    fields = Fields.of(task, f"task {number}")
    if "data" not in fields.values:
        hint = "JSON-MIN does not link emotions to regions, so export as JSON"
        raise FormatError(f"task {number}: no field 'data'; {hint}")
    identity = fields.values.get("id")
    return (
        fields
        if identity is None
        else Fields(fields.values, f"task {number} (id {shown(identity)})")
    )


def _dialogue(task: Fields, annotator: int | str | None, notes: _Notes) -> Dialogue | None:
    by_people = "annotations" in task.values
    if task.values.get("drafts"):
        notes.drafts.append(task.where)
    candidates = list(_candidates(task, annotator, by_people=by_people))
    if not candidates:
        notes.waiting.append(task.where)
        return None
    if len(candidates) > 1:
        people = ", ".join(dict.fromkeys(map(_annotator, candidates)))
        notes.chosen.append(f"{task.where} (by {people})")
    # Times in ISO 8601 and UTC sort as text.
    latest = max(
        candidates,
        key=lambda each: each.maybe_text("updated_at") or each.maybe_text("created_at") or "",
    )
    results = [Fields.of(each, task.where) for each in latest.list("result")]
    regions = _regions(results, task, notes)
    model = None if by_people else Provenance(model=_version(latest))
    if by_people:
        notes.texts += filter(None, map(_note, regions))
    data = task.fields("data")
    return Dialogue(
        recording=_recording(data),
        turns=tuple(_scored(region, model) for region in regions),
        audio=data.maybe_text("audio"),
        duration=data.maybe_number("recording_duration"),
        exported=data.maybe_text("exported"),
    )


def _candidates(task: Fields, annotator: int | str | None, *, by_people: bool) -> Iterator[Fields]:
    """Yield the annotations that were not cancelled, or the predictions."""
    key = "annotations" if by_people else "predictions"
    for value in task.list(key) if key in task.values else ():
        each = Fields.of(value, f"{task.where}, {key}")
        # Label Studio exports annotations of skipped tasks as well.
        if by_people and each.values.get("was_cancelled"):
            continue
        if annotator is None or str(annotator) in _names(each):
            yield Fields(each.values, task.where)


def _names(annotation: Fields) -> list[str]:
    """Return the names of the person who made an annotation: the number and the email address."""
    who = annotation.values.get("completed_by")
    names = [who.get("id"), who.get("email")] if isinstance(who, Mapping) else [who]
    return [str(name) for name in names if name is not None]


def _annotator(annotation: Fields) -> str:
    return next(iter(_names(annotation)), "unknown")


def _version(prediction: Fields) -> str:
    """Return the model of a prediction; its name may be missing."""
    version = prediction.values.get("model_version")
    return version if isinstance(version, str) and version else "unknown"


def _recording(data: Fields) -> str:
    """Return the recording's name, or else the name of its audio file.

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
    """The results with one id.

    Attributes:
        first: The first result, which gives the times.
        found: The chosen label or class by type of result, and the mark of review.
        score: The score of the choice.
    """

    first: Fields
    found: dict[str, str] = field(default_factory=dict)
    score: float | None = None


def _regions(results: list[Fields], task: Fields, notes: _Notes) -> list[_Region]:
    regions: dict[str, _Region] = {}
    for number, each in enumerate(results):
        identity = each.maybe_text("id") or f"without id, the result {number}"
        result = Fields(each.values, f"{task.where}, region {shown(identity)}")
        kind = result.text("type")
        # The type is also the name of the field with the value.
        if kind not in ("labels", "choices") or "start" not in result.fields("value").values:
            notes.kinds[kind] += 1
            continue
        region = regions.setdefault(identity, _Region(result))
        chosen = result.fields("value").texts(kind)
        meaning = REVIEWED if each.values.get("from_name") == REVIEWED else kind
        if len(chosen) > 1:
            raise result.error("value", f"one of the {kind}", list(chosen))
        if chosen and meaning in region.found:
            raise result.error("value", f"one result with {kind}, not another", chosen[0])
        if chosen:
            region.found[meaning] = chosen[0]
            region.score = result.maybe_number("score") if meaning == "choices" else region.score
    return list(regions.values())


def _note(region: _Region) -> str | None:
    """Return what a person wrote to a region, which has the model's flags by default."""
    meta = _meta(region)
    if not isinstance(meta.values.get("text"), list):
        return None
    ours = [*_flags(meta), meta.maybe_text("reason")]
    text = ", ".join(map(str, meta.values["text"]))
    return None if text == ", ".join(filter(None, ours)) else text


def _meta(region: _Region) -> Fields:
    return region.first.maybe_fields("meta") or Fields({}, region.first.where)


def _flags(meta: Fields) -> tuple[str, ...]:
    return meta.texts("flags") if "flags" in meta.values else ()


def _scored(region: _Region, model: Provenance | None) -> ScoredTurn:
    """Return a region as a turn; *model* is None for a region that a person submitted."""
    meta = _meta(region)
    label = region.found.get("choices")
    emotion = Emotion(
        label=None if label is None else CLASSES.unescape(label),
        # Label Studio keeps the model's score even if a person chose another class.
        score=None if model is None else region.score,
        flags=_flags(meta),
        reason=meta.maybe_text("reason") if label is None or model is not None else None,
        provenance=model,
        reviewed=bool(mark_of(region.found.get(REVIEWED))),
    )
    value = region.first.fields("value")
    speaker = region.found.get("labels", NO_SPEAKER)
    turn = turn_at(
        region.first.where,
        start=value.number("start"),
        end=value.number("end"),
        speaker=None if speaker == NO_SPEAKER else SPEAKERS.unescape(speaker),
        channel=meta.maybe_channel("channel"),
    )
    return ScoredTurn(turn=turn, emotion=emotion)
