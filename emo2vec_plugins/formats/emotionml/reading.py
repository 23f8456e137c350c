"""Reader for EmotionML documents of this package and of other tools.

In documents of other tools, each emotion is a turn without a speaker. Its time is the first of these
that is given: its start and end, in whatever time base they have; its offset from an anchor and its
duration; or the span in a reference to the audio that expresses it, ``talk.wav#t=1.5,3``. An emotion
without a time is an error. The recording is the anchor, or the file in the reference. The label is
the category with the highest confidence, then the highest value; a missing one counts as 1. The score
is that category's confidence. Dimensions, appraisals, action tendencies, further categories,
intensities and traces are dropped, with a warning that counts them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from emo2vec_plugins.core import (
    PLACEHOLDERS,
    Dialogue,
    Emotion,
    Provenance,
    ScoredTurn,
    Turn,
    shown,
)
from emo2vec_plugins.errors import FormatError, warn
from emo2vec_plugins.files import parsed
from emo2vec_plugins.formats.fidelity import MILLISECONDS
from emo2vec_plugins.formats.names import Escaping
from emo2vec_plugins.formats.spelling import finite_number

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


NAMESPACE = "http://www.w3.org/2009/10/emotionml"

OURS = "urn:emo2vec:emotionml:1"
"""Namespace of the elements in ``info``; the number changes with every incompatible change."""

XML_ID = "{http://www.w3.org/XML/1998/namespace}id"


def _is_xml(character: str) -> bool:
    """Return whether XML 1.0 can contain a character, literally or as a reference."""
    if character < " ":
        return character in "\t\n\r"
    return not "\ud800" <= character <= "\udfff" and character not in "\ufffe\uffff"


ANY = Escaping(_is_xml)
"""Escaping of our attributes with any text."""

WORDS = Escaping(lambda character: _is_xml(character) and not character.isspace())
"""Escaping of our attributes with lists of words."""

# Item names are NMTOKENs, which exclude %. Validators disagree about letters beyond ASCII.
CATEGORIES = Escaping(
    lambda character: character.isascii() and (character.isalnum() or character in "-_."),
    PLACEHOLDERS,
    mark=":",
)


_CLOCK = r"(?:(?:[0-9]{1,9}:)?[0-9]{1,2}:)?[0-9]{1,12}(?:\.[0-9]*)?"
_FRAGMENT = re.compile(rf"[#?&]t=(?:npt:)?({_CLOCK})?,({_CLOCK})(?=[&#]|$)")


def anchor_of(element: Element) -> str:
    """Return the URI that an emotion's time refers to; empty if there is none."""
    given = element.get("time-ref-uri")
    if given is not None:
        return given
    return next((re.split("[#?]", uri)[0] for uri in _references(element)), "")


def _span(element: Element, where: str) -> tuple[float, float]:
    """Return the start and the end of an emotion, in seconds."""
    given = element.keys()
    if "start" in given:
        start = _seconds(element, "start", where)
        if "end" in given:
            return start, _seconds(element, "end", where)
        return start, start + _seconds(element, "duration", where)
    if "offset-to-start" not in given and "duration" not in given:
        return _referred(element, where)
    # Offsets from the end would need the duration of the audio.
    if element.get("time-ref-anchor-point", "start") != "start":
        raise FormatError(f"{where}: expected a time from the start, found one from the end")
    start = _seconds(element, "offset-to-start", where)
    return start, start + _seconds(element, "duration", where)


def _seconds(element: Element, name: str, where: str) -> float:
    """Return an attribute in milliseconds as seconds; 0 if it is missing."""
    value = element.get(name, "0").strip()
    if not re.fullmatch("[+-]?[0-9]{1,15}", value):
        raise FormatError(f"{where}: expected milliseconds as {name}, found {shown(value)}")
    return int(value) / MILLISECONDS


