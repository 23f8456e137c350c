"""Names that survive where a format has no quoting: RTTM fields, tiers, and file names.

A name keeps every character that the place can hold; the others become ``%XX``, the bytes of
their UTF-8 encoding. A ``%`` is itself escaped only where it could be taken for such an escape.
So two names never become one, and every escaped name has its original back. Where a place cannot
hold a ``%``, another sign stands for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

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


LONGEST_STEM = 200
"""Bytes; file systems allow 255 for a name, suffixes included."""

# Devices to Windows, whatever suffix follows them.
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))]
)
_STEMS = Escaping(lambda c: c.isprintable() and c not in '/\\:*?"<>|')


def bundle_stem(recording: str) -> str:
    """Return what the files of a recording's bundle are named after.

    The recording's name where that is safe on every file system; other names are escaped, so
    that no file lies outside its folder, or is another recording's.

    >>> bundle_stem("ES2011a"), bundle_stem("../x"), bundle_stem("x.emotion")
    ('ES2011a', '%2E.%2Fx', 'x%2Eemotion')
    """
    stem = _STEMS.escape(recording)
    if stem.startswith("."):
        stem = "%2E" + stem[1:]
    head, dot, tail = stem.rpartition(".")
    if dot and tail.casefold() in ("emotion", "spkemo"):  # "x.emotion" + ".rttm" is x's file
        stem = f"{head}%2E{tail}"
    if stem.partition(".")[0].casefold() in _DEVICES:
        stem = f"%{ord(stem[0]):02X}{stem[1:]}"
    # The rest of the 255 bytes is for suffixes.
    encoded = stem.encode("utf-8")
    if len(encoded) <= LONGEST_STEM:
        return stem
    digest = sha256(recording.encode("utf-8", "surrogatepass")).hexdigest()
    # The digest keeps apart long names that begin alike.
    return encoded[: LONGEST_STEM - 25].decode("utf-8", "ignore") + "%-" + digest[:20]


def recording_of(stem: str) -> str:
    """Return the recording that a file is named after.

    >>> recording_of("ES2011a"), recording_of("%2E.%2Fx"), recording_of("100%25 sure")
    ('ES2011a', '../x', '100%25 sure')
    """
    name = unescaped(stem)
    return name if bundle_stem(name) == stem else stem
