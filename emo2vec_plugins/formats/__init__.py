"""Annotation formats, one file each; every one is registered through ``emo2vec_formats``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from emo2vec_plugins.dialogue import Dialogue
from emo2vec_plugins.errors import FormatError


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A way to write dialogues down, to read them, or both.

    Attributes:
        name: What users and other plugins call it.
        suffixes: File names of this format end so; the longest match of all formats wins.
        description: One line for listings; says what is lost.
        dumps: Gives the text for some dialogues. Raises `FormatError` when the format cannot
            hold them.
        loads: Gives the dialogues in a text. Raises `FormatError`, with the line, when the text
            is not of this format.

    Raises:
        FormatError: If it can neither be read nor written, or an ending has no dot.
    """

    name: str
    suffixes: tuple[str, ...]
    description: str
    dumps: Callable[[Sequence[Dialogue]], str] | None = None
    loads: Callable[[str], list[Dialogue]] | None = None

    def __post_init__(self) -> None:
        suffixes: Any = self.suffixes
        if isinstance(suffixes, str):
            raise FormatError(f"suffixes is a tuple, got {suffixes!r}: ({suffixes!r},)")
        for suffix in suffixes:
            if not suffix.startswith("."):
                raise FormatError(f"a suffix begins with a dot, got {suffix!r}")
        if self.dumps is None and self.loads is None:
            raise FormatError(f"format {self.name!r} has neither dumps nor loads")
