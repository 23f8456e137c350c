"""The syntax of WebVTT: cues, notes, and the times of cues.

The parser accepts what players accept, but reports errors that players ignore: text without times
and malformed times. As in the standard, a line with an arrow begins a cue, and an empty line ends a
block. Cue settings, style sheets and regions only affect appearance and are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emo2vec_plugins.core import shown
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats.spelling import LINE_END

_TIME = r"(?:([0-9]{1,10}):)?([0-5][0-9]):([0-5][0-9])\.([0-9]{3})"
_TIMINGS = re.compile(rf"[ \t]*{_TIME}[ \t]*-->[ \t]*{_TIME}(?:[ \t].*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """One caption.

    Attributes:
        line: Line number of the times, from 1.
        start: In seconds.
        end: In seconds.
        text: The raw text with tags; lines end with a line feed.
    """

    line: int
    start: float
    end: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A comment.

    Attributes:
        title: The text after the word NOTE.
        lines: The lines after the first.
    """

    title: str
    lines: tuple[str, ...]


def timings(start: int, end: int) -> str:
    """Return a cue's line of times; *start* and *end* are in milliseconds.

    >>> timings(1_500, 360_000_000)
    '00:00:01.500 --> 100:00:00.000'
    """
    return f"{_timestamp(start)} --> {_timestamp(end)}"


def blocks(text: str) -> Iterator[Cue | Note]:
    """Yield the cues and notes of a WebVTT file.

    Raises:
        FormatError: If a line is malformed; names the line.
    """
    lines = LINE_END.split(text)
    if not re.fullmatch(r"WEBVTT(?:[ \t].*)?", lines[0]):
        raise FormatError(f"line 1: expected WEBVTT, found {shown(lines[0])}")
    index = _end_of_block(lines, 1)
    while index < len(lines):
        line = lines[index]
        # In the standard, a line of blanks does not end a block, but people separate blocks with it.
        if not line.strip():
            index += 1
            continue
        end = _end_of_block(lines, index + 1)
        note = re.fullmatch(r"NOTE(?:[ \t](.*))?", line)
        if note:
            yield Note(title=note[1] or "", lines=tuple(lines[index + 1 : end]))
        elif "-->" in line:
            yield _cue(index + 1, line, "\n".join(lines[index + 1 : end]))
        elif not re.fullmatch(r"(?:STYLE|REGION)[ \t]*", line):
            _expect_timings(lines, index + 1)  # the line is a cue's identifier
        index = end


def _end_of_block(lines: Sequence[str], index: int) -> int:
    """Return the index of the next line that ends a block; the number of lines if none does."""
    while index < len(lines) and lines[index] and "-->" not in lines[index]:
        index += 1
    return index


def _expect_timings(lines: Sequence[str], index: int) -> None:
    if index >= len(lines) or "-->" not in lines[index]:
        found = f"text without times: {shown(lines[index - 1])}"
        raise FormatError(f"line {index}: expected a cue, NOTE, STYLE or REGION, found {found}")


def _cue(number: int, line: str, text: str) -> Cue:
    found = _TIMINGS.fullmatch(line)
    if found is None:
        expected = "times such as 00:00:01.500 --> 00:00:03.000"
        raise FormatError(f"line {number}: expected {expected}, found {shown(line)}")
    start, end = _seconds(found.groups()[:4]), _seconds(found.groups()[4:])
    if end < start:
        raise FormatError(f"line {number}: expected an end after the start, found {shown(line)}")
    return Cue(line=number, start=start, end=end, text=text)


def _seconds(fields: Sequence[str | None]) -> float:
    hours, minutes, seconds, milliseconds = (int(field or 0) for field in fields)
    return (((hours * 60 + minutes) * 60 + seconds) * 1_000 + milliseconds) / 1_000


def _timestamp(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1_000)
    return f"{seconds // 3_600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"
