"""How far a model can be trusted, in one line of its card.

The line is ``**Trust:** text``, anywhere in ``README.md``. Cards come from strangers, and the text is
printed in terminals and on pages: it is short, and a text with control characters is not used.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from emo2vec_plugins.core import shortened
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files import read_text

CARD = "README.md"
"""File name of a model card."""

MOST_TRUST = 200
"""Most characters of the text."""

_LINE = re.compile(r"^\*\*Trust:\*\*(.*)$", re.MULTILINE)

_PART = 16
"""A card has this part of `emo2vec_plugins.files.read_limit`."""


def trust_in_card(card: Path) -> str | None:
    """Return the text of the first line ``**Trust:** text`` of a model card.

    None if there is no such file or line, or the file cannot be read: then nothing is claimed.
    """
    try:
        text = read_text(card, part=_PART) if card.is_file() else ""
    except (FormatError, OSError):
        return None
    found = _LINE.search(text)
    return None if found is None else as_trust(found[1])


def as_trust(text: Any) -> str | None:
    r"""Return a text that can be shown, shortened; None if it is empty or has control characters.

    >>> as_trust(" only a demo "), as_trust("good\x1b[2J"), as_trust(None)
    ('only a demo', None, None)
    """
    line = text.strip() if isinstance(text, str) else ""
    return shortened(line, most=MOST_TRUST) if line and line.isprintable() else None
