"""Annotation formats, which plugins offer through the hook ``emo2vec_formats``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from emo2vec_plugins.core.attributes import (
    COUNT,
    MAYBE_FUNCTION,
    NAME,
    SWITCH,
    TEXT,
    Check,
    all_strings,
    check_attributes,
)
from emo2vec_plugins.core.messages import did_you_mean
from emo2vec_plugins.core.values import Dialogue
from emo2vec_plugins.errors import FormatError


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """An annotation format: how to write dialogues, read them, or both.

    If a format declares *holds*, `loads` must restore those fields from the output of `dumps`.
    Every file is checked against this rule when it is written.

    Attributes:
        name: The name that users and other plugins pass.
        suffixes: Endings of file names; among all formats, the longest match wins.
        description: One line for listings, including what is lost.
        dumps: Returns the text for a list of dialogues, or bytes if *binary*. Raises
            `FormatError` if the format cannot store them.
        loads: Returns the dialogues in a text, or in bytes if *binary*. Raises `FormatError` with
            the line if the text does not follow the format. Must name a recording ``""`` if the
            text has no name; the caller then names it after its file.
        binary: Whether files contain bytes instead of text.
        by_line: Whether each item is a line of its own, so that a file may have any number of them.
            Other files are limited to `emo2vec_plugins.files.read_limit` bytes; here each line is.
        holds: The members of `emo2vec_plugins.formats.FIELDS` that survive a round trip; None if
            unspecified.
        ticks: Time resolution, in ticks per second; 0 if times are not rounded.
        least: Duration of the shortest turn, in ticks; shorter turns are extended to it.

    Raises:
        FormatError: If an attribute has the wrong type, the format has neither *dumps* nor
            *loads*, or a suffix has no dot.
    """

    name: str
    suffixes: tuple[str, ...]
    description: str
    dumps: Callable[[Sequence[Dialogue]], Any] | None = None
    loads: Callable[[Any], list[Dialogue]] | None = None
    binary: bool = False
    by_line: bool = False
    holds: frozenset[str] | None = None
    ticks: int = 0
    least: int = 0

    def __post_init__(self) -> None:
        suffixes: Any = self.suffixes
        if isinstance(suffixes, str):
            raise FormatError(f"suffixes must be a tuple, got {suffixes!r}: write ({suffixes!r},)")
        check_attributes(self, "format", _CHECKS, FormatError)
        for suffix in suffixes:
            if not suffix.startswith("."):
                raise FormatError(f"a suffix must start with a dot, got {suffix!r}")
        if self.dumps is None and self.loads is None:
            raise FormatError(f"format {self.name!r} has neither dumps nor loads")


def _are_suffixes(value: Any) -> bool:
    return isinstance(value, tuple | list) and all_strings(value)


def _are_fields(value: Any) -> bool:
    return value is None or (isinstance(value, Set) and all_strings(value))


_CHECKS: dict[str, Check] = {
    "name": NAME,
    "suffixes": (_are_suffixes, "a tuple of strings"),
    "description": TEXT,
    "dumps": MAYBE_FUNCTION,
    "loads": MAYBE_FUNCTION,
    "binary": SWITCH,
    "by_line": SWITCH,
    "holds": (_are_fields, "a set of strings or None"),
    "ticks": COUNT,
    "least": COUNT,
}


def unknown_format(name: str, known: Mapping[str, Format]) -> FormatError:
    """Return the error for a name that is neither a format nor a file name of one.

    It suggests formats with the same ending, ``elan`` for ``eaf``, or with a similar name.
    """
    ending = f".{name.rpartition('.')[2]}".casefold()
    alike = [
        f"{each.name!r} ({suffix})"
        for each in known.values()
        for suffix in each.suffixes
        if suffix.casefold().endswith(ending)
    ]
    hint = (
        f" (did you mean {' or '.join(alike)}?)"
        if alike
        else did_you_mean(name, known, cutoff=0.75)
    )
    listed = "" if hint else f"; the formats are {', '.join(sorted(known))}"
    return FormatError(f"no format for {name!r}{hint}{listed}")
