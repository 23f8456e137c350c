"""JSON within bounds: of depth, of numbers, and of characters that can be encoded."""

from __future__ import annotations

import json
import re
from typing import Any

from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files.bounded import MOST_DEPTH, MOST_DIGITS

_LINE = re.compile(r"line [0-9]+\Z")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def _whole(digits: str) -> int:
    if len(digits.lstrip("-")) > MOST_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits, expected at most {MOST_DIGITS}")
    return int(digits)


_JSON = json.JSONDecoder(parse_int=_whole)


def from_json(text: str, *, where: str = "", surrogates: bool = False) -> Any:
    """Return the value in a JSON text; a byte order mark is ignored.

    Args:
        text: The text.
        where: The beginning of an error's message, such as the file and line.
        surrogates: Whether strings may have lone surrogates, which UTF-8 cannot encode.

    Raises:
        FormatError: If it is not JSON, is nested too deeply, or has too large a number.
    """
    prefix = where and f"{where}: "
    try:
        value = _JSON.decode(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        line = "" if _LINE.search(where) else f"line {error.lineno}: "
        found = f"{error.msg} at character {error.colno}"
        raise FormatError(f"{prefix}{line}not JSON: {found}") from error
    except ValueError as error:
        raise FormatError(f"{prefix}expected JSON, found {error}") from error
    except RecursionError:
        raise _too_deep(prefix) from None
    if text.count("[") + text.count("{") > MOST_DEPTH and _depth(value) > MOST_DEPTH:
        raise _too_deep(prefix)
    if not surrogates and _SURROGATE.search(text) and _is_broken(value):
        raise FormatError(f"{prefix}expected text, found half a character (a lone surrogate)")
    return value


def _too_deep(prefix: str) -> FormatError:
    return FormatError(
        f"{prefix}expected JSON of a known format, found more than {MOST_DEPTH} levels of brackets"
    )


def _depth(value: Any) -> int:
    """Return the number of levels of lists and dicts, without recursion."""
    depth, level = 0, [value]
    while level:
        inner = (each.values() if isinstance(each, dict) else each for each in level)
        level = [each for values in inner for each in values if isinstance(each, dict | list)]
        depth += 1
    return depth


def _is_broken(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False