def _referred(element: Element, where: str) -> tuple[float, float]:
    for uri in _references(element):
        found = _FRAGMENT.search(uri)
        if found:
            return _clock(found[1] or "0"), _clock(found[2])
    ways = "offset-to-start and duration, start and end, or a reference such as talk.wav#t=1.5,3"
    raise FormatError(f"{where}: no time, expected {ways}")


def _clock(text: str) -> float:
    """Return the seconds of a time such as 1.5 or 1:02:03.5."""
    seconds = 0.0
    for part in text.split(":"):
        seconds = 60 * seconds + float(part)
    return seconds


def _references(element: Element) -> list[str]:
    """Return the URIs of the media that express an emotion."""
    found = element.findall(_REFERENCE)
    # The default role is expressedBy.
    return [x.get("uri", "") for x in found if x.get("role", "expressedBy") == "expressedBy"]


_ROOT, _EMOTION, _INFO, _CATEGORY, _REFERENCE, _TRACE, *_OTHERS = (
    f"{{{NAMESPACE}}}{name}"
    for name in (
        *("emotionml", "emotion", "info", "category", "reference", "trace"),
        *("dimension", "appraisal", "action-tendency"),
    )
)
_RECORDING, _MODEL, _TOKEN, _TURN, _CLASS = (
    f"{{{OURS}}}{name}" for name in ("recording", "model", "token", "turn", "class")
)


def loads(text: str) -> list[Dialogue]:
    """Return the recordings of a document, in order of first mention.

    Raises:
        FormatError: If the text is not EmotionML, or an emotion has no time; names the line or the
            emotion.
    """
    root = parsed(text)
    if root.tag not in (_ROOT, _EMOTION):
        raise FormatError(f"expected <emotionml> of {NAMESPACE}, found <{root.tag:.100}>")
    infos = root.findall(_INFO) if root.tag == _ROOT else []
    recordings = {
        f"#{name}": Dialogue(
            recording=_text(each, "name") or "",
            audio=_text(each, "audio"),
            duration=_number(each, "duration", "recording"),
        )
        for name, each in _described(infos, _RECORDING)
    }
    models = {name: _model(each) for name, each in _described(infos, _MODEL)}
    turns: dict[str, list[ScoredTurn]] = {name: [] for name in recordings}
    left_out: Counter[str] = Counter()
    emotions = root.findall(_EMOTION) if root.tag == _ROOT else [root]
    for number, element in enumerate(emotions, 1):
        anchor = anchor_of(element)
        scored = _scored(element, where=f"emotion {number}", models=models, left_out=left_out)
        # Documents of other tools name recordings only in the references of emotions.
        recordings.setdefault(anchor, _named(anchor))
        turns.setdefault(anchor, []).append(scored)
    if left_out:
        counts = ", ".join(f"{count} x {name}" for name, count in sorted(left_out.items()))
        warn(f"dropped from EmotionML: {counts}; a turn has only one label and its score")
    return [replace(one, turns=tuple(turns[name])) for name, one in recordings.items()]


def _described(infos: Sequence[Element], tag: str) -> Iterator[tuple[str, Element]]:
    """Yield the elements with a tag in the head of a document, with their identifiers."""
    known = set()
    for element in (each for info in infos for each in info.findall(tag)):
        name = element.get(XML_ID)
        if name is None or name in known:
            kind = tag.partition("}")[2]
            raise FormatError(f"expected a unique xml:id in <e2v:{kind}>, found {shown(name)}")
        known.add(name)
        yield name, element


def _model(element: Element) -> Provenance:
    fields = {name: ANY.unescape(value) for name, value in element.items()}
    tokens = [_text(each, "name") or "" for each in element.findall(_TOKEN)]
    if "model" not in fields:
        raise FormatError("expected a model name in <e2v:model>, found none")
    return Provenance.from_dict(fields | {"tokens": tokens})


def _named(anchor: str) -> Dialogue:
    """Return the recording that a URI denotes in a document of another tool."""
    if anchor.startswith("#") or not anchor:
        return Dialogue(recording=anchor.removeprefix("#"))
    try:
        path = urlsplit(anchor).path
    except ValueError as error:  # brackets that are not an address of IPv6
        raise FormatError(f"expected a URI of the audio, found {shown(anchor)}") from error
    return Dialogue(recording=PurePosixPath(unquote(path)).stem, audio=anchor)


