"""Text files of a Kaldi data folder, parsed as strictly as Kaldi does."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from emo2vec_plugins.core import shown
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files import lines_or_errors

T = TypeVar("T")

_BLANK = re.compile(r"[ \t\r]+")
_TO_THE_END = -1.0

CHANNELS = {"A": 0, "B": 1, "1": 0, "2": 1}
"""Channel of a stereo file, from 0, by its name in ``reco2file_and_channel``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A line of ``segments``.

    Attributes:
        end: Seconds; None for the end of the recording.
        channel: From 0; None if the line has none.
    """

    utterance: str
    recording: str
    start: float
    end: float | None
    channel: int | None = None


def by_bytes(key: str) -> bytes:
    """Return the sort key of the C locale, the order that Kaldi requires in every file."""
    return key.encode("utf-8", "surrogateescape")


def read_table(path: Path, *, rest: bool = False, bad: list[str] | None = None) -> dict[str, str]:
    """Return the keys and values of a file, in file order.

    Args:
        path: ``wav.scp``, ``utt2spk`` or a similar file.
        rest: Whether the value is the rest of the line, which may have spaces.
        bad: Gets the reasons of bad lines, which are skipped.

    Raises:
        FormatError: If a line is malformed or a key is repeated, unless *bad* is given. The message
            has the line number.
        OSError: If the file cannot be read.
    """

    def parse(words: list[str]) -> tuple[str, str]:
        if len(words) != 2:
            what = "a key and a value" if rest else "two words"
            raise FormatError(f"expected {what}, found {shown(' '.join(words))}")
        return words[0], words[1]

    return dict(_lines(path, parse, split=1 if rest else 0, bad=bad))


def read_segments(path: Path, *, bad: list[str] | None = None) -> list[Segment]:
    """Return the segments of a file, in file order.

    Args:
        path: The file.
        bad: Gets the reasons of bad lines, which are skipped.

    Raises:
        FormatError: If a line is malformed or an utterance is repeated, unless *bad* is given. The
            message has the line number.
        OSError: If the file cannot be read.
    """
    return [segment for _, segment in _lines(path, _segment, bad=bad)]


def read_channels(path: Path) -> dict[str, int]:
    """Return the channel of each recording in a ``reco2file_and_channel``.

    Raises:
        FormatError: If a line is malformed. The message has the line number.
        OSError: If the file cannot be read.
    """
    return dict(_lines(path, _channel))


def _lines(
    path: Path,
    parse: Callable[[list[str]], tuple[str, T]],
    *,
    split: int = 0,
    bad: list[str] | None = None,
) -> Iterator[tuple[str, T]]:
    found: dict[str, int] = {}
    for number, line in lines_or_errors(path):
        try:
            entry = _entry(line, parse, split=split, found=found, where=f"{path}: line {number}")
        except FormatError as error:
            if bad is None:
                raise
            bad.append(str(error))
            continue
        if entry is not None:
            found[entry[0]] = number
            yield entry


def _entry(
    line: bytes | FormatError,
    parse: Callable[[list[str]], tuple[str, T]],
    *,
    split: int,
    found: dict[str, int],
    where: str,
) -> tuple[str, T] | None:
    """Return what a line says, or None for one that has only a byte order mark."""
    if isinstance(line, FormatError):
        raise line
    try:
        words = _words(line, split)
        if words == [""]:
            return None
        key, value = parse(words)
        _check_new(key, found)
    except FormatError as error:
        raise FormatError(f"{where}: {error}") from error
    return key, value


def _check_new(key: str, found: dict[str, int]) -> None:
    if key in found:
        raise FormatError(f"{shown(key)} is already in line {found[key]}")


def _words(line: bytes, split: int) -> list[str]:
    try:
        text = line.removesuffix(b"\n").decode()
    except UnicodeDecodeError as error:
        how = "convert the file with 'iconv -f latin1 -t utf8'"
        raise FormatError(f"byte {line[error.start]:#04x} is not UTF-8; {how}") from error
    if "\0" in text:
        raise FormatError("expected text, found a null byte; is the file binary?")
    # Not split(): it also splits at Unicode spaces, which Kaldi reads as letters.
    return _BLANK.split(text.removeprefix("\ufeff").strip(" \t\r"), maxsplit=split)


def _segment(words: list[str]) -> tuple[str, Segment]:
    try:
        utterance, recording, *numbers = words
        start, end, channel = float(numbers[0]), float(numbers[1]), int([*numbers, "0"][2])
        is_valid = len(numbers) < 4 and math.isfinite(start + end) and channel >= 0
    except (ValueError, IndexError):
        is_valid = False
    if not is_valid:
        expected = "an utterance, a recording, start and end in seconds, and optionally a channel"
        raise FormatError(f"expected {expected}, found {shown(' '.join(words))}")
    return utterance, Segment(
        utterance=utterance,
        recording=recording,
        start=start,
        end=None if end == _TO_THE_END else end,
        channel=channel if len(numbers) == 3 else None,
    )


def _channel(words: list[str]) -> tuple[str, int]:
    if len(words) != 3 or words[2] not in CHANNELS:
        raise FormatError(
            f"expected a recording, a file and A or B, found {shown(' '.join(words))}"
        )
    return words[0], CHANNELS[words[2]]
