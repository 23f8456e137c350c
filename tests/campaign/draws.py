"""Odd values, and values that are only a little wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]

DEEP = 3000
"""Levels of nesting, more than Python's recursion limit."""

DIGITS = "9" * 5000
"""More digits than Python converts to an integer."""

RAW = {
    "RAW:digits": DIGITS,
    "RAW:small": f"0.{DIGITS}",
    "RAW:exponent": "1e999999999",
    "RAW:nan": "NaN",
    "RAW:infinity": "-Infinity",
    "RAW:list": "[" * DEEP + "]" * DEEP,
    "RAW:dict": '{"a":' * DEEP + "1" + "}" * DEEP,
    "RAW:surrogate": '"\\ud800"',
    "RAW:null": '"\\u0000"',
    "RAW:wide": "[" + ",".join(["[]"] * 20_000) + "]",
}
"""JSON that Python's encoder does not write, by the string that stands for it."""

ODD_NUMBERS = (0, -1, 1, 255, 65_535, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64, -(2**63))

ODD_WORDS = (
    *("", " ", "-", "0", "-1", "1e308", "1e-320", "nan", "inf", "-inf", "None", "<NA>", "true"),
    *("9" * 400, DIGITS, "1e999999999", "0x10", "1_000", "١٢", "½", "1,5"),
    *("\x00", "\x1b[2J", "\r", "\u202e", "\ufeff", "🙂", "A" * 10_000, "../../x", "/dev/zero"),
    *("touch x |", "http://127.0.0.1:9/x", "file:///etc/passwd", "=1+1", "-->", "]]>", "&a;"),
)

ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, -0.0, 1e308, 1e-320, 2**70, "", "x", [], {}, [[]], {"": None}),
    *ODD_WORDS,
    *RAW,
)

FACTORS = (0, -1, 0.5, 1.001, 2, 1000)


def wrong(draw: Draw, value: Any, others: list[Any]) -> Any:
    """Return a value in place of *value*: one time of two an odd one, otherwise one that is near.

    Args:
        draw: Hypothesis' function.
        value: A JSON value.
        others: Further values of the same document.
    """
    if draw(st.booleans()):
        return draw(st.sampled_from(ODD_VALUES))
    if others and draw(st.booleans()):
        return draw(st.sampled_from(others))
    match value:
        case bool():
            return not value
        case int() | float():
            return draw(st.sampled_from([value * each for each in FACTORS]))
        case str():
            return near(draw, value)
        case list():
            return draw(st.sampled_from([value[::-1], value[1:], value * 2, [value]]))
        case dict():
            return dict(zip(value, reversed(value.values()), strict=True))
    return draw(st.sampled_from(ODD_VALUES))


def near(draw: Draw, word: str) -> str:
    """Return a word that is a little different, still a number if it was one."""
    try:
        number = float(word)
    except ValueError:
        return draw(st.sampled_from([word[:-1], f"{word}2", word.swapcase(), f" {word}", word * 2]))
    return f"{number * draw(st.sampled_from(FACTORS)):g}"
