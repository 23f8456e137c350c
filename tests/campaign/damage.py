"""Strategies that damage a valid file, with knowledge of its structure.

Every strategy draws from Hypothesis, so a seed repeats a campaign. A file is damaged in one to
three places: in its bytes, or, for text, in its lines, its JSON or YAML values, or its XML elements.
"""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import yaml
from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]

DEEP = 3000
"""Levels of nesting, more than Python's recursion limit."""

DIGITS = "9" * 5000
"""More digits than Python converts to an integer."""

LARGEST = 16 << 20
"""Most bytes of a damaged file."""

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


@st.composite
def damaged(draw: Draw, sample: bytes, shape: str) -> bytes:
    """Draw a damaged copy of *sample*.

    Args:
        draw: Hypothesis' function.
        sample: A valid file.
        shape: ``bytes``, ``lines``, ``json``, ``jsonl``, ``yaml`` or ``xml``; ``.gz`` at the end
            for a compressed file.
    """
    if shape.endswith(".gz"):
        if draw(st.booleans()):
            return _bytes(draw, sample)
        inner = draw(damaged(gzip.decompress(sample), shape.removesuffix(".gz")))
        return gzip.compress(inner, 1, mtime=0)
    for _ in range(draw(st.integers(1, 3))):
        # Damage to bytes also breaks the encoding, so every kind of file gets some.
        kind = _SHAPES[shape] if draw(st.integers(0, 3)) else _bytes
        try:
            sample = kind(draw, sample)
        except (_UnstructuredError, RecursionError, MemoryError):
            sample = _bytes(draw, sample)
        sample = sample[:LARGEST]
    return sample


class _UnstructuredError(Exception):
    """Earlier damage left nothing that can be parsed."""


def _bytes(draw: Draw, data: bytes) -> bytes:
    if not data:
        return draw(st.binary(max_size=8))
    # Headers, where sizes and counts are, get half of the damage.
    place = draw(st.integers(0, min(len(data), 128) - 1) | st.integers(0, len(data) - 1))
    length = draw(st.sampled_from([1, 2, 4, 8, 100, 4096]))
    match draw(st.sampled_from(["flip", "number", "cut", "drop", "repeat", "random", "zero"])):
        case "flip":
            flipped = data[place] ^ (1 << draw(st.integers(0, 7)))
            return data[:place] + bytes([flipped]) + data[place + 1 :]
        case "number":
            size = draw(st.sampled_from([1, 2, 4, 8]))
            value = draw(st.sampled_from(ODD_NUMBERS)) % 2 ** (8 * size)
            order = draw(st.sampled_from(["little", "big"]))
            return data[:place] + value.to_bytes(size, order) + data[place + size :]
        case "cut":
            return data[:place]
        case "drop":
            return data[:place] + data[place + length :]
        case "repeat":
            times = draw(st.sampled_from([1, 2, 100]))
            return data[:place] + data[place : place + length] * times + data[place:]
        case "random":
            return data[:place] + draw(st.binary(max_size=16)) + data[place:]
        case _:
            return data[:place] + bytes(min(length, len(data) - place)) + data[place + length :]


def _lines(draw: Draw, data: bytes) -> bytes:
    lines = data.decode("utf-8", "surrogateescape").splitlines(keepends=True)
    if not lines:
        raise _UnstructuredError
    place = draw(st.integers(0, len(lines) - 1))
    match draw(
        st.sampled_from(["field", "field", "field", "drop", "repeat", "join", "move", "long"])
    ):
        case "field":
            separator = draw(st.sampled_from([" ", "\t", ",", ":", "=", '"']))
            fields = lines[place].split(separator)
            fields[draw(st.integers(0, len(fields) - 1))] = draw(st.sampled_from(ODD_WORDS))
            lines[place] = separator.join(fields)
        case "drop":
            del lines[place]
        case "repeat":
            lines[place] *= draw(st.sampled_from([2, 1000]))
        case "join":
            lines[place] = lines[place].rstrip("\r\n")
        case "move":
            lines.insert(draw(st.integers(0, len(lines) - 1)), lines.pop(place))
        case "long":
            lines[place] = draw(st.sampled_from(["a", " ", "<", "-", "9", "[", '"'])) * 200_000
    return "".join(lines).encode("utf-8", "surrogateescape")


