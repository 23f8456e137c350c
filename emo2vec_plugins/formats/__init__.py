"""Annotation formats, one file each; every one is registered through ``emo2vec_formats``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from emo2vec_plugins.dialogue import Dialogue


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
    """

    name: str
    suffixes: tuple[str, ...]
    description: str
    dumps: Callable[[Sequence[Dialogue]], str] | None = None
    loads: Callable[[str], list[Dialogue]] | None = None
