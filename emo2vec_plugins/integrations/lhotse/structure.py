"""What a cut consists of, with a condition for every value that is read when it is scored.

One table describes both the JSON of a manifest, which is checked before Lhotse makes objects of it,
and the objects, which callers may have changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any

from emo2vec_plugins.core import did_you_mean
from emo2vec_plugins.integrations.lhotse.conditions import (
    ALIGNMENT,
    CHANNELS,
    CHANNELS_OR_NONE,
    COUNT,
    COUNT_OR_NONE,
    DATA,
    FIELDS,
    ID,
    LENGTH,
    LIST,
    NAME,
    NUMBERS,
    OBJECT,
    RATE,
    RATIO,
    SECONDS,
    TEXT,
    Check,
    Checked,
    several,
)
from emo2vec_plugins.integrations.lhotse.transform_checks import (
    arguments_of,
    name_of,
    values_of_transforms,
)


@dataclass(frozen=True)
class _Kind:
    """A class of Lhotse.

    Attributes:
        values: Conditions of its fields.
        parts: Fields with one object of another kind.
        lists: Fields with several of them.
        is_open: Whether Lhotse ignores other fields in JSON.
    """

    values: dict[str, Check] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    lists: dict[str, str] = field(default_factory=dict)
    is_open: bool = False


_CUT = {"id": ID, "duration": LENGTH, "custom": FIELDS}
_DATA_CUT = _CUT | {"start": SECONDS, "supervisions": LIST}
_DATA_PARTS = {"recording": "Recording", "features": "Features"}
_TURN = {
    "id": ID,
    "recording_id": NAME,
    "start": SECONDS,
    "duration": SECONDS,
    "speaker": NAME,
    "custom": FIELDS,
    "alignment": ALIGNMENT,
}

_KINDS = {
    "MonoCut": _Kind(
        _DATA_CUT | {"channel": NUMBERS}, _DATA_PARTS, {"supervisions": "SupervisionSegment"}
    ),
    "MultiCut": _Kind(
        _DATA_CUT | {"channel": CHANNELS}, _DATA_PARTS, {"supervisions": "SupervisionOfChannels"}
    ),
    "PaddingCut": _Kind(_CUT | {"sampling_rate": RATE, "num_samples": COUNT_OR_NONE}),
    "MixedCut": _Kind(
        {"id": ID, "tracks": several("tracks")},
        {"snr_reference": "MixTrack"},
        {"tracks": "MixTrack"},
        is_open=True,
    ),
    "MixTrack": _Kind({"offset": LENGTH, "snr": RATIO}),
    "SupervisionSegment": _Kind(_TURN),
    "SupervisionOfChannels": _Kind(_TURN | {"channel": NUMBERS}),
    "Recording": _Kind(
        {
            "id": ID,
            "sampling_rate": RATE,
            "num_samples": COUNT,
            "duration": LENGTH,
            "channel_ids": CHANNELS_OR_NONE,
            "sources": several("sources"),
        },
        lists={"sources": "AudioSource"},
    ),
    "AudioSource": _Kind(
        {"type": TEXT, "channels": CHANNELS, "source": DATA}, {"video": "VideoInfo"}
    ),
    "VideoInfo": _Kind(),
    "Features": _Kind({"sampling_rate": RATE}),
    "Image": _Kind(),
    "FastRandomRIRGenerator": _Kind(),
}
_CUTS = ("MonoCut", "MultiCut", "PaddingCut", "MixedCut")
_OLD_CUT = "Cut"
"""Name of a MonoCut in old manifests."""

_MAY_LACK = {"frame_shift", "storage_path"}
"""Fields that old features lack; Lhotse adds them."""


def values_of_cut(cut: Any, at: str = "") -> Iterator[Checked]:
    """Yield every value of a cut, in JSON or as an object, with its place and its condition.

    Args:
        cut: A cut, or a JSON object.
        at: Where it is, as the start of a place: ``"track 1, "``.
    """
    kind: Any = cut.get("type") if isinstance(cut, dict) else _kind_of(cut)
    is_cut = isinstance(kind, str) and kind in (*_CUTS, _OLD_CUT)
    yield f"{at}type", kind, (lambda _: is_cut, f"a cut, one of {', '.join(_CUTS)},")
    kind = "MonoCut" if kind == _OLD_CUT else kind
    yield from _values_of(cut, kind, at)
    if kind == "MixedCut":
        yield from _transforms_of(cut, at)


def _values_of(holder: Any, kind: str, at: str) -> Iterator[Checked]:
    """Yield the values of an object of a known kind, or of JSON that describes one."""
    where, described = at.removesuffix(", ") or "the cut", _KINDS[kind]
    is_json = isinstance(holder, dict)
    if is_json:
        yield from _names_in(holder, kind, where)
    else:
        yield where, holder, (lambda v: isinstance(v, _class_of(kind)), f"a {kind}")
    present = holder if is_json else vars(holder)
    for name, check in described.values.items():
        if name in present:
            yield f"{at}{name}", present[name], check
    for name, part in described.parts.items():
        value = present.get(name)
        if value is not None or (is_json and name in present):
            yield from _part_of(value, part, f"{at}{name}, ", is_json=is_json)
    for name, part in described.lists.items():
        for index, value in enumerate(present.get(name, [])):
            place = f"{at}{name.removesuffix('s')} {index}, "
            yield from _part_of(value, part, place, is_json=is_json)
    if is_json:  # Lhotse makes objects of these
        yield f"{at}alignment", present.get("alignment", {}), OBJECT
        yield from _objects_in(present.get("custom") or {}, at)


def _part_of(value: Any, kind: str, at: str, *, is_json: bool) -> Iterator[Checked]:
    """Yield the values of a part; parts of JSON are JSON, and those of objects are objects."""
    if is_json:
        yield at.removesuffix(", "), value, OBJECT
    yield from _values_of(value, kind, at)
    if kind == "Recording":
        yield from _channels_of(value, at)
        yield from _transforms_of(value, at)
    if kind == "MixTrack":
        inner = value["cut"] if is_json else value.cut
        if is_json:
            yield f"{at}cut", inner, OBJECT
            inner = inner | {"type": value["type"]}
        yield from values_of_cut(inner, at)
        is_mixed = "tracks" in inner if is_json else isinstance(inner, _class_of("MixedCut"))
        yield f"{at}cut", "MixedCut", (lambda _: not is_mixed, "a cut that is not mixed itself")


def _channels_of(recording: Any, at: str) -> Iterator[Checked]:
    """Yield the channels of a recording: Lhotse loads nothing for one that no source has."""
    present = recording if isinstance(recording, dict) else vars(recording)
    listed = [
        source["channels"] if isinstance(source, dict) else source.channels
        for source in present["sources"]
    ]
    known = {channel for channels in listed for channel in channels}
    are_known: Check = (
        lambda v: known.issuperset(v or ()),
        "numbers of channels that the sources have",
    )
    yield f"{at}channel_ids", present.get("channel_ids"), are_known


def _names_in(record: dict[str, Any], kind: str, where: str) -> Iterator[Checked]:
    """Yield the names of fields: Lhotse passes them on as arguments."""
    known, needed = _fields_of(_class_of(kind))
    if kind in _CUTS or kind == "MixTrack":
        known, needed = known | {"type"}, needed | {"type"}
    yield from _named(record, known, needed - _MAY_LACK, where, _KINDS[kind].is_open)


def _named(
    record: dict[str, Any], known: set[str], needed: set[str], where: str, is_open: bool = False
) -> Iterator[Checked]:
    for name in sorted(needed - record.keys()):
        yield where, record, (lambda _: False, f"the field {name!r}")
    if not is_open:
        for name in sorted(record.keys() - known):
            yield where, record, (lambda _: False, f"no field {name!r}{did_you_mean(name, known)}")


def _transforms_of(holder: Any, at: str) -> Iterator[Checked]:
    """Yield the values of the transforms of a recording or a mixed cut."""
    is_json = isinstance(holder, dict)
    transforms = holder.get("transforms", []) if is_json else holder.transforms
    if is_json:
        yield f"{at}transforms", transforms, LIST
    for name, value, check in values_of_transforms(transforms):
        yield f"{at}{name}", value, check
    for index, transform in enumerate(transforms or ()):
        arguments, place = arguments_of(transform), f"{at}transform {index}, "
        if isinstance(transform, dict):
            yield from _arguments_in(arguments, name_of(transform), place)
        response = arguments.get("rir")
        if response is not None:
            yield from _values_of_response(response, f"{place}rir, ")


def _arguments_in(arguments: dict[str, Any], name: str, at: str) -> Iterator[Checked]:
    from lhotse.augmentation import AudioTransform

    kind: Any = AudioTransform.KNOWN_TRANSFORMS[name]
    is_described = is_dataclass(kind)  # the user's own may not be
    if is_described:
        yield from _named(arguments, *_fields_of(kind), f"{at}{name}")
    generator = arguments.get("rir_generator")
    if isinstance(generator, dict):
        yield from _names_in(generator, "FastRandomRIRGenerator", f"{at}rir_generator")


def _values_of_response(response: Any, at: str) -> Iterator[Checked]:
    """Yield the values of an impulse response, a recording or a cut."""
    is_json = isinstance(response, dict)
    recording = _class_of("Recording")
    is_recording = "sources" in response if is_json else isinstance(response, recording)
    if is_recording:
        yield from _part_of(response, "Recording", at, is_json=is_json)
    else:
        yield from values_of_cut(response, at)


def _objects_in(custom: dict[str, Any], at: str) -> Iterator[Checked]:
    """Yield the values of custom fields in JSON that Lhotse takes for recordings or images."""
    for name, value in custom.items():
        place = f"{at}custom, {name}, "
        if isinstance(value, dict) and value.keys() >= {"id", "sources", "sampling_rate"}:
            yield from _part_of(value, "Recording", place, is_json=True)
        elif isinstance(value, dict) and "width" in value:
            yield from _part_of(value, "Image", place, is_json=True)


def _kind_of(cut: Any) -> str:
    """Return the name of Lhotse's class of a cut, also if it is an instance of a subclass."""
    kinds = (kind for kind in _CUTS if isinstance(cut, _class_of(kind)))
    return next(kinds, type(cut).__name__)


@cache
def _class_of(kind: str) -> Any:
    import lhotse
    from lhotse import augmentation, cut
    from lhotse.audio import AudioSource, VideoInfo

    named = {"SupervisionOfChannels": lhotse.SupervisionSegment, "Image": lhotse.Image}
    named |= {"AudioSource": AudioSource, "VideoInfo": VideoInfo}
    for module in (lhotse, cut, augmentation):
        if kind not in named and hasattr(module, kind):
            return getattr(module, kind)
    return named[kind]


@cache
def _fields_of(kind: Any) -> tuple[set[str], set[str]]:
    """Return the names of the fields of a class, and those without a default."""
    found = fields(kind)
    needed = {
        each.name for each in found if each.default is MISSING and each.default_factory is MISSING
    }
    return {each.name for each in found}, needed
