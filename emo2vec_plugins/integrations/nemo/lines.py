"""Lines of NeMo manifests: reading them, finding their audio, and writing them.

A manifest has one JSON object per line. Like NeMo, this module keeps unknown keys. It writes
unchanged values with exactly the same characters.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.core import Dialogue, Permissions, Turn, kind_of_location, shown
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files import expanded, from_json, lines_or_errors, reading
from emo2vec_plugins.formats import read_rttm
from emo2vec_plugins.integrations import chosen_recording

if TYPE_CHECKING:
    from emo2vec_plugins.core import Audio

AUDIO = ("audio_filepath", "audio_filename")
"""Keys of the audio file. NeMo accepts either."""

RTTM = ("rttm_filepath", "rttm_filename", "rttm_file")
"""Keys of the RTTM file. NeMo accepts any of them."""

_BETWEEN = re.compile(r"[\s,:]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestLine:
    """One line of a manifest: a source for `annotate`, and its result.

    Attributes:
        record: The JSON object.
        text: The text of the line, without the line break.
        manifest: The file of the line. Paths are relative to its folder.
        number: Number of the line, from 1.
        emotions: The scored turns; None before scoring, or if a label was kept.
    """

    record: Mapping[str, Any]
    text: str
    manifest: Path
    number: int
    emotions: Dialogue | None = None

    def with_record(self, record: Mapping[str, Any], emotions: Dialogue) -> ManifestLine:
        """Return a copy with *record*. Unchanged values keep their text."""
        # By identity, because True equals 1 but has other characters.
        known = {k: v for k, v in members(self.text).items() if record.get(k) is self.record[k]}
        written = [
            known.get(key) or f"{json.dumps(key)}: {json.dumps(value)}"
            for key, value in record.items()
        ]
        text = "{" + ", ".join(written) + "}"
        return replace(self, record=record, text=text, emotions=emotions)

    @property
    def recording(self) -> str:
        """NeMo's name of the recording: ``uniq_id``, or the stem of the audio file."""
        named = self.record.get("uniq_id")
        return str(named) if named else Path(str(_first(self.record, AUDIO) or "")).stem

    @property
    def has_rttm(self) -> bool:
        """Whether the line has an RTTM with speaker turns."""
        return bool(_first(self.record, RTTM))

    @property
    def has_audio_file(self) -> bool:
        """Whether the line names a single audio file that exists."""
        try:
            return self.audio().is_file()
        except FormatError:
            return False

    @property
    def names_relative_files(self) -> bool:
        """Whether the path of the audio or RTTM is relative to the folder of the manifest."""
        given = [_first(self.record, keys) for keys in (AUDIO, RTTM)]
        paths = [each for each in given if isinstance(each, str) and not kind_of_location(each)]
        return not all(expanded(path).is_absolute() for path in paths)

    def audio(self) -> Path:
        """Return the path of the audio file, which may be missing.

        Raises:
            FormatError: If the line does not name exactly one file, or names a URL or a command.
        """
        return self._path(AUDIO)

    def turns(self, audio: Audio) -> list[Turn]:
        """Return the line's part of *audio* as one turn, or the RTTM's turns within that part.

        Raises:
            FormatError: If a value has another type, or the RTTM is malformed or of other
                recordings.
            InvalidTurnError: If the part ends before it starts.
            AudioError: If the line has no duration, and that of the audio cannot be read.
            NotAllowedError: If the RTTM is a named pipe or a device.
            OSError: If the RTTM cannot be read.
        """
        start, duration = self._seconds("offset") or 0.0, self._seconds("duration")
        channel = self._channel()
        if not self.has_rttm:
            end = max(start, audio.length / audio.rate) if duration is None else start + duration
            return [Turn(start=start, end=end, channel=channel)]
        # Turns are truncated to the part. Turns of no length inside it are kept.
        end = math.inf if duration is None else start + duration
        rttm = self._path(RTTM)
        Permissions().check_file(rttm)  # reading a named pipe would block
        reading(rttm)
        recordings = read_rttm(rttm)
        names = (self.recording, self.audio().stem)
        spoken = chosen_recording(recordings, *names).turns if recordings else ()
        return [
            replace(turn, start=max(turn.start, start), end=min(turn.end, end), channel=channel)
            for turn in spoken
            if max(turn.start, start) < min(turn.end, end) or start <= turn.start == turn.end < end
        ]

    def _path(self, keys: tuple[str, ...]) -> Path:
        given = _first(self.record, keys)
        if not isinstance(given, str) or not given or not _is_name(given):
            raise FormatError(
                f"expected {keys[0]!r} to be the path of one file, found {shown(given)}"
            )
        path = expanded(given)
        beside = self.manifest.parent / path
        try:
            # As in NeMo: first the folder of the manifest, then the working directory.
            found = next((each for each in (beside, path) if each.is_file()), None)
        except OSError as error:  # a name that is too long
            raise FormatError(f"{keys[0]!r}: {error.strerror}: {shown(given)}") from error
        if found is None and (kind := kind_of_location(given)):
            raise FormatError(
                f"{keys[0]!r}: {shown(given)}: {kind} are not supported in NeMo manifests; save the "
                "data as a file and name it"
            )
        return found or beside

    def _seconds(self, key: str) -> float | None:
        value = self.record.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise FormatError(f"expected {key!r} to be a number of seconds, found {shown(value)}")
        return float(value)

    def _channel(self) -> tuple[int, ...] | None:
        value = self.record.get("channel_selector")
        if value is None or value == "average":
            return None
        several = value if isinstance(value, list) else [value]
        if not several or not all(type(each) is int for each in several):  # bool is rejected
            what = "a number, several, or 'average'"
            raise FormatError(f"expected 'channel_selector' to be {what}, found {shown(value)}")
        return tuple(several)


