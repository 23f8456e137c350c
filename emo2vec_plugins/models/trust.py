"""How far a model can be trusted, in one line: that of its card, or the line of a published model.

The line is ``**Trust:** text``, anywhere in ``README.md``. Cards come from strangers, and the text is
printed in terminals and on pages: it is short, and a text with control characters is not used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emo2vec_plugins.core import shortened
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files import read_text

CARD = "README.md"
"""File name of a model card."""

MOST_TRUST = 200
"""Most characters of the text."""

TRUST_LINE = re.compile(r"^\*\*Trust:\*\*(.*)$", re.MULTILINE)
"""The line in Markdown, with its text."""

_FENCED = re.compile(r"^ {0,3}(```|~~~).*?(?:^ {0,3}\1|\Z)", re.MULTILINE | re.DOTALL)
"""A block of code, which is no part of the text."""

_PART = 16
"""A card has this part of `emo2vec_plugins.files.read_limit`."""


_PUBLISHED = re.compile(
    r"(emotion2vec/|iic/)?(emotion2vec_plus_(large|base|seed)|emotion2vec_base)"
)
"""Names of the published models: with their owner on the hubs, or of a folder without one."""

_BY_CLASSES = {
    9: "9 classes; trained largely on pseudo-labelled speech (Ma et al. 2024, arXiv:2312.15185); "
    "measure it on your own recordings: emo2vec evaluate",
    0: "embeddings only; it has no classes",
}
"""The published models by number of classes: a folder with one of their names may have others."""


def trust_of(folder: Path, name: str, tokens: Sequence[str]) -> str | None:
    """Return how far a model can be trusted: from its card, or built in if it is published.

    Args:
        folder: The folder of the model.
        name: Name of the model.
        tokens: Its classes.

    Returns:
        None if its card does not say.
    """
    published = _BY_CLASSES.get(len(tokens)) if _PUBLISHED.fullmatch(name) else None
    return trust_in_card(folder / CARD) or published


def trust_in_card(card: Path) -> str | None:
    """Return the text of the first line ``**Trust:** text`` of a model card that has any text.

    None if there is no such file or line, or the file cannot be read: then nothing is claimed.
    """
    try:
        text = read_text(card, part=_PART) if card.is_file() else ""
    except (FormatError, OSError):
        return None
    lines: list[str] = TRUST_LINE.findall(_FENCED.sub("", text))
    return as_trust(next(filter(str.strip, lines), None))


def as_trust(text: Any) -> str | None:
    r"""Return a text that can be shown, shortened; None if it is empty or has control characters.

    >>> as_trust(" only a demo "), as_trust("good\x1b[2J"), as_trust(None)
    ('only a demo', None, None)
    """
    line = text.strip() if isinstance(text, str) else ""
    return shortened(line, most=MOST_TRUST) if line and line.isprintable() else None