def _json(draw: Draw, data: bytes) -> bytes:
    try:
        whole = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _UnstructuredError from error
    return _as_json(_changed(draw, whole))


def _jsonl(draw: Draw, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    if not lines or not draw(st.integers(0, 3)):
        return _lines(draw, data)
    place = draw(st.integers(0, len(lines) - 1))
    lines[place] = _json(draw, lines[place]).replace(b"\n", b"") + b"\n"
    return b"".join(lines)


def _yaml(draw: Draw, data: bytes) -> bytes:
    match draw(st.sampled_from(["value", "value", "line", "aliases", "tag", "deep"])):
        case "aliases":
            bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n"
            for name, last in zip("bcdefghi", "abcdefgh", strict=True):
                bomb += f"{name}: &{name} [{','.join([f'*{last}'] * 9)}]\n"
            return bomb.encode() + data
        case "tag":
            tags = [
                "!!python/object/apply:os.system ['touch x']",
                "!!python/name:os.system",
                "!x y",
            ]
            return data + f"\nextra: {draw(st.sampled_from(tags))}\n".encode()
        case "deep":
            return data + b"\nextra: " + b"[" * DEEP + b"]" * DEEP
        case "line":
            return _lines(draw, data)
    try:
        whole = yaml.safe_load(data)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _UnstructuredError from error
    return _as_json(_changed(draw, whole))  # JSON is YAML


def _xml(draw: Draw, data: bytes) -> bytes:
    kind = draw(
        st.sampled_from(["value", "value", "value", "repeat", "drop", "line", "entity", "deep"])
    )
    if kind == "line":
        return _lines(draw, data)
    if kind == "entity":
        bomb = b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
        head, mark, tail = data.partition(b"?>")
        return head + mark + bomb + tail if mark else bomb + data
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError) as error:
        raise _UnstructuredError from error
    elements = [(parent, child) for parent in root.iter() for child in parent]
    if not elements:
        raise _UnstructuredError
    parent, child = elements[draw(st.integers(0, len(elements) - 1))]
    word = draw(st.sampled_from([w for w in ODD_WORDS if w.isprintable()]))
    match kind:
        case "repeat":
            times = draw(st.sampled_from([1, 500]))
            parent.extend(copy.deepcopy(child) for _ in range(times))
        case "drop":
            parent.remove(child)
        case "deep":
            return data.replace(b"</", b"<a>" * DEEP + b"</a>" * DEEP + b"</", 1)
        case _ if child.attrib and draw(st.booleans()):
            name = draw(st.sampled_from(sorted(child.attrib)))
            if draw(st.booleans()):
                child.set(name, word)
            else:
                del child.attrib[name]
        case _:
            child.text = word
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


_SHAPES: dict[str, Callable[[Draw, bytes], bytes]] = {
    "bytes": _bytes,
    "lines": _lines,
    "json": _json,
    "jsonl": _jsonl,
    "yaml": _yaml,
    "xml": _xml,
}


def _changed(draw: Draw, whole: Any) -> Any:
    """Return a JSON value with one odd, missing, renamed or repeated part."""
    odd = draw(st.sampled_from(ODD_VALUES))
    places = places_in(whole)
    if not places:
        return odd
    holder, key = places[draw(st.integers(0, len(places) - 1))]
    match draw(st.sampled_from(["value", "value", "value", "drop", "rename", "repeat"])):
        case "drop":
            del holder[key]
        case "rename" if isinstance(holder, dict):
            holder[draw(st.sampled_from(["", "id", "type", "duration", "x"]))] = holder.pop(key)
        case "repeat" if isinstance(holder, list):
            holder.extend([holder[key]] * draw(st.sampled_from([1, 1000])))
        case _:
            holder[key] = odd
    return whole


def places_in(value: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key or index) within a JSON value."""
    stack, found = [value], []
    while stack:
        holder = stack.pop()
        if isinstance(holder, dict | list):
            for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
                found.append((holder, key))
                stack.append(holder[key])
    return found


def _as_json(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=True)
    for name, raw in RAW.items():
        text = text.replace(f'"{name}"', raw)
    return text.encode()
