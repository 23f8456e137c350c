"""The lines of NeMo's manifests: reading them, finding their audio, and writing them again.

NeMo reads JSON objects, one a line, and leaves keys alone that it does not know. So does this: a
line is written again with the very characters of what it had.
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

from emo2vec_plugins.core import Dialogue, Turn
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats import read_rttm
from emo2vec_plugins.integrations import chosen_recording

if TYPE_CHECKING:
    from emo2vec_plugins.core import Audio

AUDIO = ("audio_filepath", "audio_filename")
"""Keys of the audio, either of which NeMo takes."""

RTTM = ("rttm_filepath", "rttm_filename", "rttm_file")
"""Keys of the speaker turns, any of which NeMo takes."""

_BETWEEN = re.compile(r"[\s,:]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestLine:
    """One line of a manifest: a source for `annotate`, and what comes back for it.

    Attributes:
        record: What the line says.
        text: The line itself, without its end.
        manifest: The file it is from; paths are relative to its folder.
        number: Of the line, from 1.
        emotions: The turns that were scored, with everything about them; None before, and where
            a label is kept.
    """

    record: Mapping[str, Any]
    text: str
    manifest: Path
    number: int
    emotions: Dialogue | None = None

    def with_record(self, record: Mapping[str, Any], emotions: Dialogue) -> ManifestLine:
        """Return a copy with *record*; values that did not change keep their text."""
        # Identity, not equality: 1.50 equals 1.5, True equals 1, and each keeps its characters.
        known = {k: v for k, v in members(self.text).items() if record.get(k) is self.record[k]}
        written = [
            known.get(key) or f"{json.dumps(key)}: {json.dumps(value)}"
            for key, value in record.items()
        ]
        text = "{" + ", ".join(written) + "}"
        return replace(self, record=record, text=text, emotions=emotions)

    @property
    def recording(self) -> str:
        """What NeMo calls the recording: the line's ``uniq_id``, or else the audio's name."""
        named = self.record.get("uniq_id")
        return str(named) if named else Path(str(_first(self.record, AUDIO) or "")).stem

    @property
    def has_rttm(self) -> bool:
        """Whether the line is of a recording with the speaker turns of an RTTM."""
        return bool(_first(self.record, RTTM))

    @property
    def has_audio_file(self) -> bool:
        """Whether the line names one file of audio, and it is there."""
        return isinstance(_first(self.record, AUDIO), str) and self.audio().is_file()

    @property
    def names_relative_files(self) -> bool:
        """Whether the line's audio or RTTM is found from the manifest's folder alone."""
        given = [_first(self.record, keys) for keys in (AUDIO, RTTM)]
        paths = [path for path in given if isinstance(path, str) and "://" not in path]
        return not all(Path(path).expanduser().is_absolute() for path in paths)

    def audio(self) -> Path:
        """Return the path of the audio.

        Raises:
            FormatError: If the line names no file, or several.
        """
        return self._path(AUDIO)

    def turns(self, audio: Audio) -> list[Turn]:
        """Return the line's stretch of *audio*, or the speaker turns in it, cut to it.

        Raises:
            FormatError: If a value is of another type, or the RTTM is malformed or of others.
            InvalidTurnError: If the stretch ends before it starts.
            AudioError: If the stretch reaches to the end of the audio, and that cannot be read.
            OSError: If the RTTM cannot be read.
        """
        start, duration = self._seconds("offset") or 0.0, self._seconds("duration")
        channel = self._channel()
        if not self.has_rttm:
            end = max(start, audio.length / audio.rate) if duration is None else start + duration
            return [Turn(start=start, end=end, channel=channel)]
        # Turns are cut to the line's stretch; one without length is kept if it lies in it.
        end = math.inf if duration is None else start + duration
        recordings = read_rttm(self._path(RTTM))
        names = (self.recording, self.audio().stem)
        spoken = chosen_recording(recordings, *names).turns if recordings else ()
        return [
            replace(turn, start=max(turn.start, start), end=min(turn.end, end), channel=channel)
            for turn in spoken
            if max(turn.start, start) < min(turn.end, end) or start <= turn.start == turn.end < end
        ]

    def _path(self, keys: tuple[str, ...]) -> Path:
        given = _first(self.record, keys)
        if not isinstance(given, str) or not given:
            raise FormatError(
                f"expected {keys[0]!r} to be the path of one file, found {given!r:.100}"
            )
        path = Path(given).expanduser()
        beside = self.manifest.parent / path
        # NeMo's order: beside the manifest, and only then where the process happens to be.
        return beside if beside.is_file() or not path.is_file() else path

    def _seconds(self, key: str) -> float | None:
        value = self.record.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise FormatError(f"expected {key!r} to be a number of seconds, found {value!r:.100}")
        return float(value)

    def _channel(self) -> tuple[int, ...] | None:
        value = self.record.get("channel_selector")
        if value is None or value == "average":
            return None
        several = value if isinstance(value, list) else [value]
        if not several or not all(type(each) is int for each in several):  # True is no channel
            what = "a number, several, or 'average'"
            raise FormatError(f"expected 'channel_selector' to be {what}, found {value!r:.100}")
        return tuple(several)


def read_manifest(path: str | os.PathLike[str]) -> Iterator[ManifestLine]:
    """Yield the lines of a manifest, lazily and in order; blank ones are left out, as in NeMo.

    Args:
        path: Of JSON lines, UTF-8.

    Raises:
        FormatError: If a line is not a JSON object, or its audio is in a tar file; names the file
            and the line.
        OSError: If the file cannot be read.
    """
    manifest = Path(path)
    with manifest.open("rb") as file:
        for number, data in enumerate(file, 1):
            if data.strip():
                yield _line(data, manifest, number)


def _line(data: bytes, manifest: Path, number: int) -> ManifestLine:
    where = f"{manifest}: line {number}"
    try:
        # Only the first line can begin with a byte-order mark; elsewhere it is a character.
        text = data.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        record = json.loads(text)
    except UnicodeDecodeError as error:
        raise FormatError(f"{where}: expected text in UTF-8, found other bytes: {error}") from error
    except (ValueError, RecursionError) as error:
        # The usual cause is a writer that was killed.
        torn = "" if data.endswith(b"\n") else "; the last one, without an end: was it cut off?"
        raise FormatError(f"{where}: expected a JSON object, found none: {error}{torn}") from error
    if not isinstance(record, dict):
        raise FormatError(f"{where}: expected a JSON object, found a {type(record).__name__}")
    line = ManifestLine(record=record, text=text, manifest=manifest, number=number)
    if "shard_id" in record and not line.has_audio_file:
        raise FormatError(f"{where}: its audio is in a tar file (shard_id): unpack it")
    return line


def members(text: str) -> dict[str, str]:
    """Return the members of a JSON object, ``"key": value``, as they are written, by their keys.

    >>> members('{"a":1.50, "b" : [ ]}')
    {'a': '"a":1.50', 'b': '"b" : [ ]'}
    """
    # raw_decode gives where a value ends, so that its text can be kept: dumps would write 1.50 as
    # 1.5, and other escapes.
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
    """Return where the next key or value begins."""
    match = _BETWEEN.match(text, position)
    return position if match is None else match.end()


def _first(record: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((record[key] for key in keys if record.get(key) is not None), None)
