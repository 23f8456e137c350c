"""When an emotion was, which EmotionML can say in three ways, and what that is counted in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats.emotionml.names import MILLISECONDS, NAMESPACE

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_REFERENCE = f"{{{NAMESPACE}}}reference"
_CLOCK = r"(?:(?:[0-9]{1,9}:)?[0-9]{1,2}:)?[0-9]{1,12}(?:\.[0-9]*)?"
_FRAGMENT = re.compile(rf"[#?&]t=(?:npt:)?({_CLOCK})?,({_CLOCK})(?=[&#]|$)")


def anchor_of(element: Element) -> str:
    """Return the URI of what an emotion's time is counted in; empty if nothing says it."""
    given = element.get("time-ref-uri")
    if given is not None:
        return given
    return next((re.split("[#?]", uri)[0] for uri in _references(element)), "")


def span(element: Element, where: str) -> tuple[float, float]:
    """Return the start and the end of an emotion, in seconds.

    Raises:
        FormatError: If it has none, or they are no numbers in order; begins with *where*.
    """
    start, end = _span(element, where)
    if end < start:
        raise FormatError(f"{where}: expected an end after its start {start}, found {end}")
    return start, end


def _span(element: Element, where: str) -> tuple[float, float]:
    given = element.keys()
    if "start" in given:
        start = _seconds(element, "start", where)
        if "end" in given:
            return start, _seconds(element, "end", where)
        return start, start + _seconds(element, "duration", where)
    if "offset-to-start" not in given and "duration" not in given:
        return _referred(element, where)
    # Offsets from the end would need the length of the sound.
    if element.get("time-ref-anchor-point", "start") != "start":
        raise FormatError(
            f"{where}: its time is counted from the end of what nobody knows the length"
        )
    start = _seconds(element, "offset-to-start", where)
    return start, start + _seconds(element, "duration", where)


def _seconds(element: Element, name: str, where: str) -> float:
    """Return the seconds that an attribute says in milliseconds, 0 without one."""
    value = element.get(name, "0").strip()
    if not re.fullmatch("[+-]?[0-9]{1,15}", value):
        raise FormatError(f"{where}: expected milliseconds as {name}, found {value!r}")
    return int(value) / MILLISECONDS


def _referred(element: Element, where: str) -> tuple[float, float]:
    for uri in _references(element):
        found = _FRAGMENT.search(uri)
        if found:
            return _clock(found[1] or "0"), _clock(found[2])
    raise FormatError(
        f"{where}: does not say when it was; expected offset-to-start and duration, start and end, "
        "or a reference to a span such as talk.wav#t=1.5,3"
    )


def _clock(text: str) -> float:
    """Return the seconds of a time such as 1.5 or 1:02:03.5."""
    seconds = 0.0
    for part in text.split(":"):
        seconds = 60 * seconds + float(part)
    return seconds


def _references(element: Element) -> list[str]:
    """Return the URIs of what an emotion is expressed by."""
    return [
        each.get("uri", "")
        for each in element.findall(_REFERENCE)
        if each.get("role", "expressedBy") == "expressedBy"
    ]
