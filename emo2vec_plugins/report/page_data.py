"""What the page of a recording holds: its turns as columns of plain JSON values."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from emo2vec_plugins.core import COLOURS, FLAGS, Dialogue, Provenance
from emo2vec_plugins.formats import turn_record
from emo2vec_plugins.report.layout import extent, packed_rows
from emo2vec_plugins.report.style import PALEST, palette, shown
from emo2vec_plugins.report.summary import SPAN, SpeakerSummary, summarise

MEANINGS = {
    "short": "less than 1 s was scored: too little to rely on",
    "overlapped": "another speaker is heard in part of the turn",
    "silent": "nothing is louder than one step of 16-bit audio",
    "clipped": "it reaches more than 20 ms outside of the recording; what lies within was scored",
    "windowed": "longer than the longest window: scored in overlapping windows, which were merged",
}
"""What each of `FLAGS` says of a turn."""

_NUMBERS = {
    **{name: name for name in ("start", "end", "score")},
    "scored": "duration",
    "overlap": "overlap_ratio",
}
"""Columns of numbers, and the parts of a turn's record that are in them."""

_TEXTURES = {"other": "bars", "unknown": "dots"}
"""The greys are hard to tell apart by lightness alone."""


def page_data(dialogue: Dialogue) -> dict[str, Any]:
    """Return what there is to show of a recording, as values that `script_json` can write.

    Turns are in order of time. They name speakers, labels, flags, reasons and models by number.

    Raises:
        OptionsError: If turns are too far apart to be drawn.
    """
    start, end = extent(dialogue)
    packed = packed_rows(dialogue.turns)
    placed = [
        (scored, speaker, number)
        for speaker, rows in enumerate(packed.values())
        for number, row in enumerate(rows)
        for scored in row
    ]
    placed.sort(key=lambda each: SPAN(each[0]))
    turns = [scored for scored, _, _ in placed]
    records = list(map(turn_record, turns))
    colours = palette(name for each in turns for name in (each.emotion.label, *each.emotion.scores))
    names = list(colours)
    flagged = Counter(flag for each in turns for flag in each.emotion.flags)
    flags = [*(x for x in FLAGS if x in flagged), *sorted(flagged.keys() - set(FLAGS))]
    reasons = _distinct(each.emotion.reason for each in turns)
    models = _distinct(each.emotion.provenance for each in turns)
    scored = {name for each in turns for name in each.emotion.scores}
    classes = [name for name in names if name in scored]
    labelled = Counter(each.emotion.label for each in turns)
    label_of, flag_of, reason_of, model_of = (
        {value: number for number, value in enumerate(values)}
        for values in (names, flags, reasons, models)
    )
    return {
        "recording": shown(dialogue.recording),
        "duration": _number(dialogue.duration),
        "start": start,
        "end": end,
        "palest": PALEST,
        "speakers": [_speaker(x, len(packed[x.speaker]), label_of) for x in summarise(dialogue)],
        "labels": [_label(name, colours[name], labelled[name]) for name in names],
        "classes": [label_of[name] for name in classes],
        "flags": [_flag(name, flagged[name]) for name in flags],
        "reasons": [shown(reason) for reason in reasons],
        "models": [_model(each) for each in models],
        "turns": {
            **{name: [_number(each[part]) for each in records] for name, part in _NUMBERS.items()},
            "speaker": [speaker for _, speaker, _ in placed],
            "row": [row for _, _, row in placed],
            "channel": [_channel(each["channel"]) for each in records],
            "label": [label_of.get(each["emotion"]) for each in records],
            "flags": [[flag_of[name] for name in each["flags"]] for each in records],
            "reason": [reason_of.get(each["reason"]) for each in records],
            "model": [model_of.get(each.emotion.provenance) for each in turns],
            "scores": [_scores(each["scores"], classes) for each in records],
        },
    }


def script_json(values: Any) -> str:
    r"""Return JSON that may stand in a script element, whatever text is in it.

    All but ASCII is escaped, and so is what ends the element or begins a comment:
    ``"<"`` is ``"\u003c"``.
    """
    # ASCII only: no line separator of JavaScript and no lone surrogate can be in it.
    text = json.dumps(values, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _distinct(values: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(value for value in values if value is not None))


def _speaker(summary: SpeakerSummary, rows: int, label_of: Mapping[str, int]) -> dict[str, Any]:
    return {
        "name": shown(summary.speaker),
        "rows": rows,
        "turns": summary.turns,
        "unscored": summary.unscored,
        "seconds": _number(summary.seconds),
        "emotions": [[label_of[name], _number(part)] for name, part in summary.emotions.items()],
        "unscoredSeconds": _number(summary.unscored_seconds),
        "changes": summary.changes,
        "score": _number(summary.score),
    }


def _label(name: str, colour: str, turns: int) -> dict[str, Any]:
    texture = _TEXTURES.get(name, "plain" if name in COLOURS else "checks")
    return {"name": shown(name), "colour": colour, "texture": texture, "turns": turns}


def _flag(name: str, turns: int) -> dict[str, Any]:
    meaning = MEANINGS.get(name, "a flag of another tool")
    return {"name": shown(name), "meaning": meaning, "turns": turns}


def _model(provenance: Provenance) -> list[tuple[str, str]]:
    """Return what is known of a model, each with its name."""
    known = {
        "model": provenance.model,
        "SHA-256 of its weights": provenance.sha256,
        "revision": provenance.revision,
        "arithmetic": provenance.dtype,
        "classes as the model names them": ", ".join(map(shown, provenance.tokens)),
        "resampled by": provenance.resampler,
        "version of emo2vec_plugins": provenance.version,
    }
    return [(name, shown(str(value))) for name, value in known.items() if value]


def _channel(channel: int | list[int] | None) -> str | None:
    if channel is None:
        return None
    return ", ".join(map(str, channel if isinstance(channel, list) else [channel]))


def _scores(scores: Mapping[str, float], classes: Sequence[str]) -> list[float | None] | None:
    return [_number(scores.get(name)) for name in classes] if scores else None


def _number(value: float | None) -> float | None:
    """Return a number as short as can be seen; None for what JSON has no number for."""
    if value is None or not math.isfinite(value):
        return None
    # Tenths of a millisecond are finer than a page can show; more digits only make it larger.
    return round(float(value), 4)
