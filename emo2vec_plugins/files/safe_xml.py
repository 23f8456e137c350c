"""Parsing of untrusted XML without document types, which could exhaust memory or read files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files.bounded import MOST_DEPTH

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def parsed(text: str) -> Element:
    """Return the root of an XML document; a byte order mark is ignored.

    Raises:
        FormatError: If the text is not XML, has a document type, or is nested too deeply.
    """
    try:
        root: Element = fromstring(text.removeprefix("\ufeff"), forbid_dtd=True)
    except (ParseError, UnicodeEncodeError) as error:
        raise FormatError(f"invalid or incomplete XML: {error}") from error
    except DefusedXmlException as error:
        expected = "XML without a document type and entities, which can read other files"
        raise FormatError(f"expected {expected}, got {type(error).__name__}") from error
    if _is_deep(root):
        raise FormatError(f"expected XML of a known format, found more than {MOST_DEPTH} levels")
    return root


def _is_deep(root: Element) -> bool:
    level = [root]
    for _ in range(MOST_DEPTH):
        level = [inner for outer in level for inner in outer]
        if not level:
            return False
    return True
