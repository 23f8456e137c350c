"""Names that survive where a format has no quoting: RTTM fields, and file names.

A name keeps every character that the place can hold; the others become ``%XX``, the bytes of
their UTF-8 encoding. A ``%`` is itself escaped only where it could be taken for such an escape.
So two names never become one, and every escaped name has its original back.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_ESCAPES = re.compile("(?:%[0-9A-F]{2})+")
_AMBIGUOUS = re.compile("%(?=[0-9A-F]{2})")
_EMPTY = "%"


@dataclass(frozen=True, slots=True)
class Escaping:
    """One place's way to hold any name.

    Attributes:
        keeps: Whether the place can hold a character as it is.
        reserved: Names that mean something else there; their first character is escaped.
    """

    keeps: Callable[[str], bool]
    reserved: frozenset[str] = frozenset()

    def escape(self, name: str) -> str:
        """Return what stands for *name*; never empty, and one-to-one.

        >>> Escaping(str.isalnum).escape("a b"), Escaping(str.isalnum).escape("")
        ('a%20b', '%')
        """
        if not name:
            return _EMPTY
        if name in self.reserved or name == _EMPTY:
            return _encoded(name[0]) + self._body(name[1:])
        return self._body(name)

    def unescape(self, text: str) -> str:
        """Return the name that `escape` gives *text* for.

        Text that `escape` gives for no name at all was written by somebody else, and is the name.
        """
        name = unescaped(text)
        return name if self.escape(name) == text else text

    def _body(self, name: str) -> str:
        ambiguous = {found.start() for found in _AMBIGUOUS.finditer(name)}
        return "".join(
            _encoded(character)
            if index in ambiguous or not (character == "%" or self.keeps(character))
            else character
            for index, character in enumerate(name)
        )


def unescaped(text: str) -> str:
    """Return *text* with all its escapes decoded; as it is, where they are not UTF-8."""
    if text == _EMPTY:
        return ""
    try:
        return _ESCAPES.sub(lambda found: _decoded(found.group()), text)
    except UnicodeDecodeError:
        return text


def _encoded(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def _decoded(escapes: str) -> str:
    return bytes.fromhex(escapes.replace("%", "")).decode("utf-8", "surrogatepass")
