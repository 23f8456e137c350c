"""Reader for ELAN's annotation documents, written by this package or of other origin.

Independent tiers are speakers' tiers, and every annotation on them is a turn, with or without text.
The speaker is the tier's participant, or else the tier's name. Dependent tiers named ``emotion@``
have the emotions of the turns they refer to. If such a tier has its own times, emotions are matched by
overlap. Other dependent tiers (words, translations) have no turns and are dropped with a warning.

The audio is the first linked medium that is audio, or else the first medium. Properties written by
this package give the recording's name and duration, and the original path of the audio unless a
different file has been linked.
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
"""Names of the properties that this package writes."""

VALUES = Escaping(str.isprintable)
"""Escaping of the values of properties."""


def loads(text: str) -> list[Dialogue]:
    """Return the one recording of an ELAN document; its name is "" if the document has none.

    Warns about dropped texts and dependent tiers, and about emotions without a turn.

    Raises:
        FormatError: If the text is not an ELAN document, or an annotation has no time; names the
            line or the annotation.
    """
    root = parsed(text)
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
    """Return the audio: as originally *given*, unless a file with another name is linked."""
    media = list(header.iter("MEDIA_DESCRIPTOR"))
    if not media:
        return None
    sound = next((x for x in media if x.get("MIME_TYPE", "").startswith("audio/")), media[0])
    path = _path(_get(sound, "MEDIA_URL"))
    # ELAN shifts media to synchronise them, but annotations keep the document's times.
    if sound.get("TIME_ORIGIN", "0") != "0":
        offset = f"{sound.get('TIME_ORIGIN')} ms into the audio {path!r}"
        warn(f"times are those of the document, which starts {offset}")
    if given is None:
        return path or None
    audio = VALUES.unescape(given)
    # Windows paths split at both kinds of slash.
    same = PureWindowsPath(audio).name == PureWindowsPath(path).name
    return audio if same else path


def _path(url: str) -> str:
    """Return the path in a file URL, in which ELAN escapes nothing; other URLs are unchanged."""
    # file:///C:/talk.wav has a slash before the drive, file:////host/talk.wav two before the host.
    return re.sub(r"^file:(?://(?=/))?(?:/(?=.:))?", "", url, flags=re.DOTALL)


def _slots(root: Element) -> dict[str, float | None]:
    """Return the times of time slots in seconds; None for slots that define only an order."""
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
        """Return whether the annotations are turns, or emotions with their own times."""
        has_spans = next(self.aligned(), None) is not None
        return not self.is_dependent or (self.is_emotions and has_spans)

    def aligned(self) -> Iterator[Element]:
        return self.element.iter("ALIGNABLE_ANNOTATION")

    def references(self) -> Iterator[Element]:
        return self.element.iter("REF_ANNOTATION")

    def read(self, slots: Mapping[str, float | None], labels: Mapping[str, str]) -> ReadTier:
        """Return the tier with its turns, or with its emotions if they have times.

        Args:
            slots: Times in seconds by slot.
            labels: Emotions by the identifiers of the turns they refer to.
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
            raise FormatError(f"{where}: expected an end after the start {start}, found {end}")
        label = _value(element) if self.is_emotions else labels.get(name)
        return Span(start=start, end=end, label=label)


def _seconds(slots: Mapping[str, float | None], slot: str, where: str) -> float:
    if slot not in slots:
        raise FormatError(f"{where}: no time slot {slot!r}; is the file truncated?")
    seconds = slots[slot]
    if seconds is None:
        raise FormatError(f"{where}: expected a time in time slot {slot!r}, found none")
    return seconds


def _labels(tiers: Sequence[_Tier]) -> dict[str, str]:
    """Return emotions by the identifiers of the turns they refer to."""
    speakers = [tier for tier in tiers if not tier.is_dependent and not tier.is_emotions]
    turns = Counter(_get(each, "ANNOTATION_ID") for tier in speakers for each in tier.aligned())
    twice = next((name for name, times in turns.items() if times > 1), None)
    if twice is not None:
        raise FormatError(f"expected one annotation {twice!r}, found two")
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
            dropped = f"dropped {len(more)} emotions (first {more[0]})"
            warn(f"tier {tier.name!r}: {dropped}: their turn does not exist or has one already")
    return labels


def _warn_of_dependent(tiers: Iterable[_Tier]) -> None:
    depend = [tier for tier in tiers if tier.is_dependent and not tier.is_emotions]
    if names := [repr(tier.name) for tier in depend if len(tier.element)]:
        warn(f"dropped dependent tiers, which have no turns: {', '.join(names)}")


def _value(element: Element) -> str:
    return (element.findtext("ANNOTATION_VALUE") or "").strip()


def _get(element: Element, name: str) -> str:
    value = element.get(name)
    if value is None:
        known = " ".join(f"{key}={each!r}" for key, each in element.items())
        raise FormatError(f"expected {name} in <{element.tag} {known}>, found none")
    return value