@dataclass(frozen=True, slots=True, kw_only=True)
class BadLine:
    """A line of a manifest that is not a JSON object with audio.

    Attributes:
        number: Number of the line, from 1.
        raw: The line, without its line feed; None for a rest of the file that cannot be read.
        reason: What is wrong, with the file and the line.
    """

    number: int
    raw: bytes | None
    reason: str


def read_manifest(path: str | os.PathLike[str]) -> Iterator[ManifestLine]:
    """Yield the lines of a manifest, lazily and in order. Like NeMo, skip blank lines.

    Args:
        path: A file of JSON lines in UTF-8.

    Raises:
        FormatError: If a line is not a JSON object, or its audio is in a tar file. The message has
            the file and the line number.
        OSError: If the file cannot be read.
    """
    for line in read_lines(path):
        if isinstance(line, BadLine):
            raise FormatError(line.reason)
        yield line


def read_lines(path: str | os.PathLike[str]) -> Iterator[ManifestLine | BadLine]:
    """Yield the lines of a manifest as `read_manifest` does, but bad lines instead of errors."""
    manifest = Path(path)
    for number, data in lines_or_errors(manifest):
        if isinstance(data, FormatError):
            yield BadLine(number=number, raw=None, reason=str(data))
        else:
            yield _line(data, manifest, number)


def _line(data: bytes, manifest: Path, number: int) -> ManifestLine | BadLine:
    try:
        return _parsed(data, manifest, number)
    except FormatError as error:
        return BadLine(number=number, raw=data.removesuffix(b"\n"), reason=str(error))


def _parsed(data: bytes, manifest: Path, number: int) -> ManifestLine:
    where = f"{manifest}: line {number}"
    try:
        # Only the first line can begin with a byte-order mark.
        text = data.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        # Half a character is written as it was read.
        record = from_json(text, where=where, surrogates=True)
    except UnicodeDecodeError as error:
        raise FormatError(f"{where}: expected text in UTF-8: {error.reason}") from error
    except FormatError as error:
        # The usual cause is a killed writer.
        hint = (
            "" if data.endswith(b"\n") else "; the file may be truncated: no line break at its end"
        )
        raise FormatError(f"{error}{hint}") from error
    if not isinstance(record, dict):
        raise FormatError(f"{where}: expected a JSON object, found a {type(record).__name__}")
    line = ManifestLine(record=record, text=text, manifest=manifest, number=number)
    if "shard_id" in record and not line.has_audio_file:
        raise FormatError(f"{where}: the audio is in a tar file (shard_id); unpack it first")
    return line


def members(text: str) -> dict[str, str]:
    """Return the unchanged text of each member of a JSON object, ``"key": value``, by its key.

    >>> members('{"a":1.50, "b" : [ ]}')
    {'a': '"a":1.50', 'b': '"b" : [ ]'}
    """
    # raw_decode returns where a value ends, so that its text can be kept. dumps would change it:
    # 1.50 becomes 1.5, and escapes differ.
    decoder = json.JSONDecoder()
    found = {}
    start = _after(text, text.index("{") + 1)
    while text[start] != "}":
        key, end = decoder.raw_decode(text, start)
        _, end = decoder.raw_decode(text, _after(text, end))
        found[key] = text[start:end]
        start = _after(text, end)
    return found


def _after(text: str, position: int) -> int:
    """Return the position of the next key or value."""
    match = _BETWEEN.match(text, position)
    return position if match is None else match.end()


def _is_name(text: str) -> bool:
    """Return whether a file can have this name: it has no null character and no half one."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def _first(record: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((record[key] for key in keys if record.get(key) is not None), None)
