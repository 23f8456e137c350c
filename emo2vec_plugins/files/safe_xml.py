"""XML from strangers: a document type could fill the memory or read other files, so there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emo2vec_plugins.core import import_extra
from emo2vec_plugins.errors import FormatError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def parsed(text: str, *, what: str) -> Element:
    """Return the root of a document, with or without a byte order mark before it.

    Args:
        text: All of it.
        what: What it is, for people without the extra.

    Raises:
        FormatError: If it is no XML, or has a document type.
        MissingExtraError: If the ``formats`` extra, which brings defusedxml, is not installed.
    """
    import_extra("defusedxml", extra="formats", purpose=f"reading {what}")
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        root: Element = fromstring(text.removeprefix("\ufeff"), forbid_dtd=True)
    except (ParseError, UnicodeEncodeError) as error:
        raise FormatError(f"not XML, or not all of it: {error}") from error
    except DefusedXmlException as error:
        expected = "XML without a document type and entities, which can read other files"
        raise FormatError(f"expected {expected}, found {type(error).__name__}") from error
    return root