def _text(element: Element, name: str) -> str | None:
    value = element.get(name)
    return None if value is None else ANY.unescape(value)


def _number(element: Element, name: str, where: str) -> float | None:
    value = element.get(name)
    number = None if value is None else finite_number(value)
    if value is not None and number is None:
        raise FormatError(f"{where}: expected a number as {name}, found {shown(value)}")
    return number


def _scored(
    element: Element, *, where: str, models: Mapping[str, Provenance], left_out: Counter[str]
) -> ScoredTurn:
    """Return the turn of an emotion; count dropped descriptions in *left_out*."""
    start, end = _span(element, where)
    if end < start:
        raise FormatError(f"{where}: expected an end after the start {start}, found {end}")
    ours = element.find(f"{_INFO}/{_TURN}")
    if ours is None:
        emotion = _strongest(element, where=where, left_out=left_out)
        return ScoredTurn(turn=Turn(start=start, end=end), emotion=emotion)
    speaker, channel = _text(ours, "speaker"), _channel(ours, where)
    turn = Turn(start=start, end=end, speaker=speaker, channel=channel)
    return ScoredTurn(turn=turn, emotion=_emotion(element, ours, where=where, models=models))


def _channel(ours: Element, where: str) -> int | tuple[int, ...] | None:
    one, several = ours.get("channel"), ours.get("channels")
    try:
        if several is not None:
            return tuple(map(int, several.split()))
        return None if one is None else int(one)
    except ValueError as error:
        raise FormatError(
            f"{where}: expected channel numbers, found {shown(one or several)}"
        ) from error


def _emotion(
    element: Element, ours: Element, *, where: str, models: Mapping[str, Provenance]
) -> Emotion:
    first = element.find(_CATEGORY)
    classes = ours.findall(_CLASS)
    model = ours.get("model")
    if model is not None and model not in models:
        raise FormatError(f"{where}: no model {shown(model)} in the document")
    return Emotion(
        **({} if first is None else _label_and_score(first, where)),
        scores=_values(classes, "score", where),
        logits=_values(classes, "logit", where),
        flags=tuple(map(WORDS.unescape, ours.get("flags", "").split())),
        reason=_text(ours, "reason"),
        duration=_number(ours, "scored", where) or 0.0,
        overlap_ratio=_number(ours, "overlap", where),
        doubt=_number(ours, "doubt", where),
        provenance=None if model is None else models[model],
    )


def _values(classes: Sequence[Element], kind: str, where: str) -> dict[str, float]:
    found = ((_text(each, "name") or "", _number(each, kind, where)) for each in classes)
    return {name: value for name, value in found if value is not None}


def _label_and_score(category: Element, where: str) -> dict[str, Any]:
    """Return a category's label and score as fields of an emotion."""
    name = category.get("name")
    if name is None:
        raise FormatError(f"{where}: expected a name in <category>, found none")
    if name in PLACEHOLDERS:
        return {}
    return {"label": CATEGORIES.unescape(name), "score": _number(category, "confidence", where)}


def _strongest(element: Element, *, where: str, left_out: Counter[str]) -> Emotion:
    """Return the strongest category of an emotion in a document of another tool."""

    def strength(category: Element) -> list[float]:
        given = (_number(category, name, where) for name in ("confidence", "value"))
        return [1.0 if number is None else number for number in given]

    label = max(element.findall(_CATEGORY), key=strength, default=None)
    descriptions = [each for each in element if each.tag in (_CATEGORY, *_OTHERS)]
    left_out.update(each.tag.partition("}")[2] for each in descriptions if each is not label)
    left_out.update("trace" for each in descriptions if each.find(_TRACE) is not None)
    left_out.update("value" for each in descriptions if each is label and each.get("value"))
    return Emotion() if label is None else Emotion(**_label_and_score(label, where))
