"""Text files of a Kaldi data folder, parsed as strictly as Kaldi does."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files import read_text

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


def read_table(path: Path, *, rest: bool = False) -> dict[str, str]:
    """Return the keys and values of a file, in file order.

    Args:
        path: ``wav.scp``, ``utt2spk`` or a similar file.
        rest: Whether the value is the rest of the line, which may have spaces.

    Raises:
        FormatError: If a line is malformed, or a key is repeated. The message has the line number.
        OSError: If the file cannot be read.
    """

    def parse(words: list[str]) -> tuple[str, str]:
        if len(words) != 2:
            what = "a key and a value" if rest else "two words"
            raise FormatError(f"expected {what}, found {' '.join(words)!r}")
        return words[0], words[1]

    return dict(_lines(path, parse, split=1 if rest else 0))


def read_segments(path: Path) -> list[Segment]:
    """Return the segments of a file, in file order.

    Raises:
        FormatError: If a line is malformed, or an utterance is repeated. The message has the line
            number.
        OSError: If the file cannot be read.
    """
    return [segment for _, segment in _lines(path, _segment)]


def read_channels(path: Path) -> dict[str, int]:
    """Return the channel of each recording in a ``reco2file_and_channel``.

    Raises:
        FormatError: If a line is malformed. The message has the line number.
        OSError: If the file cannot be read.
    """
    return dict(_lines(path, _channel))


def _lines(
    path: Path, parse: Callable[[list[str]], tuple[str, T]], *, split: int = 0
) -> Iterator[tuple[str, T]]:
    found: dict[str, int] = {}
    # Not splitlines() and split(): these also split at Unicode spaces and line breaks, which Kaldi
    # reads as letters.
    for number, line in enumerate(read_text(path).removeprefix("\ufeff").split("\n"), 1):
        words = _BLANK.split(line.strip(" \t\r"), maxsplit=split)
        if words == [""]:
            continue
        try:
            key, value = parse(words)
        except FormatError as error:
            raise FormatError(f"{path}: line {number}: {error}") from error
        if key in found:
            raise FormatError(f"{path}: line {number}: {key!r} is already in line {found[key]}")
        found[key] = number
        yield key, value


def _segment(words: list[str]) -> tuple[str, Segment]:
    try:
        utterance, recording, *numbers = words
        start, end, channel = float(numbers[0]), float(numbers[1]), int([*numbers, "0"][2])
        is_valid = len(numbers) < 4 and math.isfinite(start + end) and channel >= 0
    except (ValueError, IndexError):
        is_valid = False
    if not is_valid:
        expected = "an utterance, a recording, start and end in seconds, and optionally a channel"
        raise FormatError(f"expected {expected}, found {' '.join(words)!r}")
    return utterance, Segment(
        utterance=utterance,
        recording=recording,
        start=start,
        end=None if end == _TO_THE_END else end,
        channel=channel if len(numbers) == 3 else None,
    )


def _channel(words: list[str]) -> tuple[str, int]:
    if len(words) != 3 or words[2] not in CHANNELS:
        raise FormatError(f"expected a recording, a file and A or B, found {' '.join(words)!r}")
    return words[0], CHANNELS[words[2]]
