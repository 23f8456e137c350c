"""Names that survive where a format has no quoting: RTTM fields, and file names.

A name keeps every character that the place can hold; the others become ``%XX``, the bytes of
their UTF-8 encoding. A ``%`` is itself escaped only where it could be taken for such an escape.
So two names never become one, and every escaped name has its original back. Where a place cannot
hold a ``%``, another sign stands for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_MARK = "%"


@dataclass(frozen=True, slots=True)
class Escaping:
    """One place's way to hold any name.

    Attributes:
        keeps: Whether the place can hold a character as it is.
        reserved: Names that mean something else there; their first character is escaped.
        mark: What an escape begins with; the place can hold it.
        taken: ASCII characters that mean something else where they stand, and are escaped there.
    """

    keeps: Callable[[str], bool]
    reserved: frozenset[str] = frozenset()
    mark: str = _MARK
    taken: re.Pattern[str] | None = None

    def escape(self, name: str) -> str:
        """Return what stands for *name*; never empty, and one-to-one.

        >>> Escaping(str.isalnum).escape("a b"), Escaping(str.isalnum).escape("")
        ('a%20b', '%')
        """
        if not name:
            return self.mark
        # One escape is enough to tell a name from the word that is reserved.
        is_reserved = name in self.reserved or name == self.mark
        text = self._encoded(name[0]) + self._body(name[1:]) if is_reserved else self._body(name)
        if self.taken is None:
            return text
        return self.taken.sub(lambda found: self._encoded(found.group()), text)

    def unescape(self, text: str) -> str:
        """Return the name that `escape` gives *text* for.

        Text that `escape` gives for no name at all was written by somebody else, and is the name.
        """
        name = unescaped(text, mark=self.mark)
        return name if self.escape(name) == text else text

    def _body(self, name: str) -> str:
        # A % that stands before two hexadecimal digits would be read as an escape.
        ambiguous = {
            found.start() for found in re.finditer(f"{re.escape(self.mark)}(?=[0-9A-F]{{2}})", name)
        }
        return "".join(
            self._encoded(character)
            if index in ambiguous or not (character == self.mark or self.keeps(character))
            else character
            for index, character in enumerate(name)
        )

    def _encoded(self, character: str) -> str:
        # Names of files that are no UTF-8 have lone surrogates in Python; they must come back, too.
        encoded = character.encode("utf-8", "surrogatepass")
        return "".join(f"{self.mark}{byte:02X}" for byte in encoded)


def unescaped(text: str, *, mark: str = _MARK) -> str:
    """Return *text* with all its escapes decoded; as it is, where they are not UTF-8."""
    if text == mark:
        return ""
    try:
        return re.sub(
            f"(?:{re.escape(mark)}[0-9A-F]{{2}})+",
            lambda found: bytes.fromhex(found.group().replace(mark, "")).decode(
                "utf-8", "surrogatepass"
            ),
            text,
        )
    except UnicodeDecodeError:
        return text
