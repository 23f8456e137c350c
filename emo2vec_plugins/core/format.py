"""What a plugin offers through ``emo2vec_formats``: a way to write dialogues, to read them, or both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from emo2vec_plugins.core.values import Dialogue
from emo2vec_plugins.errors import FormatError


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A way to write dialogues down, to read them, or both.

    A format that says what it *holds* keeps a law: what `dumps` wrote, `loads` gives back, but for
    what the format does not hold. Files are held to it when they are written.

    Attributes:
        name: What users and other plugins call it.
        suffixes: File names of this format end so; the longest match of all formats wins.
        description: One line for listings; says what is lost.
        dumps: Gives the text for some dialogues, or bytes if *binary*. Raises `FormatError` when
            the format cannot hold them.
        loads: Gives the dialogues in a text, or in bytes if *binary*. Raises `FormatError`, with
            the line, when it is not of this format. A recording whose name is not in the text is
            called ``""``, and named after its file by whoever reads one.
        binary: Files of this format are no text.
        holds: Which of `emo2vec_plugins.formats.FIELDS` come back; None if that is not said.
        ticks: Times are written in whole ones of so many a second; 0 for times as they are.
        least: The shortest turn that is written, in ticks; shorter ones are drawn out to it.

    Raises:
        FormatError: If it can neither be read nor written, or an ending has no dot.
    """

    name: str
    suffixes: tuple[str, ...]
    description: str
    dumps: Callable[[Sequence[Dialogue]], Any] | None = None
    loads: Callable[[Any], list[Dialogue]] | None = None
    binary: bool = False
    holds: frozenset[str] | None = None
    ticks: int = 0
    least: int = 0

    def __post_init__(self) -> None:
        suffixes: Any = self.suffixes
        if isinstance(suffixes, str):
            raise FormatError(f"suffixes is a tuple, got {suffixes!r}: ({suffixes!r},)")
        for suffix in suffixes:
            if not suffix.startswith("."):
                raise FormatError(f"a suffix begins with a dot, got {suffix!r}")
        if self.dumps is None and self.loads is None:
            raise FormatError(f"format {self.name!r} has neither dumps nor loads")
