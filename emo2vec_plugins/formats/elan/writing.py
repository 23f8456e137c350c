"""Writer for ELAN's annotation documents (.eaf).

Every speaker has a tier of turns, with the speaker as participant, and a dependent tier
``emotion@SPEAKER``, which refers to the turns: when a turn is moved in ELAN, its emotion moves with it.
Annotators choose emotions from a controlled vocabulary, and mark turns that they reviewed on a third
tier, ``reviewed@SPEAKER``. `emo2vec_plugins.formats.tiers` describes the
names of tiers, and `emo2vec_plugins.formats.elan.reading` the reader.

The audio is linked as ELAN links it: with an absolute ``file:`` URL without escapes, because ELAN uses
the part after the scheme as a path, and with a relative URL for documents that move. Properties store
the original path, the recording's name and duration, and the digest of exported turns.

Scores are not written: after a correction, the score would belong to a different label.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path, PurePosixPath, PureWindowsPath
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from emo2vec_plugins.core import EMOTIONS, UNSCORED, Dialogue, Format
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats.elan.reading import (
    AUDIO,
    DURATION,
    EXPORTED,
    RECORDING,
    VALUES,
    loads,
)
from emo2vec_plugins.formats.fidelity import MILLISECONDS, only
from emo2vec_plugins.formats.marks import YES
from emo2vec_plugins.formats.tiers import EMOTION, REVIEWED, Tier, tiers_of

LEAST_TICKS = 1

_DOCUMENT = {
    "AUTHOR": "emo2vec_plugins",
    "DATE": "1970-01-01T00:00:00+00:00",  # required; fixed, so the same turns give the same file
    "FORMAT": "3.0",
    "VERSION": "3.0",
    "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
    "xsi:noNamespaceSchemaLocation": "http://www.mpi.nl/tools/elan/EAFv3.0.xsd",
}
_LANGUAGE = {
    "LANG_DEF": "http://cdb.iso.org/lg/CDB-00130975-001",
    "LANG_ID": "und",
    "LANG_LABEL": "undetermined (und)",
}
_ASSOCIATION = {
    "DESCRIPTION": "1-1 association with a parent annotation",
    "STEREOTYPE": "Symbolic_Association",
}
_TURNS, _EMOTIONS, _REVIEWED = "turns", "emotions", "reviewed"
_MARK = "cveid-yes"
_MIME_TYPES = {
    "wav": "audio/x-wav",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    **dict.fromkeys(("mpg", "mpeg"), "video/mpeg"),
}
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def dumps(dialogues: Sequence[Dialogue]) -> str:
    """Return the ELAN document of one recording.

    Raises:
        FormatError: If there is not exactly one recording, a turn starts before 0, or the path of
            the audio has control characters.
    """
    dialogue = only(dialogues, "an ELAN document")
    tiers = tiers_of(dialogue, rate=MILLISECONDS, least=LEAST_TICKS)
    entries = _entries(tiers)
    document = Element("ANNOTATION_DOCUMENT", _DOCUMENT)
    _add_header(document, dialogue)
    _add_tiers(document, tiers, entries)
    _add_types(document)
    SubElement(document, "LANGUAGE", _LANGUAGE)
    SubElement(document, "CONSTRAINT", _ASSOCIATION)
    _add_vocabulary(document, _EMOTIONS, "Emotions of turns", entries)
    _add_vocabulary(document, _REVIEWED, "Marks of turns whose emotion is right", {YES: _MARK})
    indent(document, "    ")
    # End empty elements as ELAN does, or ACT, for R, finds no times. Names and values have no ">".
    text = tostring(document, encoding="unicode").replace(" />", "/>")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


ELAN = Format(
    name="elan",
    suffixes=(".eaf",),
    description="ELAN: tiers of turns, emotions and marks for each speaker; scores are lost",
    dumps=dumps,
    loads=loads,
    holds=frozenset(
        {"empty", "recording", "audio", "recording_duration", "speaker", "label", "reviewed"}
    ),
    ticks=MILLISECONDS,
    least=LEAST_TICKS,
)


def _add_header(document: Element, dialogue: Dialogue) -> None:
    header = SubElement(document, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    if dialogue.audio is not None:
        SubElement(header, "MEDIA_DESCRIPTOR", _media(dialogue.audio))
    # ELAN continues to number new annotations from here.
    used = 2 * len(dialogue.turns) + sum(each.emotion.reviewed for each in dialogue.turns)
    last = {"lastUsedAnnotationId": str(used)}
    given = {
        RECORDING: VALUES.escape(dialogue.recording),
        AUDIO: None if dialogue.audio is None else VALUES.escape(dialogue.audio),
        DURATION: None if dialogue.duration is None else repr(float(dialogue.duration)),
        EXPORTED: dialogue.exported,
    }
    for name, value in (last | given).items():
        if value is not None:
            SubElement(header, "PROPERTY", {"NAME": name}).text = value


def _media(audio: str) -> dict[str, str]:
    bad = _NOT_XML.search(audio)
    if bad:
        found = f"the character {bad.group()!r}, found in the path of the audio, {audio!r}"
        raise FormatError(f"XML cannot store {found}")
    suffix = PurePosixPath(audio).suffix.removeprefix(".").casefold()
    kind = {"MIME_TYPE": _MIME_TYPES.get(suffix, "audio/*")}
    if "://" in audio:
        return {"MEDIA_URL": audio} | kind
    windows = PureWindowsPath(audio)
    if windows.drive:
        return {"MEDIA_URL": _url(windows.as_posix()), **kind, **_relative(windows.name)}
    path = Path(audio)
    near = path.name if path.is_absolute() else path.as_posix()
    return {"MEDIA_URL": _url(path.absolute().as_posix()), **kind, **_relative(near)}


def _url(path: str) -> str:
    return "file:" + path if path.startswith("//") else "file:///" + path.removeprefix("/")


def _relative(path: str) -> dict[str, str]:
    return {"RELATIVE_MEDIA_URL": path if path.startswith("../") else f"./{path}"}


def _entries(tiers: Sequence[Tier]) -> dict[str, str]:
    """Return the identifiers of all emotions in the vocabulary, including those of the turns."""
    used = sorted({each.label for tier in tiers for each in tier.segments})
    labels = dict.fromkeys([*EMOTIONS, UNSCORED, *used])
    return {label: f"cveid{number}" for number, label in enumerate(labels)}


def _add_tiers(document: Element, tiers: Sequence[Tier], entries: dict[str, str]) -> None:
    slots = _add_slots(document, tiers)
    numbers = count(1)
    for place, tier in enumerate(tiers):
        of = {"PARTICIPANT": tier.speaker}
        own = {"LINGUISTIC_TYPE_REF": _TURNS, **of, "TIER_ID": tier.name}
        turns = SubElement(document, "TIER", own)
        below = {"PARENT_REF": tier.name, **of}
        emotions, marks = (
            SubElement(document, "TIER", {"LINGUISTIC_TYPE_REF": kind, **below, "TIER_ID": name})
            for kind, name in ((_EMOTIONS, EMOTION + tier.name), (_REVIEWED, REVIEWED + tier.name))
        )
        for index, each in enumerate(tier.segments):
            turn = f"a{next(numbers)}"
            start, end = slots[place, index, 1], slots[place, index, 0]
            times = {"ANNOTATION_ID": turn, "TIME_SLOT_REF1": start, "TIME_SLOT_REF2": end}
            _add_annotation(turns, "ALIGNABLE_ANNOTATION", times, "")
            described = [(emotions, entries[each.label], each.label)]
            described += [(marks, _MARK, YES)] if each.reviewed else []
            for below_it, entry, value in described:
                refers = {"ANNOTATION_REF": turn, "CVE_REF": entry}
                given = {"ANNOTATION_ID": f"a{next(numbers)}", **refers}
                _add_annotation(below_it, "REF_ANNOTATION", given, value)


def _add_annotation(tier: Element, kind: str, attributes: dict[str, str], value: str) -> None:
    annotation = SubElement(SubElement(tier, "ANNOTATION"), kind, attributes)
    SubElement(annotation, "ANNOTATION_VALUE").text = value


def _add_slots(document: Element, tiers: Sequence[Tier]) -> dict[tuple[int, int, int], str]:
    """Add the time slots, sorted by time with ends before starts; return their names.

    The keys are a tier's index, a segment's index on it, and 0 for its end or 1 for its start.
    """
    times = sorted(
        (time, is_start, place, index)
        for place, tier in enumerate(tiers)
        for index, each in enumerate(tier.segments)
        for is_start, time in enumerate((each.end, each.start))
    )
    order = SubElement(document, "TIME_ORDER")
    names = {}
    for number, (time, is_start, place, index) in enumerate(times, 1):
        name = names[place, index, is_start] = f"ts{number}"
        SubElement(order, "TIME_SLOT", {"TIME_SLOT_ID": name, "TIME_VALUE": str(time)})
    return names


def _add_types(document: Element) -> None:
    plain = {"GRAPHIC_REFERENCES": "false"}
    turns = {"LINGUISTIC_TYPE_ID": _TURNS, "TIME_ALIGNABLE": "true"}
    SubElement(document, "LINGUISTIC_TYPE", plain | turns)
    for name in (_EMOTIONS, _REVIEWED):
        below = {
            "CONSTRAINTS": _ASSOCIATION["STEREOTYPE"],
            "CONTROLLED_VOCABULARY_REF": name,
            "LINGUISTIC_TYPE_ID": name,
            "TIME_ALIGNABLE": "false",
        }
        SubElement(document, "LINGUISTIC_TYPE", plain | below)


def _add_vocabulary(
    document: Element, name: str, description: str, entries: Mapping[str, str]
) -> None:
    vocabulary = SubElement(document, "CONTROLLED_VOCABULARY", {"CV_ID": name})
    language = {"LANG_REF": _LANGUAGE["LANG_ID"]}
    SubElement(vocabulary, "DESCRIPTION", language).text = description
    for label, identity in entries.items():
        entry = SubElement(vocabulary, "CV_ENTRY_ML", {"CVE_ID": identity})
        SubElement(entry, "CVE_VALUE", language).text = label
