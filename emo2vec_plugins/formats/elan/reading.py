"""Reader for ELAN's annotation documents, written by this package or of other origin.

Independent tiers are speakers' tiers, and every annotation on them is a turn, with or without text.
The speaker is the tier's participant, or else the tier's name. Dependent tiers named ``emotion@``
have the emotions of the turns they refer to, and those named ``reviewed@`` the marks of turns that a
person reviewed. If such a tier has its own times, its annotations are matched by overlap. Other dependent tiers (words, translations) have no turns and are dropped with a warning.

The audio is the first linked medium that is audio, or else the first medium. Properties written by
this package give the recording's name and duration, the digest of exported turns, and the original
path of the audio unless a different file has been linked.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING

from emo2vec_plugins.core import Dialogue, Emotion, counted, shown
from emo2vec_plugins.errors import FormatError, warn
from emo2vec_plugins.files import parsed
from emo2vec_plugins.formats.marks import mark_of
from emo2vec_plugins.formats.names import Escaping
from emo2vec_plugins.formats.spelling import maybe_seconds
from emo2vec_plugins.formats.tiers import (
    EMOTION,
    REVIEWED,
    ReadTier,
    Span,
    emotion_of,
    turns_of,
    warn_of_marks,
)

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

RECORDING, AUDIO, DURATION = "emo2vec:recording", "emo2vec:audio", "emo2vec:duration"
EXPORTED = "emo2vec:exported"
"""Names of the properties that this package writes."""

VALUES = Escaping(str.isprintable)
"""Escaping of the values of properties."""


def loads(text: str) -> list[Dialogue]:
    """Return the one recording of an ELAN document; its name is "" if the document has none.

    Warns about dropped texts and dependent tiers, and about emotions and marks without a turn.

    Raises:
        FormatError: If the text is not an ELAN document, or an annotation has no time; names the
            line or the annotation.
    """
    root = parsed(text)
    if root.tag != "ANNOTATION_DOCUMENT":
        raise FormatError(
            f"expected an ELAN document, <ANNOTATION_DOCUMENT>, found <{root.tag:.100}>"
        )
    header = root.find("HEADER")
    properties = {} if header is None else _properties(header)
    slots = _slots(root)
    tiers = [_Tier(element) for element in root.iter("TIER")]
    _warn_of_dependent(tiers)
    linked = _Linked(labels=_labels(tiers), marks=_marks(tiers))
    read = [tier.read(slots, linked) for tier in tiers if tier.has_times]
    return [
        Dialogue(
            recording=VALUES.unescape(properties[RECORDING]) if RECORDING in properties else "",
            turns=turns_of(read),
            audio=None if header is None else _audio(header, properties.get(AUDIO)),
            duration=maybe_seconds(properties.get(DURATION), f"property {DURATION!r}"),
            exported=properties.get(EXPORTED),
        )
    ]


def _properties(header: Element) -> dict[str, str]:
    unit = header.get("TIME_UNITS", "milliseconds")
    if unit != "milliseconds":
        raise FormatError(f"expected times in milliseconds, found TIME_UNITS={shown(unit)}")
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
        offset = f"{sound.get('TIME_ORIGIN'):.20} ms into the audio {shown(path)}"
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
            raise FormatError(
                f"time slot {shown(name)}: expected milliseconds, found {shown(value)}"
            )
        found[name] = None if value is None else int(value) / 1000
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Linked:
    """Emotions, and marks of reviewed turns, by the identifiers of the turns they refer to."""

    labels: Mapping[str, str]
    marks: Collection[str]


@dataclass(frozen=True, slots=True)
class _Tier:
    """A tier of a document."""

    element: Element

    @property
    def name(self) -> str:
        return _get(self.element, "TIER_ID")

    @property
    def describes_turns(self) -> bool:
        """Return whether the tier has emotions or marks, which belong to turns of another tier."""
        return self.name.startswith((EMOTION, REVIEWED))

    @property
    def is_dependent(self) -> bool:
        return bool(self.element.get("PARENT_REF")) or next(self.references(), None) is not None

    @property
    def has_times(self) -> bool:
        """Return whether the annotations are turns, or emotions or marks with their own times."""
        has_spans = next(self.aligned(), None) is not None
        return not self.is_dependent or (self.describes_turns and has_spans)

    def aligned(self) -> Iterator[Element]:
        return self.element.iter("ALIGNABLE_ANNOTATION")

    def references(self) -> Iterator[Element]:
        return self.element.iter("REF_ANNOTATION")

    def read(self, slots: Mapping[str, float | None], linked: _Linked) -> ReadTier:
        """Return the tier with its turns, or with its emotions or marks if they have times.

        Args:
            slots: Times in seconds by slot.
            linked: What annotations of other tiers say about the turns.
        """
        return ReadTier(
            name=self.name,
            participant=self.element.get("PARTICIPANT", "").strip(),
            spans=tuple(self._span(each, slots, linked) for each in self.aligned()),
            texts=() if self.describes_turns else tuple(filter(None, map(_value, self.aligned()))),
        )

    def _span(self, element: Element, slots: Mapping[str, float | None], linked: _Linked) -> Span:
        name = _get(element, "ANNOTATION_ID")
        where = f"annotation {shown(name)} of tier {shown(self.name)}"
        start, end = (
            _seconds(slots, _get(element, f"TIME_SLOT_REF{number}"), where) for number in (1, 2)
        )
        if end < start:
            raise FormatError(f"{where}: expected an end after the start {start}, found {end}")
        if self.describes_turns:
            return Span(start=start, end=end, label=_value(element))
        label, is_marked = linked.labels.get(name), name in linked.marks
        return Span(start=start, end=end, label=label, reviewed=is_marked)


def _seconds(slots: Mapping[str, float | None], slot: str, where: str) -> float:
    if slot not in slots:
        raise FormatError(f"{where}: no time slot {shown(slot)}; is the file truncated?")
    seconds = slots[slot]
    if seconds is None:
        raise FormatError(f"{where}: expected a time in time slot {shown(slot)}, found none")
    return seconds


def _labels(tiers: Sequence[_Tier]) -> dict[str, str]:
    """Return emotions by the identifiers of the turns they refer to."""
    turns = _turns(tiers)
    twice = next((name for name, times in turns.items() if times > 1), None)
    if twice is not None:
        raise FormatError(f"expected one annotation {shown(twice)}, found two")
    labels: dict[str, str] = {}
    for tier in tiers:
        more = []
        for each in tier.references() if tier.name.startswith(EMOTION) else ():
            turn, value = _get(each, "ANNOTATION_REF"), _value(each)
            if emotion_of(value) == Emotion():
                continue
            if turn in turns and turn not in labels:
                labels[turn] = value
            else:
                more.append(f"annotation {shown(_get(each, 'ANNOTATION_ID'))}, {shown(value)}")
        if more:
            dropped = f"dropped {counted(len(more), 'emotion')} (first {more[0]})"
            warn(
                f"tier {shown(tier.name)}: {dropped}: their turn does not exist or has one already"
            )
    return labels


def _marks(tiers: Sequence[_Tier]) -> set[str]:
    """Return the identifiers of the turns that a person marked as reviewed."""
    turns, marks = _turns(tiers), set[str]()
    for tier in tiers:
        if tier.name.startswith(REVIEWED):
            found = [(_get(each, "ANNOTATION_REF"), _value(each)) for each in tier.references()]
            warn_of_marks(tier.name, (value for _, value in found))
            marked = {turn for turn, value in found if mark_of(value)}
            if lost := marked - turns.keys():
                dropped = f"dropped {counted(len(lost), 'mark')}: their turn does not exist"
                warn(f"tier {shown(tier.name)}: {dropped}")
            marks |= marked
    return marks


def _turns(tiers: Sequence[_Tier]) -> Counter[str]:
    """Count the identifiers of turns."""
    speakers = [tier for tier in tiers if not tier.is_dependent and not tier.describes_turns]
    return Counter(_get(each, "ANNOTATION_ID") for tier in speakers for each in tier.aligned())


def _warn_of_dependent(tiers: Iterable[_Tier]) -> None:
    depend = [tier for tier in tiers if tier.is_dependent and not tier.describes_turns]
    if names := [tier.name for tier in depend if len(tier.element)]:
        warn(f"dropped dependent tiers, which have no turns: {shown(names)[1:-1]}")


def _value(element: Element) -> str:
    return (element.findtext("ANNOTATION_VALUE") or "").strip()


def _get(element: Element, name: str) -> str:
    value = element.get(name)
    if value is None:
        given = f"<{element.tag:.50}> with {shown(dict(element.items()))}"
        raise FormatError(f"expected {name} in {given}, found none")
    return value
