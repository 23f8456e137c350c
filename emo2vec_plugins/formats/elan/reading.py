"""ELAN's annotation documents, read: those of this package, annotated or not, and those of others.

Tiers of their own are speakers' tiers, and every annotation on them is a turn, whatever it says,
also without a text. The speaker is the tier's participant; where it has none, its name says it. Of
the tiers that depend on others, those that are called ``emotion@`` give the emotions of the turns
that they refer to; one with times of its own gives them by overlap. Other dependent tiers (words,
translations) have no turns and are left out with a warning.

The sound is the document's first that is audio, or its first. Properties that this package wrote
give the recording's name and duration, and how the sound was called, unless another was linked.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING

from emo2vec_plugins.core import Dialogue
from emo2vec_plugins.errors import FormatError, warn
from emo2vec_plugins.files import parsed
from emo2vec_plugins.formats.fidelity import maybe_seconds
from emo2vec_plugins.formats.names import Escaping
from emo2vec_plugins.formats.tiers import (
    EMOTION,
    ReadTier,
    Span,
    emotion_of,
    turns_of,
)

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

RECORDING, AUDIO, DURATION = "emo2vec:recording", "emo2vec:audio", "emo2vec:duration"
"""Properties of documents that this package writes."""

VALUES = Escaping(str.isprintable)
"""How names are spelt in properties."""


def loads(text: str) -> list[Dialogue]:
    """Return the one recording of an ELAN document; it is called "" if the document has no name.

    Warns of texts and dependent tiers that are left out, and of emotions that are no turn's.

    Raises:
        FormatError: If it is no ELAN document, or an annotation has no time; names the line or the
            annotation.
        MissingExtraError: If the ``formats`` extra, which brings defusedxml, is not installed.
    """
    root = parsed(text, what="ELAN's XML")
    if root.tag != "ANNOTATION_DOCUMENT":
        raise FormatError(f"expected an ELAN document, <ANNOTATION_DOCUMENT>, found <{root.tag}>")
    header = root.find("HEADER")
    properties = {} if header is None else _properties(header)
    slots = _slots(root)
    tiers = [_Tier(element) for element in root.iter("TIER")]
    _warn_of_dependent(tiers)
    labels = _labels(tiers)
    read = [tier.read(slots, labels) for tier in tiers if tier.has_times]
    return [
        Dialogue(
            recording=VALUES.unescape(properties[RECORDING]) if RECORDING in properties else "",
            turns=turns_of(read),
            audio=None if header is None else _audio(header, properties.get(AUDIO)),
            duration=maybe_seconds(properties.get(DURATION), f"property {DURATION!r}"),
        )
    ]


def _properties(header: Element) -> dict[str, str]:
    unit = header.get("TIME_UNITS", "milliseconds")
    if unit != "milliseconds":
        raise FormatError(f"expected times in milliseconds, found TIME_UNITS={unit!r}")
    return {each.get("NAME", ""): each.text or "" for each in header.iter("PROPERTY")}


def _audio(header: Element, given: str | None) -> str | None:
    """Return where the sound is: as it was *given*, unless a file of another name is linked."""
    media = list(header.iter("MEDIA_DESCRIPTOR"))
    if not media:
        return None
    sound = next((x for x in media if x.get("MIME_TYPE", "").startswith("audio/")), media[0])
    path = _path(_get(sound, "MEDIA_URL"))
    # ELAN shifts one of several media so that they run together; times are the document's.
    if sound.get("TIME_ORIGIN", "0") != "0":
        place = f"{sound.get('TIME_ORIGIN')} ms of the sound {path!r}"
        warn(f"times are those of the document, whose 0 is at {place}")
    if given is None:
        return path or None
    audio = VALUES.unescape(given)
    # Windows' rules split at both kinds of slash.
    same = PureWindowsPath(audio).name == PureWindowsPath(path).name
    return audio if same else path


def _path(url: str) -> str:
    """Return the path in a URL of a file, in which ELAN escapes nothing; other URLs as they are."""
    # file:///C:/talk.wav has a slash before the drive, file:////host/talk.wav two of its own.
    return re.sub(r"^file:(?://(?=/))?(?:/(?=.:))?", "", url, flags=re.DOTALL)


def _slots(root: Element) -> dict[str, float | None]:
    """Return the seconds of time slots; None for those that only have an order."""
    found: dict[str, float | None] = {}
    for slot in root.iter("TIME_SLOT"):
        name, value = _get(slot, "TIME_SLOT_ID"), slot.get("TIME_VALUE")
        if value is not None and not re.fullmatch("[0-9]{1,15}", value):
            raise FormatError(f"time slot {name!r}: expected milliseconds, found {value[:50]!r}")
        found[name] = None if value is None else int(value) / 1000
    return found


@dataclass(frozen=True, slots=True)
class _Tier:
    """A tier of a document."""

    element: Element

    @property
    def name(self) -> str:
        return _get(self.element, "TIER_ID")

    @property
    def is_emotions(self) -> bool:
        return self.name.startswith(EMOTION)

    @property
    def is_dependent(self) -> bool:
        return bool(self.element.get("PARENT_REF")) or next(self.references(), None) is not None

    @property
    def has_times(self) -> bool:
        """Return whether its annotations are turns, or emotions at times of their own."""
        has_spans = next(self.aligned(), None) is not None
        return not self.is_dependent or (self.is_emotions and has_spans)

    def aligned(self) -> Iterator[Element]:
        return self.element.iter("ALIGNABLE_ANNOTATION")

    def references(self) -> Iterator[Element]:
        return self.element.iter("REF_ANNOTATION")

    def read(self, slots: Mapping[str, float | None], labels: Mapping[str, str]) -> ReadTier:
        """Return the tier with its turns, or with its emotions if these have times.

        Args:
            slots: Their seconds.
            labels: The emotions that refer to turns, by the turns' identifiers.
        """
        return ReadTier(
            name=self.name,
            participant=self.element.get("PARTICIPANT", "").strip(),
            spans=tuple(self._span(each, slots, labels) for each in self.aligned()),
            texts=() if self.is_emotions else tuple(filter(None, map(_value, self.aligned()))),
        )

    def _span(
        self, element: Element, slots: Mapping[str, float | None], labels: Mapping[str, str]
    ) -> Span:
        name = _get(element, "ANNOTATION_ID")
        where = f"annotation {name!r} of tier {self.name!r}"
        start, end = (
            _seconds(slots, _get(element, f"TIME_SLOT_REF{number}"), where) for number in (1, 2)
        )
        if end < start:
            raise FormatError(f"{where}: expected an end after the start, {start}, found {end}")
        label = _value(element) if self.is_emotions else labels.get(name)
        return Span(start=start, end=end, label=label)


def _seconds(slots: Mapping[str, float | None], slot: str, where: str) -> float:
    if slot not in slots:
        raise FormatError(f"{where}: there is no time slot {slot!r}; was the file cut short?")
    seconds = slots[slot]
    if seconds is None:
        raise FormatError(f"{where}: expected a time, found time slot {slot!r} without one")
    return seconds


def _labels(tiers: Sequence[_Tier]) -> dict[str, str]:
    """Return the emotions that refer to turns, by the turns' identifiers."""
    speakers = [tier for tier in tiers if not tier.is_dependent and not tier.is_emotions]
    turns = Counter(_get(each, "ANNOTATION_ID") for tier in speakers for each in tier.aligned())
    twice = next((name for name, times in turns.items() if times > 1), None)
    if twice is not None:
        raise FormatError(f"two annotations are called {twice!r}; expected one")
    labels: dict[str, str] = {}
    for tier in tiers:
        more = []
        for each in tier.references() if tier.is_emotions else ():
            turn, value = _get(each, "ANNOTATION_REF"), _value(each)
            if emotion_of(value).label is None:
                continue
            if turn in turns and turn not in labels:
                labels[turn] = value
            else:
                more.append(f"annotation {_get(each, 'ANNOTATION_ID')!r}, {value!r}")
        if more:
            found = f"{len(more)} emotions are of no turn, or a turn's second"
            warn(f"tier {tier.name!r}: {found}, and are left out; the first is {more[0]}")
    return labels


def _warn_of_dependent(tiers: Iterable[_Tier]) -> None:
    depend = [tier for tier in tiers if tier.is_dependent and not tier.is_emotions]
    if names := [repr(tier.name) for tier in depend if len(tier.element)]:
        warn(f"tiers that depend on others have no turns and are left out: {', '.join(names)}")


def _value(element: Element) -> str:
    return (element.findtext("ANNOTATION_VALUE") or "").strip()


def _get(element: Element, name: str) -> str:
    value = element.get(name)
    if value is None:
        known = " ".join(f"{key}={each!r}" for key, each in element.items())
        raise FormatError(f"expected {name} in <{element.tag} {known}>, found none")
    return value
