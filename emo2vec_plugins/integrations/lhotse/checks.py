"""Checks of cuts: Lhotse constructs them from JSON without checking types.

A value of the wrong type would raise an error far from the line it comes from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from numbers import Integral, Real
from typing import Any

from emo2vec_plugins.core import shown
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files import from_json

MOST_SECONDS = 1e9
"""Largest time in a cut: 32 years. The number of the sample at a larger time may not be finite."""

Check = tuple[Callable[[Any], bool], str]
"""A condition for a value, and the words for it in an error."""


def _is_number(value: Any) -> bool:
    # Numbers of NumPy are real numbers, too.
    return type(value) in (int, float) or (isinstance(value, Real) and not isinstance(value, bool))


def _is_whole(value: Any) -> bool:
    return type(value) is int or (isinstance(value, Integral) and not isinstance(value, bool))


def _is_channel(value: Any) -> bool:
    return _is_whole(value) and 0 <= value < MOST_SECONDS


def _are_channels(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) > 0 and all(map(_is_channel, value))


_SECONDS: Check = (lambda v: _is_number(v) and abs(v) <= MOST_SECONDS, "a number of seconds")
_LENGTH: Check = (lambda v: _is_number(v) and 0 <= v <= MOST_SECONDS, "a length in seconds")
_RATE: Check = (lambda v: _is_whole(v) and 0 < v <= MOST_SECONDS, "a sampling rate in Hz")
_COUNT: Check = (lambda v: _is_whole(v) and v >= 0, "a number of samples")
_TEXT: Check = (lambda v: isinstance(v, str), "a string")
_ID: Check = (lambda v: isinstance(v, str | int | float), "an id")
_NAME: Check = (lambda v: v is None or isinstance(v, str | int | float), "a name")
_FIELDS: Check = (lambda v: v is None or isinstance(v, dict), "an object with fields")
_NUMBERS: Check = (lambda v: _is_channel(v) or _are_channels(v), "a channel number, or several")
_CHANNELS: Check = (_are_channels, "a list of channel numbers")
_DATA: Check = (lambda v: isinstance(v, str | bytes), "a path")
_SEVERAL: Check = (lambda v: isinstance(v, list | tuple) and len(v) > 0, "a list with tracks")
_RATIO: Check = (lambda v: v is None or _is_number(v), "a number")


def cut_in(line: bytes, where: str) -> Any:
    """Return the cut in a line of a manifest.

    Raises:
        FormatError: If the line is not a cut, or a value has the wrong type; begins with *where*.
    """
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise FormatError(f"{where}: expected text in UTF-8: {error.reason}") from error
    return as_cut(from_json(text, where=where), where)


def as_cut(record: Any, where: str) -> Any:
    """Return the cut that JSON values describe. Raises the errors of `cut_in`."""
    from lhotse.cut import Cut
    from lhotse.cut.set import deserialize_cut

    if not isinstance(record, dict) or "type" not in record:
        found = _kind_of(record)
        raise FormatError(
            f"{where}: expected a cut, found {found}; create cuts with 'lhotse cut simple'"
        )
    for at, custom in _custom_fields(record):
        if not isinstance(custom, dict | None):
            raise FormatError(f"{where}: expected an object in {at}custom, found {shown(custom)}")
    try:
        cut = deserialize_cut(record)
        problem = problem_of(cut) if isinstance(cut, Cut) else f"found a {type(cut).__name__}"
    # Lhotse raises errors of any kind for values that it does not expect.
    except Exception as error:
        why = f"{type(error).__name__}: {error}"[:200]
        raise FormatError(f"{where}: not a cut that Lhotse can read: {why}") from error
    if problem is not None:
        raise FormatError(f"{where}: {problem}")
    return cut


def _custom_fields(record: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the custom fields of a cut and its parts, with their places.

    Lhotse changes them while it reads them, so that another type is an error without a place.
    """
    yield "", record.get("custom")
    for name in ("supervisions", "tracks"):
        parts = record.get(name)
        for index, part in enumerate(parts if isinstance(parts, list) else ()):
            at, holder = f"{name[:-1]} {index}, ", part
            if name == "tracks" and isinstance(part, dict):
                holder = part.get("cut")
            if isinstance(holder, dict):
                yield from ((f"{at}{inner}", custom) for inner, custom in _custom_fields(holder))


def problem_of(cut: Any) -> str | None:
    """Describe the first value of a cut that has the wrong type; None if there is none."""
    for name, value, (is_valid, expected) in _values(cut):
        if not is_valid(value):
            return f"expected {expected} in {name}, found {shown(value)}"
    return None


def _values(cut: Any) -> Iterator[tuple[str, Any, Check]]:
    """Yield (name, value, check) of everything that is read when a cut is scored."""
    kind = type(cut).__name__
    if kind != "MixedCut":
        yield from _values_of_holder(cut, kind)
        return
    yield "id", cut.id, _ID
    yield "tracks", cut.tracks, _SEVERAL
    for index, track in enumerate(cut.tracks):
        at, inner = f"track {index}, ", type(track.cut).__name__
        yield f"{at}cut", inner, (lambda v: v != "MixedCut", "a cut that is not mixed itself")
        yield f"{at}offset", track.offset, _SECONDS
        yield f"{at}snr", track.snr, _RATIO
        for name, value, check in _values_of_holder(track.cut, inner):
            yield f"{at}{name}", value, check


def _values_of_holder(cut: Any, kind: str) -> Iterator[tuple[str, Any, Check]]:
    yield "id", cut.id, _ID
    yield "duration", cut.duration, _LENGTH
    yield "custom", cut.custom, _FIELDS
    if kind == "PaddingCut":
        yield "sampling_rate", cut.sampling_rate, _RATE
        return
    yield "start", cut.start, _SECONDS
    yield "channel", cut.channel, _CHANNELS if kind == "MultiCut" else _NUMBERS
    if cut.recording is not None:
        for name, value, check in _values_of_recording(cut.recording):
            yield f"recording, {name}", value, check
    for index, own in enumerate(cut.supervisions):
        at = f"supervision {index}, "
        yield f"{at}id", own.id, _ID
        yield f"{at}start", own.start, _SECONDS
        yield f"{at}duration", own.duration, _SECONDS
        if kind == "MultiCut":
            yield f"{at}channel", own.channel, _NUMBERS
        yield f"{at}speaker", own.speaker, _NAME
        yield f"{at}custom", own.custom, _FIELDS


def _values_of_recording(recording: Any) -> Iterator[tuple[str, Any, Check]]:
    is_recording = type(recording).__name__ == "Recording"
    yield "type", recording, (lambda _: is_recording, "a recording")
    yield "id", recording.id, _ID
    yield "sampling_rate", recording.sampling_rate, _RATE
    yield "num_samples", recording.num_samples, _COUNT
    yield "duration", recording.duration, _LENGTH
    yield "channel_ids", recording.channel_ids, _CHANNELS
    for index, source in enumerate(recording.sources):
        at = f"source {index}, "
        yield f"{at}type", source.type, _TEXT
        yield f"{at}channels", source.channels, _CHANNELS
        yield f"{at}source", source.source, _DATA


def _kind_of(record: Any) -> str:
    """Return what a record is if it is not a cut, as far as its keys tell."""
    if not isinstance(record, dict):
        return f"a {type(record).__name__}"
    if "sources" in record:
        return "a recording"
    return "a supervision" if "recording_id" in record else "an object without a type"
