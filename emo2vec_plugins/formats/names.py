"""Escaping of names for places without quoting: RTTM fields, tier names and file names.

Characters that are allowed in a place stay as they are. Others become ``%XX``, the bytes of their
UTF-8 encoding. A ``%`` is escaped only if it could be read as such an escape. The mapping is
one-to-one: two names never collide, and every escaped name can be restored. Where ``%`` is not
allowed, another character marks an escape.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

_MARK = "%"


@dataclass(frozen=True, slots=True)
class Escaping:
    """The rules for writing any name in one kind of place.

    Attributes:
        keeps: Whether a character is allowed in the place.
        reserved: Names with another meaning in the place; their first character is escaped.
        mark: The character that starts an escape; it must be allowed in the place.
        taken: Matches ASCII characters whose position gives them another meaning; they are escaped.
    """

    keeps: Callable[[str], bool]
    reserved: frozenset[str] = frozenset()
    mark: str = _MARK
    taken: re.Pattern[str] | None = None

    def escape(self, name: str) -> str:
        """Return *name* escaped; never empty, and different for different names.

        >>> Escaping(str.isalnum).escape("a b"), Escaping(str.isalnum).escape("")
        ('a%20b', '%')
        """
        if not name:
            return self.mark
        # One escape is enough to distinguish a name from a reserved word.
        is_reserved = name in self.reserved or name == self.mark
        text = self._encoded(name[0]) + self._body(name[1:]) if is_reserved else self._body(name)
        if self.taken is None:
            return text
        return self.taken.sub(lambda found: self._encoded(found.group()), text)

    def unescape(self, text: str) -> str:
        """Return the name that `escape` turns into *text*.

        If no name escapes to *text*, another tool wrote it, and *text* itself is the name.
        """
        name = unescaped(text, mark=self.mark)
        return name if self.escape(name) == text else text

    def _body(self, name: str) -> str:
        # A % before two hexadecimal digits would be read as an escape.
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
        # Python represents file names that are not UTF-8 with lone surrogates; keep those as well.
        encoded = character.encode("utf-8", "surrogatepass")
        return "".join(f"{self.mark}{byte:02X}" for byte in encoded)


def unescaped(text: str, *, mark: str = _MARK) -> str:
    """Return *text* with all escapes decoded; unchanged if they are not valid UTF-8."""
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
"""In bytes; file systems allow 255 for a name with its suffixes."""

# Windows reads these as device names, with any suffix.
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))]
)
_STEMS = Escaping(lambda c: c.isprintable() and c not in '/\\:*?"<>|')


def bundle_stem(recording: str) -> str:
    """Return the file name, without suffix, of the files in a recording's bundle.

    This is the recording's name if it is safe on every file system. Other names are escaped, so
    that no file lands outside its folder or takes the name of another recording's file.

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
    # The remaining 55 of 255 bytes are for suffixes.
    encoded = stem.encode("utf-8")
    if len(encoded) <= LONGEST_STEM:
        return stem
    digest = sha256(recording.encode("utf-8", "surrogatepass")).hexdigest()
    # The digest distinguishes long names with the same beginning.
    return encoded[: LONGEST_STEM - 25].decode("utf-8", "ignore") + "%-" + digest[:20]


def recording_of(stem: str) -> str:
    """Return the name of the recording that a file is named after.

    >>> recording_of("ES2011a"), recording_of("%2E.%2Fx"), recording_of("100%25 sure")
    ('ES2011a', '../x', '100%25 sure')
    """
    name = unescaped(stem)
    return name if bundle_stem(name) == stem else stem
