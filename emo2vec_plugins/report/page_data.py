"""The data of a recording's page: turns as columns of plain JSON values."""

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
from emo2vec_plugins.report.trust import trust_in

MEANINGS = {
    "short": "less than 1 s was scored, too little for a reliable result",
    "overlapped": "another speaker talks during part of the turn",
    "silent": "no sample is louder than one step of 16-bit audio",
    "clipped": "more than 20 ms of the turn are outside the recording; the rest was scored",
    "windowed": "longer than the longest window: scored in overlapping windows, which were merged",
}
"""The meaning of each of `FLAGS`."""

_NUMBERS = {
    **{name: name for name in ("start", "end", "score")},
    "scored": "duration",
    "overlap": "overlap_ratio",
    "doubt": "doubt",
}
"""Maps columns of numbers to fields of a turn's record."""

_TEXTURES = {"other": "bars", "unknown": "dots"}
"""Textures for the greys, which are hard to distinguish by lightness alone."""


def page_data(dialogue: Dialogue) -> dict[str, Any]:
    """Return the data of a recording's page, as values for `script_json`.

    Turns are sorted by time. They refer to speakers, labels, flags, reasons and models by index.

    Raises:
        OptionsError: If turns are too far apart to draw.
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
        "trust": [shown(line) for line in trust_in(dialogue)],
        "turns": {
            **{
                name: [_number(each.get(part)) for each in records]
                for name, part in _NUMBERS.items()
            },
            "speaker": [speaker for _, speaker, _ in placed],
            "row": [row for _, _, row in placed],
            "channel": [_channel(each["channel"]) for each in records],
            "label": [label_of.get(each["emotion"]) for each in records],
            "withheld": [each.emotion.withheld for each in turns],
            "flags": [[flag_of[name] for name in each["flags"]] for each in records],
            "reason": [reason_of.get(each["reason"]) for each in records],
            "model": [model_of.get(each.emotion.provenance) for each in turns],
            "scores": [_scores(each["scores"], classes) for each in records],
        },
    }


def script_json(values: Any) -> str:
    r"""Return JSON that is safe inside a script element.

    Characters beyond ASCII are escaped, and so are those that could end the element or begin a
    comment: ``"<"`` becomes ``"\u003c"``.
    """
    # ASCII excludes JavaScript's line separators and lone surrogates.
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
    meaning = MEANINGS.get(name, "a flag from another tool")
    return {"name": shown(name), "meaning": meaning, "turns": turns}


def _model(provenance: Provenance) -> list[tuple[str, str]]:
    """Return the known facts about a model with their names."""
    known = {
        "model": provenance.model,
        "SHA-256 of the weights": provenance.sha256,
        "revision": provenance.revision,
        "number type": provenance.dtype,
        "classes": ", ".join(map(shown, provenance.tokens)),
        "resampler": provenance.resampler,
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
    """Return a rounded number; None if it is not finite, because JSON cannot store it."""
    if value is None or not math.isfinite(value):
        return None
    # A page cannot show more than tenths of a millisecond; more digits only make it larger.
    return round(float(value), 4)
