"""Writer for EmotionML 1.0, the W3C's XML for emotions. Documents are valid under its schema.

::

    <emotion time-ref-uri="#recording-1" offset-to-start="1500" duration="1500" expressed-through="voice">
      <info>
        <e2v:turn speaker="SPEAKER_00" flags="short" scored="1.5" model="model-1">
          <e2v:class name="angry" score="0.87" logit="2.5" />
          <e2v:class name="sad" score="0.13" logit="0.6" />
        </e2v:turn>
      </info>
      <category name="angry" confidence="0.87" />
      <category name="sad" confidence="0.13" />
      <reference uri="talk.wav#t=1.500,3.000" role="expressedBy" />
    </emotion>

The first category is the label. Probabilities are written as ``confidence``, not as ``value``, which
means the strength of an emotion. Times are offsets in milliseconds from the start of a recording,
because ``start`` and ``end`` would count from 1970. Every emotion needs a category, so a turn without
a label has ``unscored`` or ``withheld``. The document contains the vocabulary of all categories, because labels may be
missing from the W3C's. ``info`` contains, in a separate namespace, everything that EmotionML does not
define: the names, audio and durations of recordings, the models, and each turn's speaker and other
fields. `emo2vec_plugins.formats.emotionml.reading` describes the reader.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from emo2vec_plugins.core import Dialogue, Format, Provenance, ScoredTurn
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats.emotionml.reading import (
    ANY,
    CATEGORIES,
    NAMESPACE,
    OURS,
    WORDS,
    loads,
)
from emo2vec_plugins.formats.fidelity import FIELDS, MILLISECONDS, grid
from emo2vec_plugins.formats.jsonl import turn_record
from emo2vec_plugins.formats.placeholders import placeholder
from emo2vec_plugins.formats.spelling import decimal

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


def dumps(dialogues: Sequence[Dialogue]) -> str:
    """Return one document with an emotion for each turn, in order.

    Raises:
        FormatError: If a score is not a probability, or another number is not finite.
    """
    root = Element("emotionml", {"version": "1.0", "xmlns": NAMESPACE, "xmlns:e2v": OURS})
    info = SubElement(root, "info")
    models = _add_models(info, dialogues)
    emotions = []
    for number, dialogue in enumerate(dialogues, 1):
        anchor = f"recording-{number}"
        SubElement(info, "e2v:recording", {"xml:id": anchor, **_recording(dialogue)})
        emotions += [_emotion(each, anchor, models, dialogue.audio) for each in dialogue.turns]
    _add_vocabulary(root, emotions)
    root.extend(emotions)
    # Indenting would change the text of elements, so all values are attributes.
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


EMOTIONML = Format(
    name="emotionml",
    suffixes=(".emotionml",),
    description="W3C XML for emotions, with all scores, flags and models; only arrays are lost",
    dumps=dumps,
    loads=loads,
    holds=frozenset(FIELDS) - {"reviewed"},
    ticks=MILLISECONDS,
)


def _add_models(info: Element, dialogues: Sequence[Dialogue]) -> dict[Provenance | None, str]:
    """Add each model once; return the identifiers of the models."""
    found = dict.fromkeys(each.emotion.provenance for one in dialogues for each in one.turns)
    models: dict[Provenance | None, str] = {}
    for provenance in found:
        if provenance is not None:
            models[provenance] = f"model-{len(models) + 1}"
            fields = provenance.to_dict()
            tokens = fields.pop("tokens")
            attributes = _known({name: _maybe(each, _spelt) for name, each in fields.items()})
            model = SubElement(info, "e2v:model", {"xml:id": models[provenance], **attributes})
            for token in tokens:
                SubElement(model, "e2v:token", {"name": _spelt(token)})
    return models


def _add_vocabulary(root: Element, emotions: Sequence[Element]) -> None:
    """Add a vocabulary of all categories, unless there are none: it must not be empty."""
    names = dict.fromkeys(each.get("name", "") for one in emotions for each in one.iter("category"))
    if names:
        root.set("category-set", "#emotions")
        vocabulary = SubElement(root, "vocabulary", {"type": "category", "id": "emotions"})
        for name in names:
            SubElement(vocabulary, "item", {"name": name})


def _spelt(text: str) -> str:
    return ANY.escape(text) if text else ""


def _recording(dialogue: Dialogue) -> dict[str, str]:
    return _known(
        {
            "name": _spelt(dialogue.recording),
            "audio": _maybe(dialogue.audio, _spelt),
            "duration": _maybe(dialogue.duration, lambda value: _finite(value, dialogue)),
        }
    )


def _emotion(
    scored: ScoredTurn, anchor: str, models: Mapping[Provenance | None, str], audio: str | None
) -> Element:
    # The standard uses whole milliseconds.
    start, end = grid(scored.turn, rate=MILLISECONDS)
    times = {"offset-to-start": str(start), "duration": str(end - start)}
    given = {"time-ref-uri": f"#{anchor}", **times, "expressed-through": "voice"}
    emotion = Element("emotion", given)
    _add_turn(SubElement(emotion, "info"), scored, models)
    for name, confidence in _categories(scored):
        given = {} if confidence is None else {"confidence": _probability(confidence, scored)}
        SubElement(emotion, "category", {"name": name, **given})
    if audio is not None and max(start, 0) < end:  # a span of zero length is invalid
        span = ",".join(decimal(each, rate=MILLISECONDS, least=3) for each in (max(start, 0), end))
        uri = f"{_uri(audio)}#t={span}"
        SubElement(emotion, "reference", {"uri": uri, "role": "expressedBy"})
    return emotion


def _categories(scored: ScoredTurn) -> Iterator[tuple[str, float | None]]:
    """Yield each category and its confidence, the label first."""
    emotion, label = scored.emotion, scored.emotion.label
    if label is None:
        yield placeholder(emotion), None
    else:
        yield CATEGORIES.escape(label), emotion.score
    for name, value in emotion.scores.items():
        if name != label:
            yield CATEGORIES.escape(name), value


def _add_turn(info: Element, scored: ScoredTurn, models: Mapping[Provenance | None, str]) -> None:
    emotion, record = scored.emotion, turn_record(scored)
    channel, scores, logits = record["channel"], record["scores"], record["logits"]
    channels = channel if isinstance(channel, list) else None
    given = {
        "speaker": _maybe(record["speaker"], _spelt),
        "reason": _maybe(record["reason"], _spelt),
        "channel": None if channels else _maybe(channel, str),
        "channels": _maybe(channels, lambda each: " ".join(map(str, each))),
        "flags": " ".join(map(WORDS.escape, record["flags"])) or None,
        "scored": _finite(emotion.duration, scored) if emotion.duration else None,
        "overlap": _maybe(emotion.overlap_ratio, lambda value: _finite(value, scored)),
        "doubt": _maybe(emotion.doubt, lambda value: _finite(value, scored)),
        "model": models[emotion.provenance] if emotion.provenance else None,
    }
    turn = SubElement(info, "e2v:turn", _known(given))
    for name in dict.fromkeys([*scores, *logits]):
        numbers = {
            kind: _finite(values[name], scored)
            for kind, values in (("score", scores), ("logit", logits))
            if name in values
        }
        SubElement(turn, "e2v:class", {"name": _spelt(name), **numbers})


def _known(attributes: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in attributes.items() if value is not None}


def _maybe(value: Any, write: Callable[[Any], str]) -> str | None:
    return None if value is None else write(value)


def _finite(value: float, owner: ScoredTurn | Dialogue) -> str:
    if not math.isfinite(value):
        raise FormatError(f"expected a finite number, got {value} in {owner}")
    return repr(float(value))


def _probability(value: float, scored: ScoredTurn) -> str:
    # Sums of rounded probabilities may be slightly out of range.
    if not -1e-6 <= value <= 1 + 1e-6:
        raise FormatError(f"expected a score from 0 to 1, got {value} for {scored.turn}")
    return repr(min(max(float(value), 0.0), 1.0))


def _uri(audio: str) -> str:
    """Return a path or a URL as a URI without a fragment."""
    if _URL.match(audio):
        return quote(audio.partition("#")[0], safe="/:?&=@%+,;~$!*'()", errors="surrogatepass")
    return quote(audio.replace("\\", "/"), errors="surrogatepass")
