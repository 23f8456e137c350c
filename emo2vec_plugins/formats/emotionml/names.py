"""What things are called in EmotionML, and how our names are spelt in it."""

from __future__ import annotations

from emo2vec_plugins.core import UNSCORED
from emo2vec_plugins.formats.escaping import Escaping

NAMESPACE = "http://www.w3.org/2009/10/emotionml"
"""The namespace of the standard."""

OURS = "urn:emo2vec:emotionml:1"
"""The namespace of what is in ``info``; the number changes when it can no longer be read as before."""

XML_ID = "{http://www.w3.org/XML/1998/namespace}id"

MILLISECONDS = 1_000
"""Ticks a second in which times are written."""


def _is_xml(character: str) -> bool:
    """Return whether XML 1.0 can hold a character, in whatever way it is spelt."""
    if character < " ":
        return character in "\t\n\r"
    return not "\ud800" <= character <= "\udfff" and character not in "\ufffe\uffff"


ANY = Escaping(_is_xml)
"""Attributes of ours: any text."""

WORDS = Escaping(lambda character: _is_xml(character) and not character.isspace())
"""Attributes of ours that list several words."""

# Names of items are NMTOKENs, which have no %; validators differ in which letters beyond ASCII are some.
CATEGORIES = Escaping(
    lambda character: character.isascii() and (character.isalnum() or character in "-_."),
    frozenset({UNSCORED}),
    mark=":",
)
